import { CallMessage, CastMessage } from '../process/messages.ts';

/** One of the last things that a process was told. */
export interface RecentEvent {
  /** How it came: a call, a cast, any other message, or its own wish to continue. */
  readonly kind: 'call' | 'cast' | 'info' | 'continue';
  /** The name of the request, or the `type` of the message; what has none is called by its JavaScript type. */
  readonly type: string;
  /** How long ago, in milliseconds. Coarse: the clock is not looked at for each message. */
  readonly agoMs: number;
}

const kinds = ['call', 'cast', 'info', 'continue'] as const;

/** Times are kept in so many bits, which is six days; what is older looks younger by that. */
const timeMask = 0x1fff_ffff;

/**
 * The last messages of one process, oldest overwritten.
 *
 * Keeps names and times, never a message: what was handled may be collected. No object is made for a message.
 *
 * @internal
 */
export class FlightRecorder {
  readonly #types: string[];
  /** Of each, when it was and the number of its kind, in one small integer. */
  readonly #marks: number[];
  #next = 0;
  #isFull = false;

  /** @param size - How many events are kept. */
  constructor(size: number) {
    // All of it at once: an array that grows must be looked at for each entry.
    this.#types = new Array<string>(size).fill('');
    this.#marks = new Array<number>(size).fill(0);
  }

  /** Notes that a message is about to be handled. */
  noteMessage(message: unknown, atMs: number): void {
    if (typeof message !== 'object') this.#note(2, typeof message, atMs);
    else if (message instanceof CastMessage) this.#note(1, typeOf(message.request), atMs);
    else if (message instanceof CallMessage) this.#note(0, typeOf(message.request), atMs);
    else this.#note(2, typeOf(message), atMs);
  }

  /** Notes that the process goes on by itself. */
  noteContinue(argument: unknown, atMs: number): void {
    this.#note(3, typeOf(argument), atMs);
  }

  #note(kind: number, type: string, atMs: number): void {
    const at = this.#next;
    this.#types[at] = type;
    this.#marks[at] = ((atMs & timeMask) << 2) | kind;
    this.#next = at + 1;
    if (this.#next === this.#types.length) {
      this.#next = 0;
      this.#isFull = true;
    }
  }

  /** What is kept, oldest first. */
  read(nowMs: number): RecentEvent[] {
    const size = this.#types.length;
    const length = this.#isFull ? size : this.#next;
    const oldest = this.#isFull ? this.#next : 0;
    return Array.from({ length }, (_, index) => {
      const at = (oldest + index) % size;
      const mark = this.#marks[at] ?? 0;
      return {
        kind: kinds[mark & 3] ?? 'info',
        type: this.#types[at] ?? '',
        agoMs: (nowMs - (mark >>> 2)) & timeMask,
      };
    });
  }
}

function typeOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) {
    return message === null ? 'null' : typeof message;
  }
  return 'type' in message && typeof message.type === 'string' ? message.type : 'object';
}
