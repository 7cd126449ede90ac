import type { Readable } from 'node:stream';

/** One line of text as it was printed. */
export interface PrintedLine {
  /** Text without the line's end; bytes that are no UTF-8 show as U+FFFD. */
  readonly text: string;
  /** Whether the line was longer than the limit and was cut. */
  readonly truncated: boolean;
}

/** Longest line that is kept, in bytes. */
const MAX_LINE_BYTES = 8 * 1024;

/** Cuts a stream of bytes into lines. */
export interface LineSplitter {
  /** Takes the next bytes. */
  feed(chunk: Buffer): void;
  /** Gives out what came after the last line's end, if anything did. */
  end(): void;
}

/**
 * Makes a splitter whose memory does not grow: of a longer line only the beginning is kept.
 *
 * Lines are decoded whole, so a character is never cut by the end of a chunk.
 *
 * @param maxLineBytes - Where a line is cut, in bytes.
 */
export function createLineSplitter(
  onLine: (line: PrintedLine) => void,
  maxLineBytes: number = MAX_LINE_BYTES,
): LineSplitter {
  return new Splitter(onLine, maxLineBytes);
}

class Splitter implements LineSplitter {
  readonly #onLine: (line: PrintedLine) => void;
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #length = 0;
  #truncated = false;

  constructor(onLine: (line: PrintedLine) => void, maxLineBytes: number) {
    this.#onLine = onLine;
    this.#maxLineBytes = maxLineBytes;
  }

  feed(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  end(): void {
    if (this.#length > 0) this.#emit();
  }

  #keep(bytes: Buffer): void {
    const kept = bytes.subarray(0, this.#maxLineBytes - this.#length);
    this.#truncated ||= kept.length < bytes.length;
    if (kept.length === 0) return;
    // A copy: a view would hold the whole chunk it was cut from.
    this.#parts.push(Buffer.from(kept));
    this.#length += kept.length;
  }

  #emit(): void {
    const text = Buffer.concat(this.#parts, this.#length).toString('utf8').replace(/\r+$/u, '');
    const line = { text, truncated: this.#truncated };
    this.#parts = [];
    this.#length = 0;
    this.#truncated = false;
    this.#onLine(line);
  }
}

/** Keeps the newest of many lines. */
export interface LineRing<Line extends PrintedLine> {
  /** Adds a line, and drops the oldest while there are too many. */
  push(line: Line): void;
  /** What is kept, oldest first. */
  lines(): readonly Line[];
}

/**
 * Makes a ring bounded by lines and by characters.
 *
 * @param maxLines - Lines that are kept.
 * @param maxCharacters - Characters that are kept; the newest line is kept whatever its length.
 */
export function createLineRing<Line extends PrintedLine>(
  maxLines: number,
  maxCharacters: number,
): LineRing<Line> {
  return new Ring(maxLines, maxCharacters);
}

class Ring<Line extends PrintedLine> implements LineRing<Line> {
  readonly #maxLines: number;
  readonly #maxCharacters: number;
  readonly #kept: Line[] = [];
  #characters = 0;

  constructor(maxLines: number, maxCharacters: number) {
    this.#maxLines = maxLines;
    this.#maxCharacters = maxCharacters;
  }

  push(line: Line): void {
    this.#kept.push(line);
    this.#characters += line.text.length;
    while (this.#isFull()) this.#characters -= this.#kept.shift()?.text.length ?? 0;
  }

  lines(): readonly Line[] {
    return [...this.#kept];
  }

  #isFull(): boolean {
    const { length } = this.#kept;
    return length > this.#maxLines || (length > 1 && this.#characters > this.#maxCharacters);
  }
}

/**
 * Reads a stream to its end, line by line. Errors of a pipe are its end.
 *
 * @param maxLineBytes - Where a line is cut, in bytes; default 8 KiB.
 */
export function readLines(
  stream: Readable,
  onLine: (line: PrintedLine) => void,
  maxLineBytes?: number,
): void {
  const splitter = createLineSplitter(onLine, maxLineBytes);
  stream.on('data', (chunk: Buffer) => splitter.feed(chunk));
  stream.once('close', () => splitter.end());
  stream.on('error', () => {
    // 'close' follows; that the worker is gone is told by its exit.
  });
}
