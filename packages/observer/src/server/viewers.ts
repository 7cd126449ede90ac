import type { ByeLine, LiveLine } from '../protocol.ts';
import type { LiveStream } from './live-stream.ts';
import type { MessageWatch } from './message-watch.ts';
import { Refusal } from './refusal.ts';

/** Who may look at the same time. */
const mostViewers = 16;
/** Lines that wait for one viewer besides the tree; more are dropped, the oldest first. */
const mostWaiting = 100;

/** One who looks. */
export interface Viewer {
  /** Its stream. */
  readonly stream: LiveStream;
  /** What it watches of messages. */
  readonly watch: MessageWatch;
  /** What it is to be told besides. */
  waiting: LiveLine[];
}

/** Those who look. */
export class Viewers {
  readonly #all = new Map<string, Viewer>();
  readonly #running = new Set<Promise<void>>();

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Refuses one too many.
   *
   * @throws {@link Refusal} 503.
   */
  checkRoom(id: string): void {
    if (this.#all.size < mostViewers || this.#all.has(id)) return;
    throw new Refusal(503, `${String(mostViewers)} viewers are here already: close one.`);
  }

  /** Lets one look until it goes. Who comes with the same id takes its place. */
  async admit(id: string, viewer: Viewer, run: () => Promise<void>): Promise<void> {
    const before = this.#all.get(id);
    before?.stream.end('replaced');
    // It may take its time to go; nothing is recorded for it meanwhile.
    before?.watch.stop();
    this.#all.set(id, viewer);
    const running = run().finally(() => {
      viewer.watch.stop();
      if (this.#all.get(id) === viewer) this.#all.delete(id);
      this.#running.delete(running);
    });
    this.#running.add(running);
    await running;
  }

  /** The viewer of a stream. */
  get(id: string): Viewer | undefined {
    return this.#all.get(id);
  }

  /** Tells everybody. */
  tell(line: LiveLine): void {
    for (const viewer of this.#all.values()) {
      viewer.waiting = [...viewer.waiting, line].slice(-mostWaiting);
      viewer.stream.wake();
    }
  }

  /** Says goodbye to all; resolves when they have gone. */
  async end(why: ByeLine['why']): Promise<void> {
    for (const { stream } of this.#all.values()) stream.end(why);
    await Promise.allSettled([...this.#running]);
  }
}
