import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { ByeLine, GapLine, HelloLine, LifeLine, LiveLine } from '../protocol.ts';
import type { Look } from '../tree/delta-ring.ts';
import { snapPieces, type TreeFeed } from '../tree/tree-feed.ts';

/** More than this not yet taken by a reader, in bytes, and nothing more is written for it until it has. */
const highWater = 256 * 1024;
/** A reader that takes nothing for so long is ended, in milliseconds; it holds a place that others may want. */
const patienceMs = 60_000;
/** Life records from before somebody looked that are told. */
const mostHistory = 1_000;

/** Where a reader left off. */
export interface ResumePoint {
  /** The last delta that it has. */
  readonly seq: number;
  /** Of which run of the observer. */
  readonly epoch: string;
}

/** What a stream needs. */
export interface LiveStreamParts {
  /** What it shows. */
  readonly feed: TreeFeed;
  /** Where it goes. */
  readonly response: ServerResponse;
  /** Makes its first line. */
  readonly hello: () => HelloLine;
  /** Gives, once, what else there is to tell; each is a line. */
  readonly takeLines: (seq: number) => readonly LiveLine[];
}

/**
 * One reader of the tree. Nothing is queued for it: what it does not take in time it does not get, and a fresh table
 * instead.
 */
export class LiveStream {
  readonly #feed: TreeFeed;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #parts: LiveStreamParts;
  #seq = 0;
  #nextLife = 0;
  #looks = 0;
  #toldLooks = 0;
  #farewell: ByeLine['why'] | undefined;
  #goOn: () => void = () => undefined;

  /** @param parts - What it needs. */
  constructor(parts: LiveStreamParts) {
    this.#parts = parts;
    this.#feed = parts.feed;
    this.#response = parts.response;
    this.#socket = parts.response.req.socket;
  }

  /** Streams until the reader is gone or the stream is ended. */
  async run(from: ResumePoint | undefined): Promise<void> {
    const wake = (): void => {
      this.wake();
    };
    const unfollow = this.#feed.follow(() => {
      this.#looks += 1;
      wake();
    });
    for (const event of ['drain', 'close', 'error']) this.#response.on(event, wake);
    try {
      const hello = this.#parts.hello();
      this.#line(hello);
      if (!this.#resume(hello.epoch, from)) await this.#table();
      while (await this.#step());
    } finally {
      unfollow();
    }
  }

  /** Says goodbye, and ends. */
  end(why: ByeLine['why']): void {
    this.#farewell ??= why;
    this.wake();
  }

  /** There may be something to tell. */
  wake(): void {
    this.#goOn();
  }

  #isOpen(): boolean {
    const { destroyed, writableEnded } = this.#response;
    // One that waits behind another answer on its connection is not told when that ends.
    return !destroyed && !writableEnded && !this.#socket.destroyed;
  }

  #isBehind(): boolean {
    return this.#response.writableLength > highWater;
  }

  /** Whether there is more to come. */
  async #step(): Promise<boolean> {
    if (!this.#isOpen()) return false;
    if (this.#isBehind()) {
      await this.#drained();
      // Who is slow hears the end rather than what came before it.
      if (this.#isOpen() && this.#farewell !== undefined) return this.#sayGoodbye(this.#farewell);
      if (this.#isOpen() && this.#feed.seq > this.#seq) await this.#catchUp('slow');
      return true;
    }
    if (this.#feed.seq > this.#seq) {
      const delta = this.#feed.delta(this.#seq + 1);
      if (delta === undefined) await this.#catchUp('ring');
      else this.#delta(delta);
      return true;
    }
    // Once for each look: what is taken has to be made fit to be shown, and that takes its time.
    if (this.#toldLooks !== this.#looks) {
      this.#toldLooks = this.#looks;
      for (const line of this.#parts.takeLines(this.#seq)) this.#line(line);
    }
    if (this.#farewell !== undefined) return this.#sayGoodbye(this.#farewell);
    await this.#woken();
    return true;
  }

  #sayGoodbye(why: ByeLine['why']): false {
    this.#line({ k: 'bye', why });
    this.#response.end();
    return false;
  }

  #delta({ text, nextLife }: Look): void {
    this.#response.write(text);
    this.#seq += 1;
    this.#nextLife = nextLife;
  }

  /** Whether it can go on where it left off. */
  #resume(epoch: string, from: ResumePoint | undefined): boolean {
    if (from?.epoch !== epoch || from.seq > this.#feed.seq) return false;
    if (from.seq < this.#feed.seq && this.#feed.delta(from.seq + 1) === undefined) {
      this.#gap('ring', from.seq);
      return false;
    }
    this.#seq = from.seq;
    if (from.seq === this.#feed.seq) this.#nextLife = this.#feed.nextLife;
    return true;
  }

  async #catchUp(why: GapLine['why']): Promise<void> {
    this.#gap(why, this.#seq);
    await this.#table();
  }

  #gap(why: GapLine['why'], from: number): void {
    this.#line({ k: 'gap', why, from, to: this.#feed.seq });
  }

  /** Writes the whole table, as it is now; deltas of the meantime follow. */
  async #table(): Promise<void> {
    const state = this.#feed.state();
    const list = this.#feed.history(this.#nextLife, mostHistory);
    this.#nextLife = this.#feed.nextLife;
    if (list.length > 0) {
      this.#line({ k: 'life', seq: state.seq, t: state.t, list } satisfies LifeLine);
    }
    for (const piece of snapPieces(state)) {
      this.#response.write(piece);
      await setImmediate();
      if (this.#isBehind()) await this.#drained();
      if (!this.#isOpen()) return;
    }
    this.#seq = state.seq;
  }

  #line(line: LiveLine): void {
    this.#response.write(`${JSON.stringify(line)}\n`);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  /** Waits until the reader has taken what there is; one that takes nothing at all is ended. */
  async #drained(): Promise<void> {
    const limit = setTimeout(() => this.#response.destroy(), patienceMs);
    limit.unref();
    try {
      // Ticks wake it, too.
      while (this.#isOpen() && this.#isBehind()) await this.#woken();
    } finally {
      clearTimeout(limit);
    }
  }
}
