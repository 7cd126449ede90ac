import { isForkServer } from '../../../fixtures/processes/census.mjs';
import type { OsProcess } from '../everyone.ts';
import type { Round } from '../round.ts';
import type { Scenario } from '../scenario.ts';
import type { Victim } from '../victim.ts';
import { nowMs, type Shot } from '../witness.ts';
import { QUICK_HEARTBEAT } from './runtime.ts';

/** Moments of a fork server at which it dies. */
const MOMENTS = ['serves', 'forks', 'starts'] as const;
const DEATHS = ['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const;

const serverKilled: Scenario = {
  name: 'server-killed',
  about:
    'the fork server dies while it serves, forks or starts: its workers with it, and all are replaced',
  launch: 'fork',
  async play(round) {
    const victim = await round.startBusy({ size: round.random.integer(1, 4) });
    const deaths = round.random.integer(1, 3);
    for (let death = 0; death < deaths; death += 1) {
      await killAt(round, victim, round.random.pick(MOMENTS));
      await victim.isServing();
      await round.pause(0, 200);
    }
    await round.end(victim);
  },
};

async function killAt(
  round: Round,
  victim: Victim,
  moment: (typeof MOMENTS)[number],
): Promise<void> {
  round.tell(`the fork server ${moment}`);
  const server = await onlyServer(round);
  if (moment === 'forks') {
    await round.shootWorkers(victim, await round.workers(victim), 'SIGKILL');
    await round.pause(0, 60);
  }
  const taken = await round.workers(victim);
  const sinceMs = nowMs();
  await round.shootWorkers(victim, [server], round.random.pick(DEATHS));
  await haveEnded(victim, taken, sinceMs);
  if (moment !== 'starts') return;
  const next = await onlyServer(round);
  await round.pause(0, 600);
  round.tell('and the next one at its start');
  victim.harmed.add(next.pid);
  // Nobody hears of it before it serves.
  await round.signal([{ at: next, signal: 'SIGKILL' }]);
  await onlyServer(round, next);
}

/** The fork server of a system, once it has exactly one, and another than this. */
async function onlyServer(round: Round, not?: OsProcess): Promise<OsProcess> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const [server, ...others] = round.everyone().filter(({ pid }) => isForkServer(pid));
    const isOther = server?.pid !== not?.pid || server?.startTime !== not?.startTime;
    if (server !== undefined && isOther && others.length === 0) return server;
    if (performance.now() > deadline) throw new Error('the system has not one fork server');
    await round.pause(5, 5);
  }
}

/** Waits until the runtime has heard of the end of each; what becomes of workers of a lost server is no wrong verdict. */
async function haveEnded(
  victim: Victim,
  workers: readonly OsProcess[],
  sinceMs: number,
): Promise<void> {
  for (const { pid } of workers) {
    await victim.heard('workerEnded', {
      matches: ({ osPid, atMs }) => osPid === pid && atMs >= sinceMs,
    });
  }
}

const serverStalled: Scenario = {
  name: 'server-stalled',
  about:
    'the fork server is stopped: another takes its place, and no call fails of that; or the runtime is killed then',
  launch: 'fork',
  async play(round) {
    const victim = await round.startBusy({ config: QUICK_HEARTBEAT });
    const old = await round.workers(victim);
    const sinceMs = nowMs();
    await round.shootWorkers(victim, [await onlyServer(round)], 'SIGSTOP');
    if (round.random.chance(0.4)) {
      await round.pause(0, 1_000);
      await round.killRuntime(victim);
      return;
    }
    await haveEnded(victim, old, sinceMs);
    await victim.isServing();
    await round.skirmish(victim);
    await round.end(victim);
  },
};

const serverAndRuntime: Scenario = {
  name: 'server-and-runtime',
  about:
    'fork server and runtime are killed in the same instant, or the runtime when server, workers or both are stopped',
  launch: 'fork',
  async play(round) {
    const victim = await round.startBusy({ size: round.random.integer(1, 4) });
    const server = await onlyServer(round);
    const workers = await round.workers(victim);
    await round.pause(0, 100);
    const { before, after } = aroundRuntime(round, server, workers);
    await round.killRuntime(victim, { before, after });
  },
};

function aroundRuntime(
  { random }: Round,
  server: OsProcess,
  workers: readonly OsProcess[],
): { readonly before: readonly Shot[]; readonly after: readonly Shot[] } {
  const stopped = workers.map((at): Shot => ({ at, signal: 'SIGSTOP' }));
  const before = random.chance(0.4) ? stopped : [];
  const shot: Shot = { at: server, signal: random.chance(0.5) ? 'SIGKILL' : 'SIGSTOP' };
  return shot.signal === 'SIGKILL' && random.chance(0.5)
    ? { before, after: [shot] }
    : { before: [...before, shot], after: [] };
}

const forksKilled: Scenario = {
  name: 'forks-killed',
  about:
    'the runtime, or with it its fork server, is killed while up to a hundred forks are under way',
  launch: 'fork',
  async play(round) {
    const size = round.random.integer(30, 100);
    const victim = round.spawn({ size });
    await victim.heard('starting', { limitMs: 60_000 });
    const server = await onlyServer(round);
    const moment = round.random.integer(1, size);
    round.tell(`of ${size} workers about ${moment} are born`);
    const deadline = performance.now() + 120_000;
    while (round.everyone().length < moment + 2 && victim.isRunning) {
      if (performance.now() > deadline) throw new Error(`so many were never born: ${moment}`);
      await round.pause(2, 2);
    }
    const shot: Shot = { at: server, signal: 'SIGKILL' };
    const way = round.random.pick(['alone', 'server first', 'server last'] as const);
    await round.killRuntime(victim, {
      before: way === 'server first' ? [shot] : [],
      after: way === 'server last' ? [shot] : [],
    });
  },
};

/** Histories of fork servers. */
export const forkServerScenarios: readonly Scenario[] = [
  serverKilled,
  serverStalled,
  serverAndRuntime,
  forksKilled,
];
