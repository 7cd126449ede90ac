import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '../fixtures/processes/census.mjs';
import type { OsProcess } from './command/everyone.ts';
import type { Victim } from './command/victim.ts';
import type { Shot } from './command/witness.ts';
import { DyingRuntime, GONE_MS, sideBySide, type State } from './dying-runtime.ts';

// A fork server, its workers or its runtime die or stall at some moment: nobody is left, and no call is without an answer.

// It is about forking, also where a whole suite is run with spawned workers.
delete process.env['SNAKEPIT_LAUNCH'];

// A limit for what hangs, not a measure of speed.
jest.setTimeout(300_000);

const FORK = {
  launch: 'fork',
  restart: { maxRestarts: 100, backoff: { initial: 20, max: 200 } },
} as const;
const QUICK_HEARTBEAT = { pingInterval: 1_000, timeoutThreshold: 5_000, maxMissed: 5 } as const;

async function withRuntime(act: (runtime: DyingRuntime) => Promise<void>): Promise<void> {
  const runtime = new DyingRuntime();
  try {
    await act(runtime);
  } finally {
    await runtime.close();
  }
}

/** Starts a runtime with one pool of forked workers, which is asked to work all the time. */
async function startBusy(runtime: DyingRuntime, size: number, config = {}): Promise<Victim> {
  const pools = [{ name: 'default', size }];
  const victim = runtime.spawn({ ...FORK, ...config, pools });
  await victim.heard('started');
  await servesAgain(runtime, victim, size);
  victim.order('load', { width: size * 2 });
  return victim;
}

/** Waits until all workers serve, and nobody lives but they, their one fork server and the runtime. */
async function servesAgain(runtime: DyingRuntime, victim: Victim, size: number): Promise<void> {
  const isServing = async (): Promise<boolean> => {
    const workers = await victim.workers();
    const living = new Set(runtime.everyone().map(({ pid }) => pid));
    const serving = workers.filter(
      ({ osPid = 0, state }) => living.has(osPid) && state.startsWith('ready'),
    );
    return serving.length === size && living.size === size + 2;
  };
  await until(isServing, `${size} workers that serve, and nobody else`, 60_000);
}

/** The same for pools of one worker each. */
async function servesAgainInPools(
  runtime: DyingRuntime,
  victim: Victim,
  pools: number,
): Promise<void> {
  await victim.isServing();
  await until(() => runtime.everyone().length === 2 * pools + 1, 'nobody else', 60_000);
}

/** The only fork server, once there is exactly one. */
function onlyServer(runtime: DyingRuntime): Promise<OsProcess> {
  const look = (): OsProcess | undefined => {
    const [server, ...others] = runtime.forkServers();
    return others.length === 0 ? server : undefined;
  };
  return until(look, 'one fork server', 60_000);
}

/** What became of the calls; each that has no answer counts as lost. */
async function fallQuiet(victim: Victim): Promise<Readonly<Record<string, unknown>>> {
  victim.order('quiet');
  return victim.heard('quiet');
}

const shotsAt = (targets: readonly OsProcess[], signal: NodeJS.Signals): readonly Shot[] =>
  targets.map((at) => ({ at, signal }));

describe('a fork server that dies', () => {
  test('[I7.3] [R3.3] takes along its workers and all that they have, daemons and forks included', () =>
    withRuntime(async (runtime) => {
      const states: readonly State[] = ['gil', 'family', 'twins'];
      const victim = await runtime.start(states, '', FORK);
      expect(runtime.census()).toEqual({ gil: '1/0/0', family: '1/15/5', twins: '1/3/3' });
      const all = states.map((state) => runtime.of(state));
      const taken = all.flatMap(({ worker, kids, daemons }) => [...worker, ...kids, ...daemons]);
      const servers = runtime.forkServers();
      expect(servers).toHaveLength(3);
      const seen = await runtime.attack(shotsAt(servers, 'SIGKILL'), [...servers, ...taken]);
      expect(seen.left).toEqual([]);
      await servesAgainInPools(runtime, victim, 3);
    }));

  test('[I7.3] while it serves, forks or starts: every call is answered, and the workers are replaced', () =>
    withRuntime(async (runtime) => {
      const victim = await startBusy(runtime, 6);
      // Serving; then with some forks under way, and with all.
      for (const births of [-1, 2, 6]) {
        const server = await onlyServer(runtime);
        const workers = runtime.of('default').worker;
        if (births >= 0) {
          await runtime.attack(shotsAt(workers, 'SIGKILL'), workers);
          const known = new Set(workers.map(({ pid }) => pid));
          const isBorn = ({ pid }: OsProcess): boolean => !known.has(pid);
          const born = (): number => runtime.of('default').worker.filter(isBorn).length;
          await until(() => born() >= births, `${births} forks`, 60_000);
        }
        await runtime.shoot(server, 'SIGKILL', [server]);
        await victim.heard('serverEnded', { matches: ({ osPid }) => osPid === server.pid });
        await servesAgain(runtime, victim, 6);
      }
      const server = await onlyServer(runtime);
      await runtime.shoot(server, 'SIGKILL', [server]);
      const next = await onlyServer(runtime);
      await runtime.shoot(next, 'SIGKILL', [next]);
      await servesAgain(runtime, victim, 6);
      expect(await fallQuiet(victim)).toMatchObject({ lost: 0, unanswered: 0 });
    }));
});

