import { readFileSync } from 'node:fs';
import { createRandom } from '../chaos/command/system/random.mjs';
import { isAlive } from '../fixtures/processes/census.mjs';
import type { Attack } from './attack.ts';
import type { Target } from './victims/target.ts';

/** What came of all rounds against one target. */
export interface FuzzReport {
  /** Who was attacked. */
  readonly target: string;
  /** All choices follow from it. */
  readonly seed: number;
  /** How many rounds were played. */
  readonly rounds: number;
  /** How many attacks there were of each kind. */
  readonly attacks: Readonly<Record<string, number>>;
  /** The longest wait of rightful peers for all their answers, in milliseconds. */
  readonly slowestAnswerMs: number;
  /** Largest memory of a process before and after the first tenth of the rounds, and at the end, in MiB. */
  readonly memoryMiB: { readonly before: number; readonly warm: number; readonly end: number };
  /** What went wrong: round, attacks, and what was seen. */
  readonly failures: readonly string[];
}

/** What {@link playRounds} takes. */
export interface FuzzPlan {
  /** All choices follow from it. */
  readonly seed: number;
  /** How many rounds are played. */
  readonly rounds: number;
  /** Only this one of them. */
  readonly round?: number | undefined;
  /** What may be done. */
  readonly attacks: readonly Attack[];
}

/** Attacks at a time. */
const abreast = 4;

/** Plays rounds of attacks; after each, everybody must be there and answer. */
export async function playRounds(target: Target, plan: FuzzPlan): Promise<FuzzReport> {
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let slowestAnswerMs = 0;
  const before = memoryOf(target);
  let warm = before;
  const { seed, rounds } = plan;
  const numbers = plan.round === undefined ? [...Array(rounds).keys()] : [plan.round];
  for (const number of numbers) {
    const chosen = await playRound(target, plan, number);
    for (const { name } of chosen) counts.set(name, (counts.get(name) ?? 0) + 1);
    const startMs = performance.now();
    const problem = await problemOf(target);
    slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - startMs);
    if (problem !== undefined) {
      const names = chosen.map(({ name }) => name).join(', ');
      failures.push(`round ${number} (${names}): ${problem}`);
      // Whoever is dead is dead in all further rounds, too.
      break;
    }
    if (number + 1 === Math.ceil(rounds / 10)) warm = memoryOf(target);
  }
  const end = memoryOf(target);
  return {
    ...{ target: target.name, seed, rounds: numbers.length, slowestAnswerMs, failures },
    attacks: Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b))),
    memoryMiB: { before, warm, end },
  };
}

async function playRound(
  { victims }: Target,
  { seed, attacks }: FuzzPlan,
  number: number,
): Promise<readonly Attack[]> {
  const random = createRandom(seed, number);
  const chosen = Array.from({ length: random.integer(1, abreast) }, () => random.pick(attacks));
  await Promise.all(
    chosen.map((attack, index) =>
      attack.run(random.pick(victims), createRandom(seed, number, index)),
    ),
  );
  return chosen;
}

async function problemOf({ pids, check }: Target): Promise<string | undefined> {
  try {
    await check();
  } catch (error) {
    return String(error instanceof Error ? `${error.message}: ${String(error.cause)}` : error);
  }
  const dead = pids.filter((pid) => !isAlive(pid));
  return dead.length === 0 ? undefined : `process ${dead.join(', ')} is gone`;
}

function memoryOf({ pids }: Target): number {
  return Math.max(...pids.map(residentMiB));
}

function residentMiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s*(\d+)/u.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
