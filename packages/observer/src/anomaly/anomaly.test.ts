import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  defineServer,
  ok,
  silentLogger,
  type ActorSystem,
  type Metadata,
  type TestClock,
} from '@snakepit/core';
import { watchAnomalies, type AnomalyWatch } from '../index.ts';
import { latencyDrift, median, memorySlope, missedHeartbeats, queueAge } from './detectors.ts';

const minute = 60_000;
const mib = 2 ** 20;

/** Numbers that look like chance, and are the same every time (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens besides the noise. */
interface Faults {
  /** Since so many milliseconds the calls take so many times as long. */
  slower?: { readonly sinceMs: number; readonly times: number };
  /** Since so many milliseconds the first worker keeps so much more each minute. */
  leak?: { readonly sinceMs: number; readonly bytesPerMinute: number };
  /** The process of the first worker; default 100. */
  osPid?: number;
  /** Whether there are calls; default true. */
  hasCalls?: boolean;
  /** How often the workers have failed by now. */
  failures?: number;
  /** Heartbeats that the first worker has missed in a row. */
  missed?: number;
  /** How long a call waits, in milliseconds. */
  waitMs?: number;
}

const workerIds = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8'];
const worker = defineServer({ name: 'worker', init: () => ok(0) });

let clock: TestClock;
let system: ActorSystem;
let watch: AnomalyWatch;
let faults: Faults;
let detected: Metadata<'snakepit.anomaly.detected'>[];
let cleared: Metadata<'snakepit.anomaly.cleared'>[];
let isBare: boolean;

async function begin(seed: number): Promise<void> {
  clock = createTestClock();
  system = createSystem({ clock, logger: silentLogger });
  faults = {};
  detected = [];
  cleared = [];
  isBare = false;
  const random = createRandom(seed);
  /** Around 0, spread 1. */
  const noise = (): number =>
    Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(6.283 * random());
  for (const id of workerIds) await system.start(worker, undefined, { name: id });
  system.observation.addSource({
    name: 'synthetic',
    describe: ({ name = '' }) => {
      if (isBare || !workerIds.includes(name)) return undefined;
      const { leak, missed = 0, osPid = 100 } = faults;
      const isFirst = name === 'w1';
      // Workers grow at first, then hold their level, up to garbage.
      const grown = 20 * mib * (1 - Math.exp(-clock.now() / (2 * minute)));
      const leaked =
        leak !== undefined && isFirst
          ? (Math.max(0, clock.now() - leak.sinceMs) / minute) * leak.bytesPerMinute
          : 0;
      const chance = random() < 0.005 ? 1 : 0;
      return {
        role: 'worker',
        osPid: isFirst ? osPid : 100 + workerIds.indexOf(name),
        rssBytes: 120 * mib + grown + leaked + 4 * mib * noise(),
        heartbeatMs: Math.exp(0.5 * noise()),
        missedHeartbeats: isFirst ? Math.max(missed, chance) : chance,
        details: { pool: 'default', workerId: name },
      };
    },
    panels: () => {
      const { slower, waitMs, failures = 0, hasCalls = true } = faults;
      const times = slower !== undefined && clock.now() >= slower.sinceMs ? slower.times : 1;
      // A busy minute now and then, as everywhere.
      const burst = random() < 0.02 ? 2 : 1;
      const p50Ms = 12 * Math.exp(0.25 * noise()) * times * burst;
      const latency = hasCalls ? { p50Ms } : {};
      const oldestWaitMs = waitMs ?? (random() < 0.1 ? 800 * random() : 0);
      return { pools: [{ name: 'default', size: 8, failures, oldestWaitMs, latency }] };
    },
  });
  system.telemetry.on('snakepit.anomaly.detected', (_, about) => void detected.push(about));
  system.telemetry.on('snakepit.anomaly.cleared', (_, about) => void cleared.push(about));
  watch = watchAnomalies(system);
}

beforeEach(() => begin(1));
afterEach(async () => {
  watch.stop();
  await system.stop();
});
const kinds = (): string[] => detected.map(({ kind, subject }) => `${kind} of ${subject}`);

