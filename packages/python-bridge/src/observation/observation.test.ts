import { describe, expect, test } from '@jest/globals';
import { createTelemetry, createTestClock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createCallWatch, keptCalls } from './call-watch.ts';
import { Latencies } from './latencies.ts';
import { watchLeftovers } from './leftovers.ts';
import { createMemorySampler } from './memory-sampler.ts';
import { redactText } from './redact-text.ts';

describe('latencies', () => {
  test('[I6.6] percentiles are right to 10 %, and what is old is forgotten', () => {
    const latencies = new Latencies(0);
    expect(latencies.summary(0)).toEqual({ count: 0 });
    for (let ms = 1; ms <= 1_000; ms++) latencies.add(ms, 0);
    const { count, p50Ms = 0, p90Ms = 0, p99Ms = 0 } = latencies.summary(29_000);
    expect(count).toBe(1_000);
    for (const [told, real] of [
      [p50Ms, 500],
      [p90Ms, 900],
      [p99Ms, 990],
    ] as const) {
      expect(told).toBeGreaterThanOrEqual(real);
      expect(told).toBeLessThan(real * 1.1);
    }
    latencies.add(0, 31_000);
    latencies.add(1e12, 31_000);
    expect(latencies.summary(31_000).count).toBe(1_002);
    expect(latencies.summary(61_000).count).toBe(2);
    expect(latencies.summary(600_000).count).toBe(0);
  });
});

describe('a watch of calls', () => {
  const call = (tool: string, madeAtMs: number) => ({
    ...{ call: { tool, session: undefined }, madeAtMs, attempts: 1 },
    slot: { connection: { workerId: 'w1' } },
  });

  test('[I6.6] is off until somebody looks, and again when nobody has looked for 10 s', async () => {
    const clock = createTestClock();
    const watch = createCallWatch({ pool: 'p', clock });
    expect(watch.isOn).toBe(false);
    watch.ended(call('unseen', 0), undefined);
    expect([watch.latencies().count, watch.isOn]).toEqual([0, true]);
    await clock.advance(50);
    watch.ended(call('seen', 0), undefined);
    expect(watch.slowest()).toMatchObject([{ tool: 'seen', durationMs: 50, worker: 'w1' }]);
    await clock.advance(10_001);
    watch.ended(call('late', 0), undefined);
    expect(watch.isOn).toBe(false);
    expect([watch.slowest(), watch.latencies().count]).toEqual([[], 0]);
  });

  test('[I6.6] keeps 20 of each kind, without arguments and secrets; who gave up is no failure', () => {
    const clock = createTestClock();
    const watch = createCallWatch({ pool: 'p', clock, wallClock: () => 7 });
    const details = { tool: 't', timeoutMs: 1, operation: 'secret=abc', option: '' };
    for (let i = 0; i < 30; i++) {
      watch.ended(
        { ...call(`t${String(i)}`, 0), slot: undefined },
        bridgeError('TIMEOUT', details),
      );
    }
    watch.ended(call('given up', 0), bridgeError('CANCELLED', {}));
    watch.ended(call('odd', 0), new Error('x'.repeat(9_000)));
    const failing = watch.failing();
    expect(failing).toHaveLength(keptCalls);
    expect(failing[0]).toMatchObject({ tool: 'odd', code: undefined, at: 7 });
    expect(failing[0]?.message).toHaveLength(501);
    expect(failing[1]).toMatchObject({ tool: 't29', code: 'TIMEOUT' });
    expect(failing[1]?.message).toContain('secret=[redacted]');
  });
});

describe('memory', () => {
  test('[I6.6] is measured at most every 2 s, only while somebody asks, and is not told when it is old', async () => {
    const clock = createTestClock();
    let looks = 0;
    const memory = {
      measure: () => {
        looks += 1;
        return looks === 3
          ? Promise.reject(new Error('no /proc'))
          : Promise.resolve(new Map([[7, looks]]));
      },
    };
    const sampler = createMemorySampler({ clock, memory, groupIds: () => [7] });
    expect([sampler.bytesOf(7), looks]).toEqual([undefined, 1]);
    await clock.advance(0);
    expect([sampler.bytesOf(7), sampler.bytesOf(8), looks]).toEqual([1, undefined, 1]);
    await clock.advance(60_000);
    expect(looks).toBe(1);
    expect([sampler.bytesOf(7), looks]).toEqual([undefined, 2]);
    await clock.advance(2_000);
    // What cannot be measured is as it was, for a while.
    expect([sampler.bytesOf(7), looks]).toEqual([2, 3]);
    await clock.advance(1_999);
    expect([sampler.bytesOf(7), looks]).toEqual([2, 3]);
  });
});

