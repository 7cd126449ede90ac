import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '../fixtures/processes/census.mjs';
import { forks } from '../fixtures/snakepit-bench.ts';
import { DyingRuntime, GONE_MS, sideBySide, type State } from './dying-runtime.ts';

// The matrix of attacks and layers: who is gone, who is left, and that the next start ends whoever was left.

// A limit for what hangs, not a measure of speed.
jest.setTimeout(400_000);

const STATES: readonly State[] = [
  ...(['idle', 'gil', 'regex', 'stopped', 'deaf', 'family', 'importing'] as const),
];
/** Programs that run at a time. */
const ABREAST = 4;

interface Attack {
  /** The layers that are off. */
  readonly off: string;
  /** Whether the watchdog is configured. */
  readonly watchdog?: boolean;
  /** Who lives on, by state: workers/children/daemons. Everybody else is gone within five seconds. */
  readonly left: Readonly<Record<string, string>>;
}

interface Outcome {
  /** The longest life after the runtime's end of those who had to go, in milliseconds. */
  readonly lastGoneMs: number;
  /** How many had to go, and did not. */
  readonly late: number;
  readonly left: Readonly<Record<string, string>>;
  readonly afterNext: number;
  readonly reports: readonly string[];
}

const DAEMONS = { family: '0/0/5' };
/** Their Python threads and handlers do not run: only the kernel, or somebody else, can end them. */
const STUCK = { gil: '1/0/0', regex: '1/0/0', stopped: '1/2/0' };
/**
 * Those who cannot hear that their runtime is dead. Forked, nobody: their fork server can, and the kernel ends them with it.
 */
const deaf = (left: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  forks(1) ? {} : left;

const attacks: Readonly<Record<string, Attack>> = {
  'every layer': { off: '', left: DAEMONS },
  'every layer and the watchdog': { off: '', watchdog: true, left: {} },
  'no records': { off: 'record', left: DAEMONS },
  'no kill at exits': { off: 'exit', left: DAEMONS },
  'no lifeline': { off: 'lifeline', left: { ...deaf(STUCK), ...DAEMONS } },
  'no end of beats': { off: 'eof', left: DAEMONS },
  'no second opinion': { off: 'opinion', left: DAEMONS },
  'the lifeline alone': { off: 'record,exit,eof,opinion', left: DAEMONS },
  'the end of beats alone': {
    off: 'record,exit,lifeline,opinion',
    left: { ...deaf(STUCK), ...DAEMONS },
  },
  'the second opinion alone': {
    off: 'record,exit,lifeline,eof',
    // It is armed when the adapter is there: importing one is what the first two layers are for.
    left: { ...deaf({ ...STUCK, importing: '1/0/0' }), ...DAEMONS },
  },
  'the watchdog alone': { off: 'record,exit,lifeline,eof,opinion', watchdog: true, left: {} },
  'the next start alone': {
    off: 'record,exit,lifeline,eof,opinion,watchdog',
    watchdog: true,
    left: {
      ...STUCK,
      ...{ idle: '1/0/0', deaf: '1/0/0', family: '1/15/5', importing: '1/0/0' },
    },
  },
};

/** Kills a runtime whose workers are in all states, and starts the next; gives what became of everybody. */
async function play({ off, watchdog = false, left }: Attack): Promise<Outcome> {
  const runtime = new DyingRuntime();
  try {
    const victim = await runtime.start(STATES, off, watchdog ? { watchdog } : {});
    const mustGo = STATES.flatMap((state) => {
      const { worker, kids, daemons } = runtime.of(state);
      const [ofWorker, ofKids, ofDaemons] = (left[state] ?? '0/0/0').split('/');
      return [
        ...(ofWorker === '0' ? worker : []),
        ...(ofKids === '0' ? kids : []),
        ...(ofDaemons === '0' ? daemons : []),
      ];
    });
    const seen = await runtime.kill(victim, mustGo);
    const census = runtime.census();
    const reports = await runtime.startNext();
    return {
      lastGoneMs: Math.max(...Object.values(seen.gone)),
      late: seen.left.length,
      left: census,
      afterNext: runtime.everyone().length,
      reports,
    };
  } finally {
    await runtime.close();
  }
}

describe('SIGKILL of the runtime; workers idle, in C, stopped, deaf, importing, with a family', () => {
  let outcomes: ReadonlyMap<string, Promise<Outcome>> = new Map();
  beforeAll(() => {
    const jobs = Object.entries(attacks).map(
      ([name, attack]) => [name, () => play(attack)] as const,
    );
    outcomes = sideBySide(Object.fromEntries(jobs), ABREAST);
  });
  afterAll(() => Promise.allSettled(outcomes.values()));

  test.each(Object.keys(attacks))(
    '[R1.1] [R1.4] [T2.3] [I4.1] %s: gone within five seconds; what is left, the next start ends',
    async (name) => {
      const outcome = await outcomes.get(name);
      const { late, lastGoneMs, left, afterNext, reports } = outcome ?? {};
      expect({ late, left }).toEqual({ late: 0, left: attacks[name]?.left });
      expect(lastGoneMs).toBeLessThan(GONE_MS);
      expect(afterNext).toBe(0);
      const isTold = reports?.some((text) => text.includes('had left')) === true;
      expect(isTold).toBe(Object.keys(left ?? {}).length > 0);
    },
  );
});

describe('SIGKILL of runtime and worker in the same instant', () => {
  const orders = ['runtime first', 'worker first'] as const;

  test.each(orders.flatMap((order) => [[order, true] as const, [order, false] as const]))(
    '[R1.1] [R1.4] [T2.3] [I4.1] %s, guarded by the watchdog: %s; nobody is left, or nobody after the next start',
    async (order, watchdog) => {
      const runtime = new DyingRuntime();
      try {
        const victim = await runtime.start(['family'], '', { watchdog });
        const { worker, kids, daemons } = runtime.of('family');
        const [leader] = worker;
        if (leader === undefined) throw new Error('there is no worker');
        // Alone nobody can end its children: the kernel's order to do so died with the worker.
        const mustGo = watchdog ? [...worker, ...kids, ...daemons] : worker;
        const seen = await runtime.killBoth(order, victim, leader, mustGo);
        expect(seen.left).toEqual([]);
        if (!watchdog) {
          expect(runtime.of('family').daemons).not.toEqual([]);
          await runtime.startNext();
        }
        // The watchdog itself stays until it has seen three times that nobody is left.
        await until(() => runtime.everyone().length === 0, 'nobody to be left', GONE_MS);
      } finally {
        await runtime.close();
      }
    },
  );
});

describe('the next start', () => {
  test('[R1.4] [I4.1] [I4.5] without its sweep it leaves what there is; the one after ends it', async () => {
    const runtime = new DyingRuntime();
    try {
      const victim = await runtime.start(['family'], '');
      const { worker, kids } = runtime.of('family');
      await runtime.kill(victim, [...worker, ...kids]);
      expect(runtime.census()).toEqual(DAEMONS);
      const warnings = await runtime.startNext('sweep');
      expect(warnings).toContain('safety layers are switched off: sweep');
      expect(runtime.census()).toEqual(DAEMONS);
      await runtime.startNext();
      expect(runtime.everyone()).toEqual([]);
    } finally {
      await runtime.close();
    }
  });
});
