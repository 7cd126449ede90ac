import { setImmediate as nextTurn } from 'node:timers/promises';
import { currentPlatform } from './platform/current.ts';
import type { MarkedProcess, Platform, ProcessStat } from './platform/platform.ts';
import { markedStat } from './process-group.ts';

/**
 * Finds marked processes for many askers with few looks at the process table.
 *
 * One look reads the environment of every process: 20 ms at 1,000 of them. When a pool of workers
 * ends, each wants several looks; so whoever asks while a look is under way shares the next one, and
 * a look gives the event loop its turn every few milliseconds.
 */
export interface MarkerScanner {
  /**
   * Live processes of this user that carry all entries exactly; the look begins after the call.
   * Never rejects; empty where the platform cannot search for such entries.
   *
   * @param entries - `NAME=value`.
   */
  find(entries: readonly string[]): Promise<readonly ProcessStat[]>;
}

interface Question {
  readonly entries: readonly Buffer[];
  readonly found: ProcessStat[];
  readonly answer: (found: readonly ProcessStat[]) => void;
}

/**
 * Makes a scanner.
 *
 * @param sliceMs - Longest stretch without giving the event loop a turn, in milliseconds.
 */
export function createMarkerScanner(
  sliceMs = 4,
  platform: Platform = currentPlatform,
): MarkerScanner {
  let waiting: Question[] = [];
  let scanning = false;

  const scanWhileAsked = async (): Promise<void> => {
    scanning = true;
    while (waiting.length > 0) {
      const questions = waiting;
      waiting = [];
      await look(questions, sliceMs, platform);
      for (const question of questions) question.answer(question.found);
    }
    scanning = false;
  };

  return {
    find(entries) {
      if (!entries.every((entry) => platform.canCarry(entry))) return Promise.resolve([]);
      return new Promise((answer) => {
        const wanted = entries.map((entry) => Buffer.from(entry, 'utf8'));
        waiting.push({ entries: wanted, found: [], answer });
        if (!scanning) void scanWhileAsked();
      });
    },
  };
}

async function look(
  questions: readonly Question[],
  sliceMs: number,
  platform: Platform,
): Promise<void> {
  // Every asker of this turn is served by this look.
  await nextTurn();
  let sliceStart = performance.now();
  for (const found of platform.listMarks()) {
    lookAt(found, questions, platform);
    if (performance.now() - sliceStart < sliceMs) continue;
    await nextTurn();
    sliceStart = performance.now();
  }
}

function lookAt(
  { pid, marks }: MarkedProcess,
  questions: readonly Question[],
  platform: Platform,
): void {
  for (const question of questions) {
    if (!question.entries.every((entry) => marks.has(entry))) continue;
    const stat = markedStat(pid, platform);
    if (stat !== undefined) question.found.push(stat);
  }
}
