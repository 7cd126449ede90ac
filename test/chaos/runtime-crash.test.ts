import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '../fixtures/processes/census.mjs';
import { forks } from '../fixtures/snakepit-bench.ts';
import { DyingRuntime, GONE_MS, sideBySide } from './dying-runtime.ts';

// Every way in which the runtime itself can end, and what a worker's own end leaves.

// A limit for what hangs, not a measure of speed.
jest.setTimeout(300_000);

/** Programs that run at a time. */
const ABREAST = 4;

interface Outcome {
  /** Exit code and signal of the runtime. */
  readonly ended: readonly [number | null, NodeJS.Signals | null];
  /** How long its last descendant lived on, in milliseconds. */
  readonly lastGoneMs: number;
  /** How its workers ended, when it could still say so. */
  readonly workers: readonly unknown[];
}

type End = readonly [code: number | null, signal: NodeJS.Signals | null];

const signals: Readonly<Record<string, End>> = {
  SIGKILL: [null, 'SIGKILL'],
  SIGTERM: [null, 'SIGTERM'],
  SIGHUP: [null, 'SIGHUP'],
  SIGSEGV: [null, 'SIGSEGV'],
  SIGABRT: [null, 'SIGABRT'],
};
const ownEnds: Readonly<Record<string, End>> = {
  heap: [null, 'SIGABRT'],
  exit: [7, null],
  uncaught: [1, null],
  rejection: [1, null],
};

async function end(how: string): Promise<Outcome> {
  const runtime = new DyingRuntime();
  try {
    // Daemons included: the watchdog is what ends those of a runtime that can do nothing any more.
    const victim = await runtime.start(
      how === 'SIGTERM' ? ['idle', 'family', 'gil'] : ['family', 'gil'],
      '',
      { watchdog: true, gracefulShutdownTimeout: 5_000 },
      // A small heap is full soon.
      how === 'heap' ? ['--max-old-space-size=64'] : [],
    );
    if (how in signals) {
      await runtime.shoot(victim.process, how as NodeJS.Signals, [victim.process]);
    } else victim.order('die', { how });
    const ended = await victim.exited;
    const endedAtMs = performance.now();
    await until(() => runtime.everyone().length === 0, `the end of all after ${how}`, GONE_MS);
    const lastGoneMs = performance.now() - endedAtMs;
    await victim.saidAll;
    const workers = victim.said.filter(({ event }) => event === 'workerEnded');
    return { ended, lastGoneMs, workers };
  } finally {
    await runtime.close();
  }
}

describe('the runtime ends by', () => {
  let outcomes: ReadonlyMap<string, Promise<Outcome>> = new Map();
  beforeAll(() => {
    const jobs = Object.keys({ ...signals, ...ownEnds }).map((how) => [how, () => end(how)]);
    outcomes = sideBySide(
      Object.fromEntries(jobs) as Record<string, () => Promise<Outcome>>,
      ABREAST,
    );
  });
  afterAll(() => Promise.allSettled(outcomes.values()));

  test.each(Object.entries({ ...signals, ...ownEnds }))(
    '[R1.1] [R1.5] [R11.2] [T2.3] [I4.1] %s: workers, children and daemons are gone within five seconds',
    async (how, ended) => {
      const outcome = await outcomes.get(how);
      expect(outcome?.ended).toEqual(ended);
      expect(outcome?.lastGoneMs).toBeLessThan(GONE_MS);
    },
  );

  test('[R1.2] [T2.3] SIGTERM: every worker is asked by SIGTERM and exits with 0, but for the one that cannot hear', async () => {
    const outcome = await outcomes.get('SIGTERM');
    const asked = { means: 'term', exitCode: 0 };
    expect(outcome?.workers).toHaveLength(3);
    expect(outcome?.workers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ workerId: 'idle_worker_1', ...asked }),
        expect.objectContaining({ workerId: 'family_worker_1', ...asked }),
        expect.objectContaining({ workerId: 'gil_worker_1', means: 'kill' }),
      ]),
    );
  });
});

describe('a worker ends by SIGKILL', () => {
  test.each([
    ['and the layer of exits is on: its children and daemons go with it', '', '1/0/0'],
    // A fork server ends the group of a worker that it reaps.
    ['and that layer is off: they live on', 'exit', forks(1) ? '1/0/5' : '1/15/5'],
  ])('[R3.3] [I4.1] [I4.2] %s', async (_, off, left) => {
    const runtime = new DyingRuntime();
    try {
      const victim = await runtime.start(['family'], off);
      const { worker, kids, daemons } = runtime.of('family');
      const [leader] = worker;
      if (leader === undefined) throw new Error('there is no worker');
      const family = off === '' ? [...kids, ...daemons] : [];
      const seen = await runtime.shoot(leader, 'SIGKILL', [leader, ...family]);
      expect(seen.left).toEqual([]);
      // Its replacement is the one worker in the census.
      await victim.heard('workerStarted');
      await until(() => runtime.census()['family'] === left, `the census to be ${left}`, 60_000);
    } finally {
      await runtime.close();
    }
  });
});
