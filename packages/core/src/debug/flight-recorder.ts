import { CallMessage, CastMessage, type Request } from '../process/messages.ts';

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

/** Of one event: its type; when it was and the number of its kind, in one small integer. */
const slotsPerEvent = 2;

/** Times are kept in so many bits, which is six days; what is older looks younger by that. */
const timeMask = 0x1fff_ffff;

/**
 * The last messages of one process, oldest overwritten.
 *
 * Keeps names and times, never a message: what was handled may be collected. No object is made for a message, and the
 * one array grows with what is in it, since most processes hear little.
 *
 * @internal
 */
export class FlightRecorder {
  readonly #slots: (string | number)[] = [];
  readonly #end: number;
  #next = 0;

  /** @param size - How many events are kept. */
  constructor(size: number) {
    this.#end = size * slotsPerEvent;
  }

  /** Notes that a message is about to be handled. */
  noteMessage(message: unknown, atMs: number): void {
    if (message instanceof CastMessage) this.#note(1, nameOf(message.request), atMs);
    else if (message instanceof CallMessage) this.#note(0, nameOf(message.request), atMs);
    else this.#note(2, typeOf(message), atMs);
  }

  /** Notes that the process goes on by itself. */
  noteContinue(argument: unknown, atMs: number): void {
    this.#note(3, typeOf(argument), atMs);
  }

  #note(kind: number, type: string, atMs: number): void {
    const at = this.#next;
    const slots = this.#slots;
    slots[at] = type;
    slots[at + 1] = ((atMs & timeMask) << 2) | kind;
    this.#next = at + slotsPerEvent === this.#end ? 0 : at + slotsPerEvent;
  }

  /** What is kept, oldest first. */
  read(nowMs: number): RecentEvent[] {
    const slots = this.#slots;
    const length = slots.length / slotsPerEvent;
    const oldest = slots.length === this.#end ? this.#next : 0;
    return Array.from({ length }, (_, index) => {
      const at = (oldest + index * slotsPerEvent) % this.#end;
      const mark = Number(slots[at + 1]);
      return {
        kind: kinds[mark & 3] ?? 'info',
        type: String(slots[at]),
        agoMs: (nowMs - (mark >>> 2)) & timeMask,
      };
    });
  }
}

/** What a request is called; plain JavaScript callers can give one that is called nothing. */
function nameOf({ type }: Request): string {
  return typeof type === 'string' ? type : typeof type;
}

function typeOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) {
    return message === null ? 'null' : typeof message;
  }
  return 'type' in message && typeof message.type === 'string' ? message.type : 'object';
}
