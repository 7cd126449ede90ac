import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
} from '@opentelemetry/sdk-metrics';
import { createTelemetry, reportMetrics } from '@snakepit/core';
import { observe, type Observer } from '@snakepit/observer';
import type { Snakepit } from '@snakepit/python-bridge';
import { Prometheus, promtool } from '../fixtures/prometheus.ts';
import { isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// A real Prometheus scrapes a Snakepit with real Python workers, while calls are made and a worker is killed.

jest.setTimeout(60_000);

const ALERTS = join(import.meta.dirname, '../../examples/monitoring/alerts.yml');

const bench = new SnakepitBench();
const prometheus = new Prometheus();
let snakepit: Snakepit;
let observer: Observer;

beforeAll(async () => {
  snakepit = await bench.start({
    size: 2,
    maxQueueSize: 50,
    heartbeat: { pingInterval: 1_000 },
    circuitBreaker: { enabled: true },
  });
  observer = await observe(snakepit.system, { metrics: { open: true } });
  // From now on calls are measured.
  await exposition();
  await prometheus.start(`127.0.0.1:${String(observer.port)}`, [ALERTS]);
});

afterAll(async () => {
  try {
    await prometheus.stop();
    await (observer as Observer | undefined)?.close();
  } finally {
    await bench.close();
  }
});

/** What the observer serves. */
async function exposition(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${String(observer.port)}/metrics`)).text();
}

describe('Prometheus', () => {
  test('[I6.3] [T4.2] what is served passes `promtool check metrics`', async () => {
    await snakepit.execute('add', { a: 1, b: 2 });
    // Twice, because memory is measured for the next time.
    await exposition();
    const text = await until(async () => {
      const found = await exposition();
      return found.includes('\nsnakepit_worker_memory_bytes{') ? found : undefined;
    }, 'memory of the workers to be measured');
    expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, output: '' });
    // And it would say so.
    expect(promtool(['check', 'metrics'], 'a_total{b="c"} 1\n').code).not.toBe(0);
  });

  test('[R5.5] [I6.3] [T4.2] scrapes pools, workers, heartbeats and processes', async () => {
    const [up] = await prometheus.eventually('up{job="snakepit"} == 1');
    expect(up?.value).toBe(1);
    const value = async (expression: string): Promise<number | undefined> =>
      (await prometheus.eventually(expression))[0]?.value;
    expect(await value('snakepit_pool_size{pool="default"}')).toBe(2);
    expect(await value('snakepit_pool_ready{pool="default"}')).toBe(2);
    expect(await value('snakepit_pool_queue_limit')).toBe(50);
    expect(await value('snakepit_pool_queue_length')).toBe(0);
    expect(await value('snakepit_pool_queue_oldest_age_seconds')).toBe(0);
    expect(await value('snakepit_workers{state="ready"}')).toBe(2);
    expect(await value('snakepit_worker_restarts_total')).toBe(0);
    expect(await value('snakepit_circuit_breaker_state{state="closed"}')).toBe(1);
    expect(await value('snakepit_sessions')).toBe(0);
    // Of the start, before anybody looked.
    expect(await value('snakepit_worker_starts_total')).toBe(2);
    expect(await value('snakepit_worker_start_duration_seconds_count')).toBe(2);
    expect(await value('snakepit_sweep_duration_seconds_count{successful="true"}')).toBe(1);
    expect(
      await value('snakepit_supervisor_window_allowed{supervisor="snakepit"}'),
    ).toBeGreaterThan(0);
    expect(await value('sum(snakepit_processes)')).toBeGreaterThan(10);
    expect(await value('snakepit_worker_memory_bytes{worker="default_worker_1"}')).toBeGreaterThan(
      5_000_000,
    );
    // They go on.
    for (const name of ['sent', 'received', 'duration_seconds_count']) {
      const total = name.endsWith('count') ? '' : '_total';
      await prometheus.eventually(
        `snakepit_worker_heartbeat_${name}${total}{pool="default",path="beats"} > 1`,
      );
    }
    const seconds = 'snakepit_worker_heartbeat_duration_seconds';
    // A moment of a busy machine does not count for ever.
    await prometheus.eventually(`${seconds}_sum / ${seconds}_count < 1`);
  });

  test('[R12.3] [I6.5] evaluates the alert rules, and none fires while all is well', async () => {
    interface Rules {
      readonly groups: readonly { readonly rules: readonly { readonly health: string }[] }[];
    }
    const evaluated = await until(async () => {
      const { groups } = (await prometheus.ask('rules')) as Rules;
      const found = groups.flatMap(({ rules }) => rules.map(({ health }) => health));
      return found.includes('unknown') ? undefined : found;
    }, 'the rules to be evaluated');
    expect(evaluated.length).toBeGreaterThan(20);
    expect(new Set(evaluated)).toEqual(new Set(['ok']));
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });

  test('[R5.5] [I6.3] [T4.2] values move when calls are made', async () => {
    const before = snakepit.stats();
    await Promise.all(Array.from({ length: 20 }, (_, a) => snakepit.execute('add', { a, b: 1 })));
    await snakepit.execute('fail', { message: 'no' }).catch(() => undefined);
    const aborted = new AbortController();
    const beganMs = performance.now();
    const slow = snakepit.execute('wait', { seconds: 30 }, { signal: aborted.signal });
    const failing = slow.catch(() => undefined);
    await prometheus.eventually('snakepit_pool_in_flight{pool="default"} == 1');
    const seconds = (performance.now() - beganMs) / 1000;
    aborted.abort();
    await failing;
    const calls = (outcome: string, count: number): string =>
      `snakepit_pool_calls_total{pool="default",outcome="${outcome}"} == ${String(count)}`;
    await prometheus.eventually(calls('succeeded', before.succeeded + 20));
    await prometheus.eventually(calls('failed', before.failed + 1));
    await prometheus.eventually(calls('cancelled', before.cancelled + 1));
    await prometheus.eventually(
      `snakepit_pool_calls_accepted_total == ${String(before.accepted + 22)}`,
    );
    const duration = 'snakepit_pool_call_duration_seconds_count';
    const [succeeded] = await prometheus.eventually(`${duration}{outcome="succeeded"} >= 20`);
    expect(succeeded?.value).toBe(before.succeeded + 20);
    const [failed] = await prometheus.eventually(`${duration}{outcome="failed"} == 1`);
    expect(failed?.metric).toMatchObject({ pool: 'default' });
    // Of the one that was given up it is known how long that took.
    await prometheus.eventually(
      `snakepit_pool_call_duration_seconds_sum{outcome="cancelled"} > ${String(0.9 * seconds)}`,
    );
    const [waits] = await prometheus.eventually('snakepit_pool_call_wait_seconds_count > 21');
    expect(waits?.value).toBe(before.accepted + 22);
  });

  test('[I6.3] calls that wait are seen, and how long', async () => {
    const beganMs = performance.now();
    const gate = bench.path('gate');
    const calls = Array.from({ length: 4 }, () => snakepit.execute('hold', { gate }));
    await prometheus.eventually('snakepit_pool_queue_length == 2');
    const [age] = await prometheus.eventually('snakepit_pool_queue_oldest_age_seconds > 1');
    expect(age?.value).toBeLessThan((performance.now() - beganMs) / 1000);
    writeFileSync(gate, '');
    await Promise.all(calls);
    await prometheus.eventually('snakepit_pool_queue_length == 0');
  });

  test('[R5.5] [I6.3] [T4.2] a worker that is killed is counted, and so is its restart', async () => {
    const osPid = osPidOf(snakepit);
    process.kill(osPid, 'SIGKILL');
    const [ended] = await prometheus.eventually(
      'snakepit_worker_terminations_total{signal="SIGKILL"} == 1',
    );
    expect(ended?.metric).toMatchObject({ pool: 'default', cause: 'killed' });
    await prometheus.eventually('snakepit_worker_restarts_total{pool="default"} == 1');
    await prometheus.eventually('snakepit_worker_starts_total{pool="default"} == 3');
    await prometheus.eventually(
      'snakepit_worker_cleanup_duration_seconds_count{pool="default",successful="true"} == 1',
    );
    await prometheus.eventually('snakepit_supervisor_restarts_total > 0');
    await prometheus.eventually('snakepit_pool_ready{pool="default"} == 2');
    // The jump from nothing to one is a change, as rates need it.
    await prometheus.eventually('increase(snakepit_worker_restarts_total[1m]) > 0');
    await prometheus.eventually('increase(snakepit_worker_failures_total[1m]) > 0');
    expect(isAlive(osPid)).toBe(false);
  });

  test('[I6.2] the same goes to the real SDK of OpenTelemetry, what happened before included', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({
      ...{ exporter, exportIntervalMillis: 3_600_000 },
    });
    const provider = new MeterProvider({ readers: [reader] });
    const stop = reportMetrics(snakepit.system, provider.getMeter('test'));
    for (let a = 0; a < 3; a += 1) await snakepit.execute('add', { a, b: 1 });
    await provider.forceFlush();
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const points = (name: string, attributes: object): unknown[] =>
      found
        .flatMap(({ metrics }) => metrics)
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }): readonly DataPoint<unknown>[] => dataPoints)
        .filter((point) => isDeepStrictEqual(point.attributes, attributes))
        .map(({ value }) => value);
    const pool = { pool: 'default' };
    const succeeded = { ...pool, outcome: 'succeeded' };
    expect(points('snakepit.pool.calls', succeeded)).toEqual([snakepit.stats().succeeded]);
    expect(points('snakepit.pool.call.duration', succeeded)).toMatchObject([{ count: 3 }]);
    expect(points('snakepit.worker.starts', pool)).toEqual([3]);
    expect(points('snakepit.worker.restarts', pool)).toEqual([1]);
    stop();
    await provider.shutdown();
  });

  test('[I6.2] a Snakepit that has ended leaves no listener on a bus that is shared', async () => {
    const events = ['snakepit.worker.started', 'snakepit.cleanup.swept'] as const;
    const telemetry = createTelemetry();
    const listens = (): boolean[] => events.map((name) => telemetry.enabled(name));
    const starting = bench.start({}, { telemetry: { bus: telemetry } });
    expect(listens()).toEqual([true, true]);
    await (await starting).stop();
    expect(listens()).toEqual([false, false]);
  });
});
