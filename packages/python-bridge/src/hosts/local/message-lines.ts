/** One line as a message, or what is wrong with it. */
export type MessageLine<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly detail: string };

/** Who hears what comes line by line. */
export interface MessageListener<Message> {
  /** Every message. */
  onMessage(message: Message): void;
  /** Once, when something else comes; nothing is heard afterwards. */
  onBroken(detail: string): void;
}

/** How lines become messages. */
export interface MessageFormat<Message> {
  /** Longest line in bytes, without its end. */
  readonly maxBytes: number;
  /** Makes a message of one line. */
  readonly parse: (line: Buffer) => MessageLine<Message>;
}

/** The fields of a JSON object, before anybody has looked at them. */
export type MessageFields = Readonly<Record<string, unknown>>;

/** Makes a function that takes bytes and tells the listener of every line in them. */
export function createMessageDecoder<Message>(
  format: MessageFormat<Message>,
  listener: MessageListener<Message>,
): (chunk: Buffer) => void {
  const decoder = new MessageDecoder(format, listener);
  return (chunk) => decoder.feed(chunk);
}

class MessageDecoder<Message> {
  readonly #format: MessageFormat<Message>;
  readonly #listener: MessageListener<Message>;
  #rest: Buffer[] = [];
  #length = 0;
  #broken = false;

  constructor(format: MessageFormat<Message>, listener: MessageListener<Message>) {
    this.#format = format;
    this.#listener = listener;
  }

  feed(chunk: Buffer): void {
    let start = 0;
    while (!this.#broken) {
      const end = chunk.indexOf(10, start);
      const fits = this.#keep(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1 || !fits) return;
      this.#finishLine();
      start = end + 1;
    }
  }

  #keep(bytes: Buffer): boolean {
    // Nothing is mostly what follows a line's end, and as a view it would hold the whole chunk.
    if (bytes.length === 0) return true;
    this.#length += bytes.length;
    if (this.#length > this.#format.maxBytes) {
      this.#breakOff(`a line is longer than ${this.#format.maxBytes} bytes`);
      return false;
    }
    this.#rest.push(bytes);
    return true;
  }

  #finishLine(): void {
    const parsed = this.#format.parse(Buffer.concat(this.#rest, this.#length));
    this.#rest = [];
    this.#length = 0;
    if (parsed.ok) this.#listener.onMessage(parsed.message);
    else this.#breakOff(parsed.detail);
  }

  #breakOff(detail: string): void {
    this.#broken = true;
    this.#rest = [];
    this.#listener.onBroken(detail);
  }
}

/**
 * Makes a parser of JSON objects that have a `type`.
 *
 * @param read - Makes a message of the fields; `undefined` when some are missing or of the wrong type.
 */
export function createLineParser<Message>(
  read: (type: string, fields: MessageFields) => Message | undefined,
): (line: Buffer) => MessageLine<Message> {
  return (line) => {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    } catch {
      return { ok: false, detail: `not JSON in UTF-8: ${preview(line)}` };
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return { ok: false, detail: `not a JSON object: ${preview(line)}` };
    }
    const fields = value as MessageFields;
    if (typeof fields['type'] !== 'string') {
      return { ok: false, detail: `an object without "type": ${preview(line)}` };
    }
    const message = read(fields['type'], fields);
    if (message !== undefined) return { ok: true, message };
    return { ok: false, detail: `fields are missing or of the wrong type: ${preview(line)}` };
  };
}

/** Whether a field is a whole number that counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function preview(line: Buffer): string {
  const text = line.subarray(0, 120).toString('utf8');
  return JSON.stringify(line.length > 120 ? `${text}…` : text);
}