describe('a watch for anomalies', () => {
  test.each([1, 2, 3])(
    '[R10.5] [I6.9] a quiet hour of noisy load raises nothing (seed %i)',
    async (seed) => {
      watch.stop();
      await system.stop();
      await begin(seed);
      await clock.advance(30 * minute);
      // One worker crashed once: that is what supervision is for.
      faults.failures = 1;
      await clock.advance(30 * minute);
      expect([detected, watch.active()]).toEqual([[], []]);
    },
  );

  test('[R10.5] [I6.9] workers that keep failing: within 15 s, with advice; over when it stops', async () => {
    await clock.advance(5 * minute);
    for (const failures of [1, 2, 3, 4]) {
      faults.failures = failures;
      await clock.advance(10_000);
    }
    await clock.advance(5_000);
    expect(detected).toEqual([
      {
        kind: 'restarts',
        subject: 'pool default',
        message: 'pool default lost workers 4 times in 5 minutes',
        advice: expect.stringContaining('/health/workers'),
      },
    ]);
    expect(watch.active()).toMatchObject([{ kind: 'restarts', sinceMs: expect.any(Number) }]);
    await clock.advance(6 * minute);
    expect([cleared, watch.active()]).toEqual([
      [{ kind: 'restarts', subject: 'pool default' }],
      [],
    ]);
  });

  test('[R10.5] [I6.9] calls that take three times as long: within a minute', async () => {
    await clock.advance(10 * minute);
    faults.slower = { sinceMs: clock.now(), times: 3 };
    await clock.advance(minute);
    expect(kinds()).toEqual(['latency of pool default']);
    expect(detected[0]?.message).toMatch(
      /^pool default takes \d+\.\d ms, where 1\d\.\d ms were usual$/,
    );
    faults.slower = { sinceMs: 0, times: 1 };
    await clock.advance(2 * minute);
    expect(cleared).toMatchObject([{ kind: 'latency' }]);
  });

  test('[R10.5] [I6.9] a worker that keeps memory: before it has doubled', async () => {
    await clock.advance(5 * minute);
    faults.leak = { sinceMs: clock.now(), bytesPerMinute: 6 * mib };
    await clock.advance(20 * minute);
    expect(kinds()).toEqual(['memory of worker w1']);
    expect(detected[0]?.advice).toContain('pools[].recycle.maxMemory');
    // It was replaced: what its predecessor did is not its fault.
    faults = { osPid: 200 };
    await clock.advance(5_000);
    expect([watch.active(), cleared]).toMatchObject([[], [{ kind: 'memory' }]]);
    // And it starts small, as all do.
    await clock.advance(30 * minute);
    expect(kinds()).toEqual(['memory of worker w1']);
  });

  test('[I6.9] what is gone is not as it was: its alarms are over', async () => {
    faults.missed = 2;
    await clock.advance(15_000);
    isBare = true;
    await clock.advance(minute);
    expect([watch.active(), cleared]).toMatchObject([[], [{ kind: 'heartbeat' }]]);
  });

  test('[I6.9] a pool that nobody calls any more is not slow', async () => {
    await clock.advance(10 * minute);
    faults.slower = { sinceMs: clock.now(), times: 3 };
    await clock.advance(minute);
    faults.hasCalls = false;
    await clock.advance(minute);
    expect([kinds(), watch.active()]).toEqual([['latency of pool default'], []]);
  });

  test('[I6.9] of a worker that is being replaced the younger process counts', async () => {
    await system.start(worker, undefined, { name: 'w1-old' });
    await system.start(worker, undefined, { name: 'w1-new' });
    system.observation.addSource({
      name: 'replacing',
      describe: ({ name }) => {
        if (name !== 'w1-old' && name !== 'w1-new') return undefined;
        const missedHeartbeats = name === 'w1-old' ? 3 : 0;
        return { role: 'worker', missedHeartbeats, details: { pool: 'default', workerId: 'r1' } };
      },
    });
    await clock.advance(minute);
    expect(detected).toEqual([]);
  });

  test('[R10.5] [I6.9] heartbeats missed in a row, and calls that wait', async () => {
    await clock.advance(minute);
    faults.missed = 2;
    await clock.advance(15_000);
    expect(kinds()).toEqual(['heartbeat of worker w1']);
    faults.missed = 0;
    faults.waitMs = 9_000;
    await clock.advance(30_000);
    expect(kinds()).toEqual(['heartbeat of worker w1', 'queue of pool default']);
    expect(detected[1]?.message).toBe('pool default lets calls wait 9.0 s for a worker');
  });

  test('it goes on when a look fails, and looks no more when it was stopped', async () => {
    const remove = system.observation.addSource({
      name: 'broken',
      panels: () => {
        throw new Error('a bug');
      },
    });
    await clock.advance(10_000);
    remove();
    faults.waitMs = 60_000;
    await clock.advance(30_000);
    expect(kinds()).toEqual(['queue of pool default']);
    watch.stop();
    expect(clock.pending).toBe(0);
  });

  test('it ends with its system, and when who is told ends it', async () => {
    const other = createSystem({ clock, logger: silentLogger });
    watch.stop();
    watchAnomalies(other);
    await other.stop();
    expect(clock.pending).toBe(0);
    watch = watchAnomalies(system);
    system.telemetry.on('snakepit.anomaly.detected', () => {
      watch.stop();
    });
    faults.waitMs = 60_000;
    await clock.advance(30_000);
    expect([kinds().length, clock.pending]).toEqual([1, 0]);
  });
});

describe('detectors', () => {
  test('[I6.9] say nothing before they have seen enough', () => {
    expect(latencyDrift([1, 1, 1, 900, 900, 900])).toBeUndefined();
    expect(memorySlope([{ atMs: 0, value: 1 }])).toBeUndefined();
    expect(queueAge([60_000], 5_000)).toBeUndefined();
    expect(missedHeartbeats([])).toBeUndefined();
    expect(median([])).toBe(0);
  });

  test('[I6.9] a level with noise is no slope, and one outlier no drift', () => {
    const level = Array.from({ length: 60 }, (_, i) => ({
      atMs: i * 30_000,
      value: 200 * mib + (i % 7) * 8 * mib,
    }));
    expect(memorySlope(level)).toBeUndefined();
    expect(latencyDrift([...Array<number>(60).fill(10), 900])).toBeUndefined();
    expect(
      latencyDrift([...Array<number>(60).fill(10), ...Array<number>(6).fill(30)]),
    ).toMatchObject({
      value: expect.closeTo(30, 5),
      baseline: expect.closeTo(10, 5),
    });
    expect(missedHeartbeats([1, 0, 1, 0, 1, 0, 1, 0, 1, 0])).toMatchObject({ value: 5 });
  });
});
