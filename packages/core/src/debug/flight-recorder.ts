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

/** Of one event: the number of its kind, its type, and when. */
const slotsPerEvent = 3;

/**
 * The last messages of one process, oldest overwritten.
 *
 * Keeps names and times in one flat array, never a message: what was handled may be collected. No object is made for
 * a message.
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
    if (message instanceof CastMessage) this.#note(1, typeOf(message.request), atMs);
    else if (message instanceof CallMessage) this.#note(0, typeOf(message.request), atMs);
    else this.#note(2, typeOf(message), atMs);
  }

  /** Notes that the process goes on by itself. */
  noteContinue(argument: unknown, atMs: number): void {
    this.#note(3, typeOf(argument), atMs);
  }

  #note(kind: number, type: string, atMs: number): void {
    const at = this.#next;
    this.#slots[at] = kind;
    this.#slots[at + 1] = type;
    this.#slots[at + 2] = atMs;
    this.#next = at + slotsPerEvent === this.#end ? 0 : at + slotsPerEvent;
  }

  /** What is kept, oldest first. */
  read(nowMs: number): RecentEvent[] {
    const slots = this.#slots;
    const isFull = slots.length === this.#end;
    const ordered = isFull
      ? [...slots.slice(this.#next), ...slots.slice(0, this.#next)]
      : slots.slice();
    const events: RecentEvent[] = [];
    for (let at = 0; at < ordered.length; at += slotsPerEvent) {
      events.push({
        kind: kinds[Number(ordered[at])] ?? 'info',
        type: String(ordered[at + 1]),
        agoMs: nowMs - Number(ordered[at + 2]),
      });
    }
    return events;
  }
}

function typeOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) {
    return message === null ? 'null' : typeof message;
  }
  return 'type' in message && typeof message.type === 'string' ? message.type : 'object';
}
