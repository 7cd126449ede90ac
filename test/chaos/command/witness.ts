import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { join } from 'node:path';
import type { OsProcess } from './everyone.ts';

/** One signal to one process. */
export interface Shot {
  readonly at: OsProcess;
  readonly signal: NodeJS.Signals;
}

/** What the witness saw. */
export interface Sighting {
  /** When the first signal was sent, in monotonic milliseconds of this machine. */
  readonly atMs: number;
  /** Targets that were gone before. */
  readonly missed: readonly number[];
  /**
   * Who ended, and how many milliseconds after the attack, without those of `stalledMs`; 0 for who was gone before.
   */
  readonly gone: Readonly<Record<string, number>>;
  /** Who was still there at the limit. */
  readonly left: readonly number[];
  /** How long the machine let even the witness wait, which only looks: a time that says nothing about those it sees. */
  readonly stalledMs: number;
}

/** Monotonic milliseconds of this machine, as attacked systems and witnesses tell them. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A process of its own that sends signals and sees processes end, by pidfd. */
export interface Witness {
  /**
   * Sends the signals in this order with nothing in between, and waits until everybody watched is gone.
   *
   * @param limitMs - Longest wait, without `stalledMs`.
   */
  attack(shots: readonly Shot[], watch: readonly OsProcess[], limitMs: number): Promise<Sighting>;
  /** Ends it. */
  close(): void;
}

/** Starts a witness; it answers one request after the other. */
export function startWitness(python: string): Witness {
  const program = join(import.meta.dirname, 'system/witness.py');
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    python,
    ['-I', '-S', program],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const waiting: { resolve: (seen: Sighting) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    waiting.shift()?.resolve(JSON.parse(line) as Sighting);
  });
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.splice(0)) {
      reject(new Error(`the witness has ended (${String(signal ?? code)})`));
    }
  });
  // Its exit tells it better.
  child.stdin.on('error', () => undefined);
  return {
    attack(shots, watch, limitMs) {
      const request = {
        attack: shots.map(({ at, signal }) => [at.pid, at.startTime, signal]),
        watch: watch.map(({ pid, startTime }) => [pid, startTime]),
        limitMs,
      };
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(request)}\n`);
      });
    },
    close() {
      child.stdin.end();
    },
  };
}
