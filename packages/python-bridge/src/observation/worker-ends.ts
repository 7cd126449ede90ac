import type { Metadata, Telemetry } from '@snakepit/core';
import '../telemetry/events.ts';
import { redactText } from './redact-text.ts';

/** How a process of a worker ended. Plain JSON. */
export interface WorkerEnd {
  /** Code of the error, or the exit reason of one that was asked to end. */
  readonly reason: string;
  /** What kind of failure it was; `undefined` when it was none. */
  readonly cause: Metadata<'snakepit.worker.terminated'>['cause'];
  /** Number of its operating system process. */
  readonly osPid: number | undefined;
  /** Its exit code, if it exited. */
  readonly exitCode: number | undefined;
  /** The signal that ended it. */
  readonly signal: string | undefined;
  /** What it printed last, oldest first. */
  readonly lastOutput: readonly string[];
  /** Milliseconds from its making to its end. */
  readonly uptimeMs: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** Remembers how workers ended. */
export interface WorkerEnds {
  /** How the last process of a worker ended; `undefined` before one has. */
  last(workerId: string): WorkerEnd | undefined;
  /** How many processes of a worker ended by a failure. */
  failures(workerId: string): number;
  /** Forgets workers that are none any more. */
  keepOnly(workerIds: ReadonlySet<string>): void;
  /** Listens no more. */
  stop(): void;
}

/** Characters of a line of output. */
export const maxLine = 500;

/** Listens to the ends of workers; they are seldom. */
export function watchWorkerEnds(
  telemetry: Telemetry,
  wallClock: () => number = Date.now,
): WorkerEnds {
  const ends = new Map<string, { readonly end: WorkerEnd; readonly failures: number }>();
  const stop = telemetry.on('snakepit.worker.terminated', ({ uptimeMs }, about) => {
    const { workerId, reason, cause, osPid, exitCode, signal, lastOutput } = about;
    const lines = lastOutput.map((line) => redactText(line, maxLine));
    const what = { reason, cause, osPid, exitCode, signal, lastOutput: lines };
    const failures = (ends.get(workerId)?.failures ?? 0) + (cause === undefined ? 0 : 1);
    ends.set(workerId, { end: { ...what, uptimeMs, at: wallClock() }, failures });
  });
  return {
    last: (workerId) => ends.get(workerId)?.end,
    failures: (workerId) => ends.get(workerId)?.failures ?? 0,
    keepOnly: (workerIds) => {
      for (const workerId of ends.keys()) if (!workerIds.has(workerId)) ends.delete(workerId);
    },
    stop,
  };
}