describe('a fork server that is stopped', () => {
  test('[I7.3] [R2.2] is found and replaced, its workers one after the other, and no call fails of that', () =>
    withRuntime(async (runtime) => {
      const victim = await startBusy(runtime, 3, { heartbeat: QUICK_HEARTBEAT });
      const server = await onlyServer(runtime);
      const before = runtime.of('default').worker;
      await runtime.attack(shotsAt([server], 'SIGSTOP'), []);
      await victim.heard('serverSick', { matches: ({ osPid }) => osPid === server.pid });
      for (const { pid } of before) {
        await victim.heard('workerEnded', { matches: ({ osPid }) => osPid === pid });
      }
      await servesAgain(runtime, victim, 3);
      expect((await onlyServer(runtime)).pid).not.toBe(server.pid);
      expect(await fallQuiet(victim)).toMatchObject({ lost: 0, unanswered: 0, failed: {} });
    }));
});

/** Daemons of the worker that has forks of its own. */
const TWIN_DAEMONS = 3;

/** Who is shot in the instant in which the runtime is. */
interface Around {
  readonly before?: readonly Shot[];
  readonly after?: readonly Shot[];
}

const ways: Readonly<
  Record<string, (servers: readonly OsProcess[], workers: readonly OsProcess[]) => Around>
> = {
  'its fork servers a moment before': (servers) => ({ before: shotsAt(servers, 'SIGKILL') }),
  'its fork servers a moment later': (servers) => ({ after: shotsAt(servers, 'SIGKILL') }),
  'its fork servers are stopped': (servers) => ({ before: shotsAt(servers, 'SIGSTOP') }),
  'its workers are stopped': (_, workers) => ({ before: shotsAt(workers, 'SIGSTOP') }),
  'both are stopped': (servers, workers) => ({
    before: shotsAt([...servers, ...workers], 'SIGSTOP'),
  }),
  'its workers are stopped, its fork servers killed': (servers, workers) => ({
    before: [...shotsAt(workers, 'SIGSTOP'), ...shotsAt(servers, 'SIGKILL')],
  }),
};

/** Kills a runtime in one of the ways; gives those who lived on though they must not, and who else lived on. */
async function killRuntime(way: keyof typeof ways): Promise<Record<'late' | 'left', number>> {
  const runtime = new DyingRuntime();
  try {
    const states: readonly State[] = ['idle', 'gil', 'deaf', 'twins'];
    const victim = await runtime.start(states, '', FORK);
    const all = states.map((state) => runtime.of(state));
    const workers = all.flatMap(({ worker }) => worker);
    const servers = runtime.forkServers();
    const { before = [], after = [] } = ways[way]?.(servers, workers) ?? {};
    const mustGo = [...servers, ...workers, ...all.flatMap(({ kids }) => kids)];
    expect(mustGo).toHaveLength(4 + 4 + 3);
    const shots = [...before, ...shotsAt([victim.process], 'SIGKILL'), ...after];
    const seen = await runtime.attack(shots, mustGo);
    await victim.exited;
    // Who was being started when the runtime died has the rest of the time.
    await until(() => runtime.everyone().length <= TWIN_DAEMONS, 'the last', GONE_MS).catch(
      () => undefined,
    );
    return { late: seen.left.length, left: runtime.everyone().length };
  } finally {
    await runtime.close();
  }
}

describe('the runtime is killed; workers idle, in C with the GIL, deaf, with forks of their own', () => {
  type Outcome = ReturnType<typeof killRuntime>;
  let outcomes: ReadonlyMap<string, Outcome> = new Map();
  beforeAll(() => {
    const jobs = Object.keys(ways).map((way) => [way, () => killRuntime(way)] as const);
    outcomes = sideBySide(Object.fromEntries(jobs), 3);
  });
  afterAll(() => Promise.allSettled(outcomes.values()));

  test.each(Object.keys(ways))(
    '[I7.3] [R1.1] [R1.4] %s: all but daemons are gone within five seconds',
    async (way) => {
      // The daemons of the last one: the watchdog's task, or that of the next start.
      expect(await outcomes.get(way)).toEqual({ late: 0, left: TWIN_DAEMONS });
    },
  );

  test('[I7.3] [R1.5] a watchdog ends daemons that a forked worker made by forking twice', () =>
    withRuntime(async (runtime) => {
      const victim = await runtime.start(['twins'], '', { ...FORK, watchdog: true });
      const { worker, kids, daemons } = runtime.of('twins');
      const all = [...runtime.forkServers(), ...worker, ...kids, ...daemons];
      expect(all).toHaveLength(2 + 3 + 3);
      const seen = await runtime.kill(victim, all);
      expect(seen.left).toEqual([]);
    }));
});

describe('the runtime is killed while a hundred workers are forked', () => {
  test.each([
    ['after the first', 1, 'alone'],
    ['after a half', 50, 'with its fork server, a moment before'],
    ['at the last', 98, 'with its fork server, a moment later'],
  ])('[I7.3] [R1.1] [I2.6] %s (%d), %s: nobody is left', (_, births, how) =>
    withRuntime(async (runtime) => {
      const pools = [{ name: 'default', size: 100 }];
      const victim = runtime.spawn({ ...FORK, startupBatchSize: 100, pools });
      const server = await onlyServer(runtime);
      await until(() => runtime.everyone().length >= births + 2, `${births} forks`, 60_000);
      const shot = shotsAt([server], 'SIGKILL');
      const shots = [
        ...(how.endsWith('before') ? shot : []),
        ...shotsAt([victim.process], 'SIGKILL'),
        ...(how.endsWith('later') ? shot : []),
      ];
      const known = runtime.everyone();
      const seen = await runtime.attack(shots, known);
      expect(known.length).toBeGreaterThan(births);
      expect(seen.left).toEqual([]);
      // Those that were born between the look and the shot have the rest of the time.
      await until(() => runtime.everyone().length === 0, 'nobody to be left', GONE_MS);
    }),
  );
});