describe('leftovers', () => {
  test('[T4.3] what could not be ended is told, with what to do', () => {
    const telemetry = createTelemetry();
    const leftovers = watchLeftovers(telemetry, () => 5);
    const ids = { pool: 'p', workerId: 'w1' };
    telemetry.emit(
      'snakepit.cleanup.worker',
      { escaped: 2, survivors: 0, durationMs: 1 },
      { ...ids, successful: true },
    );
    expect(leftovers.check()).toMatchObject({ status: 'ok', details: { endedElsewhere: 2 } });
    const why = { runId: 'r', reason: 'disk full' };
    telemetry.emit('snakepit.cleanup.unrecorded', { count: 1 }, why);
    expect(leftovers.check()).toMatchObject({
      status: 'degraded',
      remedy: expect.stringContaining('stateDir'),
    });
    telemetry.emit(
      'snakepit.cleanup.worker',
      { escaped: 1, survivors: 1, durationMs: 1 },
      { ...ids, successful: false },
    );
    expect(leftovers.check()).toMatchObject({
      status: 'degraded',
      message: '1 processes of worker w1 could not be ended',
      details: { notices: [{ at: 5 }] },
    });
    leftovers.stop();
    expect(telemetry.enabled('snakepit.cleanup.worker')).toBe(false);
  });

  test('[T4.3] [I6.4] is well again when somebody knows of it, or when the next look finds nothing', () => {
    const telemetry = createTelemetry();
    const leftovers = watchLeftovers(telemetry);
    const left = (): void => {
      telemetry.emit(
        'snakepit.cleanup.worker',
        { escaped: 1, survivors: 1, durationMs: 1 },
        { pool: 'p', workerId: 'w1', successful: false },
      );
    };
    const sweep = (runId: string, survivors: number): void => {
      const found = { runs: 1, processes: 1, corrupt: 0, durationMs: 1 };
      const about = { runId, successful: survivors === 0 };
      telemetry.emit('snakepit.cleanup.swept', { ...found, survivors }, about);
    };
    left();
    left();
    expect([leftovers.check().status, leftovers.isNoticed]).toEqual(['degraded', true]);
    expect(leftovers.check().remedy).toContain('"acknowledge"');
    expect([leftovers.acknowledge(), leftovers.isNoticed]).toEqual([2, false]);
    expect(leftovers.check()).toMatchObject({
      status: 'ok',
      details: { acknowledged: 2, notices: [] },
    });
    left();
    sweep('second', 1);
    expect(leftovers.check().message).toBe('1 processes of earlier runs could not be ended');
    sweep('third', 0);
    expect(leftovers.check().status).toBe('ok');

    // Whoever cannot be written down says so before it looks, and still cannot afterwards; the next one can.
    const why = { runId: 'third', reason: 'disk full' };
    telemetry.emit('snakepit.cleanup.unrecorded', { count: 1 }, why);
    sweep('third', 0);
    expect(leftovers.check()).toMatchObject({
      status: 'degraded',
      message: expect.stringContaining('disk full'),
    });
    sweep('fourth', 0);
    expect(leftovers.check().status).toBe('ok');
    leftovers.stop();
  });
});

test('[I6.6] secrets in texts of others are hidden', () => {
  const text = redactText(
    'password=a b "api_key": "k 1", Authorization: Bearer t0k; see https://me:pw@host/x; token = z',
    500,
  );
  expect(text).toBe(
    'password=[redacted] b "api_key": [redacted], Authorization: [redacted]; see https://[redacted]@host/x; token = [redacted]',
  );
  expect(redactText('x'.repeat(10), 5)).toBe('xxxxx…');
  // Whoever may print it chooses it: the time for it grows with its length, not with the square of that.
  const hostile = 'a.'.repeat(300_000);
  expect(redactText(hostile, 1_000_000)).toBe(hostile);
});
