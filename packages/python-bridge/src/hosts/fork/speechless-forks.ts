import type { Socket } from 'node:net';
import type { ForkedProcess } from './forked-process.ts';

/** Forks in a row that ended before they could say a word, after which a server is suspected: less than a worker is tried. */
const SUSPECT_AFTER = 3;

/** Signals from outside, which say nothing of who is ended by them: by us, by people, for lack of memory. */
const FROM_OUTSIDE: ReadonlySet<string | null> = new Set([
  ...['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'],
]);

/** Counts the forks of one server that end by themselves before they say a word, as long as none of them does. */
export class SpeechlessForks {
  readonly #onSuspect: () => void;
  /** Those that live, by the number of their launch. */
  readonly #living = new Map<number, Socket>();
  /** Launches in a row. */
  #row: readonly number[] = [];

  /** @param onSuspect - Told when there are many in a row, and with each further one. */
  constructor(onSuspect: () => void) {
    this.#onSuspect = onSuspect;
  }

  /** Counts it, should it end so. */
  watch(launch: number, process: ForkedProcess, beats: Socket): void {
    this.#living.set(launch, beats);
    process.once('exit', (code, signal) => {
      this.#living.delete(launch);
      const judge = (): void => this.#judge(launch, code, signal, beats);
      // What it said may still be on its way.
      if (beats.closed) judge();
      else beats.once('close', judge);
    });
  }

  #judge(launch: number, code: number | null, signal: string | null, beats: Socket): void {
    if (beats.bytesRead > 0) {
      this.#row = [];
      return;
    }
    // Nobody knows how it ended, or somebody wanted that.
    if (code === 0 || (code === null && signal === null) || FROM_OUTSIDE.has(signal)) return;
    const [first = launch] = this.#row;
    const others = [...this.#living].filter(([other, { bytesRead }]) => other > first && bytesRead);
    this.#row = others.length > 0 ? [launch] : [...this.#row, launch];
    if (this.#row.length >= SUSPECT_AFTER) this.#onSuspect();
  }
}
