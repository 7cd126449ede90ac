import type { HealthCheck } from '@snakepit/core';
import type { ProcessesHealth, RunningObserver, WorkersHealth } from '@snakepit/observer';
import type { Command } from 'commander';
import { painterFor, type Paint } from './paint.ts';
import { addSystemOptions, nothingRuns, runningSystems } from './running-systems.ts';
import type { SystemFlags } from './running-systems.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

interface StatusFlags extends SystemFlags {
  readonly json?: true;
}

/** A running system, as far as it could be asked. */
interface SystemStatus {
  readonly system: string;
  readonly pid: number | undefined;
  /** Its address; without the token. */
  readonly url: string;
  readonly processes: ProcessesHealth | undefined;
  readonly workers: WorkersHealth | undefined;
  /** Why it could not be asked. */
  readonly problem: string | undefined;
}

/** How long an answer is waited for, in milliseconds. */
const patienceMs = 5_000;

/** Adds `snakepit status`. */
export function addStatus(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  const command = program
    .command('status')
    .summary('say how a running system is')
    .description(
      'Asks the systems of this user that run on this machine and are observed, `observe(snakepit.system)`, how they are:\n' +
        'pools, workers, and what to do about what is wrong. Exits with 1 when something is, or when nothing runs.',
    );
  addSystemOptions(command)
    .option('--json', 'print one JSON object')
    .action(async (flags: StatusFlags) => {
      done(await status(flags, surroundings));
    });
}

async function status(flags: StatusFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const found = await runningSystems(flags, surroundings);
  if (typeof found === 'string') {
    stderr.write(`error: ${found}\n`);
    return exitCodes.wrongUse;
  }
  const systems = await Promise.all(found.map(ask));
  const ok = systems.length > 0 && systems.every(isWell);
  if (flags.json === true) stdout.write(`${JSON.stringify({ ok, systems })}\n`);
  else if (systems.length > 0) stdout.write(systems.map((one) => report(one, stdout)).join('\n'));
  if (systems.length === 0) {
    stderr.write(nothingRuns);
  }
  return ok ? exitCodes.fine : exitCodes.problem;
}

async function ask({ system, pid, url }: RunningObserver): Promise<SystemStatus> {
  const { origin, hash } = new URL(url);
  const about = { system, pid: pid === 0 ? undefined : pid, url: origin };
  const headers = { authorization: `Bearer ${hash.replace('#token=', '')}` };
  const get = async <T>(path: string): Promise<T> => {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(`${origin}${path}`, { headers, signal, redirect: 'error' });
    // 503 is an answer, too: that of a system that is down.
    if (response.status !== 200 && response.status !== 503) {
      throw new Error(`${path} answered ${String(response.status)}`);
    }
    return (await response.json()) as T;
  };
  try {
    const processes = await get<ProcessesHealth>('/health/processes');
    const workers = await get<WorkersHealth>('/health/workers');
    return { ...about, processes, workers, problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...about, processes: undefined, workers: undefined, problem };
  }
}

function isWell({ processes }: SystemStatus): boolean {
  return processes?.status === 'ok';
}

const paintOf: Readonly<Record<HealthCheck['status'], Paint>> = {
  ok: 'green',
  degraded: 'red',
  down: 'red',
};

function report(one: SystemStatus, stdout: Surroundings['stdout']): string {
  const paint = painterFor(stdout);
  const { system, pid, url, processes, workers, problem } = one;
  const place = `${system === '' ? url : `${plain(system)} at ${url}`}${pid === undefined ? '' : `, process ${String(pid)}`}`;
  if (processes === undefined || workers === undefined) {
    return `${place}: ${paint('red', 'no answer')} (${plain(problem ?? 'unknown')})\n`;
  }
  const lineOf = (check: Omit<HealthCheck, 'parts'>, indent: string): string[] => {
    const { name, status, message, remedy } = check;
    // Padded before it is painted: what paints has no width.
    const shown = paint(paintOf[status], status.padEnd(8));
    const head = `${indent}${shown}  ${plain(name).padEnd(34 - indent.length)}  ${plain(message)}`;
    const advice = remedy === undefined ? [] : [`${indent}          -> ${plain(remedy)}`];
    return [head, ...advice];
  };
  const inPools = new Set(workers.pools.map(({ name }) => name));
  const others = processes.checks.filter(({ name }) => !inPools.has(name));
  const { total } = processes.processes;
  return [
    `${place}: ${paint(paintOf[processes.status], processes.status)}, ${String(total)} processes`,
    ...workers.pools.flatMap(({ workers: members, ...pool }) => [
      ...lineOf(pool, '  '),
      ...members.flatMap((worker) => lineOf(worker, '    ')),
    ]),
    ...others.flatMap((check) => lineOf(check, '  ')),
    '',
  ].join('\n');
}

/** A text of others on one line, and without what would give orders to a terminal. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
