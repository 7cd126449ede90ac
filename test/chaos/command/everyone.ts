import { readdirSync, readFileSync } from 'node:fs';
import { statOf, type Token } from '../../fixtures/processes/census.mjs';

/** A process, told from every other one. */
export interface OsProcess {
  readonly pid: number;
  readonly startTime: string;
  /** Its arguments, for people. */
  readonly command: string;
  /** The group it is in. */
  readonly groupId: number;
}

/** By what the processes of one round are known, with no help of the code under attack. */
export interface Traces {
  /** In the environment of each, unless it gave that up. */
  readonly token: Token;
  /** A number of seconds that only processes of this round sleep: found in their arguments. */
  readonly nap: string;
}

/** Every live process of a round; a zombie is dead. */
export function everyone({ token, nap }: Traces): readonly OsProcess[] {
  const entry = `${token.name}=${token.value}`;
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/u.test(name)) return [];
    const args = partsOf(`/proc/${name}/cmdline`);
    if (!args.includes(nap) && !partsOf(`/proc/${name}/environ`).includes(entry)) return [];
    return processOf(Number(name), args.join(' ')) ?? [];
  });
}

/** A live process by its number. */
export function processOf(pid: number, command = ''): OsProcess | undefined {
  const stat = statOf(pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
  return { pid, startTime: stat.startTime, command, groupId: stat.groupId };
}

/** Kills whoever is left of a round, by number, until nobody is. */
export async function endEveryone(traces: Traces, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const left = everyone(traces);
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`these do not die: ${left.map(({ pid }) => pid).join(', ')}`);
    }
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function partsOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0').filter(Boolean);
  } catch {
    return []; // Gone meanwhile, or somebody else's.
  }
}
