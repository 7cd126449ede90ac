import { join } from 'node:path';
import type { OsProcess } from '../everyone.ts';
import type { Round } from '../round.ts';
import type { Scenario } from '../scenario.ts';
import type { Victim } from '../victim.ts';
import type { Shot } from '../witness.ts';

/** What workers may be at when their runtime is killed. */
const STATES = ['idle', 'busy', 'gil', 'regex', 'importing', 'stopped', 'deaf'] as const;
/** Ways of a runtime to crash; those in capitals are signals. */
const CRASHES = ['SIGSEGV', 'SIGABRT', 'abort', 'exit', 'uncaught', 'rejection', 'heap'] as const;

/**
 * A worker that hangs is found sooner than by default, so that a pause of some seconds would show; not so soon that one that
 * gets no processor for three seconds would be taken for one.
 */
export const QUICK_HEARTBEAT = {
  heartbeat: { pingInterval: 1_000, timeoutThreshold: 5_000, maxMissed: 5 },
} as const;

const runtimeKilled: Scenario = {
  name: 'runtime-killed',
  about: `SIGKILL of the runtime while its workers are ${STATES.join(', ')}`,
  async play(round) {
    const state = round.random.pick(STATES);
    round.tell(`workers are ${state}`);
    if (state === 'importing') await killWhileImporting(round);
    else await killWhile(round, state);
  },
};

async function killWhile(
  round: Round,
  state: Exclude<(typeof STATES)[number], 'importing'>,
): Promise<void> {
  const options = { size: round.random.integer(1, 3) };
  const victim = state === 'idle' ? await round.start(options) : await round.startBusy(options);
  const mark = join(round.base, 'begun');
  let before: readonly Shot[] = [];
  if (state === 'gil') victim.call('hold_gil', { seconds: 600, mark }, { timeout: 600_000 });
  if (state === 'regex') victim.call('hot_regex', { mark }, { timeout: 600_000 });
  if (state === 'gil' || state === 'regex') await round.begun(mark);
  if (state === 'deaf') await round.answered(victim, victim.call('deafen'));
  if (state === 'stopped') {
    before = (await round.workers(victim)).map((at) => ({ at, signal: 'SIGSTOP' }));
  }
  await round.pause(0, 200);
  await round.killRuntime(victim, { before });
}

/** The first start succeeds; the replacement of a killed worker imports until the runtime is killed. */
async function killWhileImporting(round: Round): Promise<void> {
  const mark = join(round.base, 'imported');
  const victim = await round.start({ size: 1, env: { CHAOS_IMPORT_MARK: mark } });
  const before = round.everyone();
  await round.shootWorkers(victim, await round.workers(victim), 'SIGKILL');
  await isReplaced(round, before);
  await round.pause(0, 600);
  await round.killRuntime(victim);
}

async function isReplaced(round: Round, before: readonly OsProcess[]): Promise<void> {
  const isNew = ({ command, pid }: OsProcess): boolean =>
    command.includes('snakepit_bridge') && before.every((one) => one.pid !== pid);
  const deadline = performance.now() + 60_000;
  while (!round.everyone().some(isNew)) {
    if (performance.now() > deadline) throw new Error('the worker was not started again');
    await round.pause(10, 10);
  }
}

const runtimeCrashed: Scenario = {
  name: 'runtime-crashed',
  about: `the runtime ends by itself: ${CRASHES.join(', ')}`,
  async play(round) {
    const how = round.random.pick(CRASHES);
    const nodeOptions = how === 'heap' ? ['--max-old-space-size=64'] : [];
    const victim = await round.startBusy({ nodeOptions });
    if (how === 'SIGSEGV' || how === 'SIGABRT') await round.killRuntime(victim, { signal: how });
    else await round.letDie(victim, how);
  },
};

const runtimePaused: Scenario = {
  name: 'runtime-paused',
  about: 'the runtime is stopped and continued, or its event loop blocked: no worker is replaced',
  async play(round) {
    const victim = await round.startBusy({ config: QUICK_HEARTBEAT });
    const ms = round.random.integer(5_500, 8_000);
    if (round.random.chance(0.5)) await stopFor(round, victim, ms);
    else await blockFor(round, victim, ms);
    // Long enough for a verdict that the pause would have caused.
    await round.pause(1_500, 2_500);
    await round.skirmish(victim);
    await round.end(victim);
  },
};

async function stopFor(round: Round, victim: Victim, ms: number): Promise<void> {
  round.tell(`the runtime is stopped for ${ms} ms`);
  await round.signal([{ at: victim.process, signal: 'SIGSTOP' }]);
  await round.pause(ms, ms);
  await round.signal([{ at: victim.process, signal: 'SIGCONT' }]);
}

async function blockFor(round: Round, victim: Victim, ms: number): Promise<void> {
  round.tell(`the event loop of the runtime is blocked for ${ms} ms`);
  victim.order('block', { ms });
  await victim.heard('unblocked');
}

/** Histories in which the runtime is what is attacked. */
export const runtimeScenarios: readonly Scenario[] = [runtimeKilled, runtimeCrashed, runtimePaused];
