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

  /** Notes that a message is about to be handled. In one piece: it is part of each turn, and a call would show. */
  noteMessage(message: unknown, atMs: number): void {
    let kind = 2;
    let type: string;
    if (message instanceof CastMessage) {
      kind = 1;
      type = message.request.type;
    } else if (message instanceof CallMessage) {
      kind = 0;
      type = message.request.type;
    } else type = typeOf(message);
    const at = this.#next;
    const slots = this.#slots;
    slots[at] = type;
    slots[at + 1] = ((atMs & timeMask) << 2) | kind;
    this.#next = at + slotsPerEvent === this.#end ? 0 : at + slotsPerEvent;
  }

  /** Notes that the process goes on by itself. */
  noteContinue(argument: unknown, atMs: number): void {
    const at = this.#next;
    this.#slots[at] = typeOf(argument);
    this.#slots[at + 1] = ((atMs & timeMask) << 2) | 3;
    this.#next = at + slotsPerEvent === this.#end ? 0 : at + slotsPerEvent;
  }

  /** What is kept, oldest first. */
  read(nowMs: number): RecentEvent[] {
    const slots = this.#slots;
    const length = slots.length / slotsPerEvent;
    const oldest = slots.length === this.#end ? this.#next : 0;
    return Array.from({ length }, (_, index) => {
      const at = (oldest + index * slotsPerEvent) % this.#end;
      const type: unknown = slots[at];
      const mark = Number(slots[at + 1]);
      return {
        kind: kinds[mark & 3] ?? 'info',
        // Plain JavaScript callers can give a request that is called by what is no string.
        type: typeof type === 'string' ? type : typeof type,
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
