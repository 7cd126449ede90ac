import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasEntry, listPids, markedStat, readEnvironment } from './process-group.ts';
import type { ProcessStat } from './process-identity.ts';

/**
 * Finds marked processes for many askers with few looks at the process table.
 *
 * One look reads the environment of every process: 20 ms at 1,000 of them. When a pool of workers
 * ends, each wants several looks; so whoever asks while a look is under way shares the next one, and
 * a look gives the event loop its turn every few milliseconds.
 */
export interface MarkerScanner {
  /**
   * Live processes of this user whose environment holds all entries exactly; the look begins after
   * the call. Never rejects; empty where environments cannot be read.
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
export function createMarkerScanner(sliceMs = 4): MarkerScanner {
  let waiting: Question[] = [];
  let scanning = false;

  const scanWhileAsked = async (): Promise<void> => {
    scanning = true;
    while (waiting.length > 0) {
      const questions = waiting;
      waiting = [];
      await look(questions, sliceMs);
      for (const question of questions) question.answer(question.found);
    }
    scanning = false;
  };

  return {
    find(entries) {
      return new Promise((answer) => {
        const wanted = entries.map((entry) => Buffer.from(entry, 'utf8'));
        waiting.push({ entries: wanted, found: [], answer });
        if (!scanning) void scanWhileAsked();
      });
    },
  };
}

async function look(questions: readonly Question[], sliceMs: number): Promise<void> {
  // Every asker of this turn is served by this look.
  await nextTurn();
  let sliceStart = performance.now();
  for (const pid of listPids()) {
    lookAt(pid, questions);
    if (performance.now() - sliceStart < sliceMs) continue;
    await nextTurn();
    sliceStart = performance.now();
  }
}

function lookAt(pid: number, questions: readonly Question[]): void {
  const environ = readEnvironment(pid);
  if (environ === undefined || environ.length === 0) return;
  for (const question of questions) {
    if (!question.entries.every((entry) => hasEntry(environ, entry))) continue;
    const stat = markedStat(pid);
    if (stat !== undefined) question.found.push(stat);
  }
}
