import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createSystem,
  defineServer,
  eventMetric,
  noreply,
  ok,
  polledMetric,
  silentLogger,
  type ActorSystem,
  type MetricDefinition,
  type RecordValue,
} from '@snakepit/core';
import type { RouteRequest } from '../server/route.ts';
import { metricsRoutes, type MetricsRouteOptions } from './metrics-routes.ts';
import { mostSeries } from './metric-series.ts';
import { prometheusName } from './prometheus-name.ts';

const idle = defineServer({ init: () => ok(0), info: (state: number) => noreply(state) });

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A plain server with this route, and what it says. */
async function serve(system: ActorSystem, options?: MetricsRouteOptions) {
  const { routes, close } = metricsRoutes(system, options);
  const [route] = routes;
  if (route === undefined) throw new Error('no route');
  const server = createServer((_, response: ServerResponse) => {
    // It reads nothing of the request.
    void route.handle({} as RouteRequest, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  closers.push(async () => {
    close();
    await new Promise((resolve) => server.close(resolve));
    await system.stop();
  });
  return {
    route,
    close,
    ask: () => fetch(`http://127.0.0.1:${String(port)}/metrics`),
    async lines(name: string): Promise<string[]> {
      const text = await (await this.ask()).text();
      return text.split('\n').filter((line) => line.startsWith(name));
    },
  };
}

function quiet(): ActorSystem {
  return createSystem({ logger: silentLogger });
}

/** A metric whose values are given by the test. */
function pushed(kind: 'histogram', buckets: readonly number[]) {
  const records: RecordValue[] = [];
  const metric: MetricDefinition = {
    ...{ kind, name: 'test.call.duration', unit: 's', buckets },
    ...{ labels: { pool: 'A pool.' }, description: 'For "tests"\nonly.' },
    measure: (series) => {
      records.push(series({ pool: 'a' }));
      return () => void records.splice(0);
    },
  };
  return { metric, records };
}

describe('prometheusName()', () => {
  test.each([
    ['snakepit.worker.restarts', '{restart}', 'counter', 'snakepit_worker_restarts_total'],
    ['snakepit.pool.calls', '{call}', 'observableCounter', 'snakepit_pool_calls_total'],
    ['snakepit.pool.call.duration', 's', 'histogram', 'snakepit_pool_call_duration_seconds'],
    ['snakepit.worker.memory', 'By', 'gauge', 'snakepit_worker_memory_bytes'],
    ['process.cpu', 's', 'observableCounter', 'process_cpu_seconds_total'],
    ['snakepit.pool.size', '{worker}', 'gauge', 'snakepit_pool_size'],
  ] as const)('[T4.2] %s (%s, %s) is %s', (name, unit, kind, expected) => {
    expect(prometheusName({ name, unit, kind })).toBe(expected);
  });
});

describe('metricsRoutes()', () => {
  test('[I6.3] [T4.2] serves what is true now, in the format of Prometheus', async () => {
    const system = quiet();
    const served = await serve(system);
    await system.start(idle);
    const answer = await served.ask();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    const text = await answer.text();
    expect(text).toContain('# HELP snakepit_processes Living processes of the actor system.\n');
    expect(text).toContain('# TYPE snakepit_processes gauge\n');
    expect(text).toContain('snakepit_processes{behaviour="genServer"} 1\n');
    const pid = await system.start(idle);
    expect(await served.lines('snakepit_processes{')).toEqual([
      'snakepit_processes{behaviour="genServer"} 2',
    ]);
    await system.stopProcess(pid);
    expect(await served.lines('snakepit_process_exits_total{')).toEqual([
      'snakepit_process_exits_total{behaviour="genServer",reason="normal"} 1',
    ]);
  });

  test('[I6.3] measures nothing before it is asked, and nothing when it is closed', async () => {
    const system = quiet();
    const served = await serve(system);
    const listens = (): boolean => system.telemetry.enabled('snakepit.process.exited');
    expect(listens()).toBe(false);
    await served.ask();
    await served.ask();
    expect(listens()).toBe(true);
    served.close();
    expect(listens()).toBe(false);
    expect((await served.ask()).status).toBe(503);
    expect(listens()).toBe(false);
  });

  test('[I6.3] histograms: buckets that add up, sum and count', async () => {
    const system = quiet();
    const { metric, records } = pushed('histogram', [0.01, 0.1]);
    system.observation.addMetrics([metric]);
    const served = await serve(system, { processMetrics: false });
    await served.ask();
    for (const record of records) for (const value of [0.01, 0.02, 5, NaN, Infinity]) record(value);
    expect(await served.lines('test_')).toEqual([
      'test_call_duration_seconds_bucket{pool="a",le="0.01"} 1',
      'test_call_duration_seconds_bucket{pool="a",le="0.1"} 2',
      'test_call_duration_seconds_bucket{pool="a",le="+Inf"} 3',
      'test_call_duration_seconds_sum{pool="a"} 5.03',
      'test_call_duration_seconds_count{pool="a"} 3',
    ]);
    expect(await served.lines('# HELP test_')).toEqual([
      '# HELP test_call_duration_seconds For "tests"\\nonly.',
    ]);
  });

  test('[I6.3] labels cannot make more series than a metric may have', async () => {
    const system = quiet();
    const name = { name: 'What it is called.' };
    system.observation.addMetrics([
      eventMetric({
        ...{ kind: 'counter', name: 'test.spawned', unit: '{process}', labels: name },
        description: 'For tests.',
        event: 'snakepit.process.spawned',
        value: ({ count }) => count,
        attributes: (process) => ({ name: process.name ?? '' }),
      }),
      polledMetric({
        ...{ kind: 'gauge', name: 'test.names', unit: '1', labels: name },
        description: 'For tests.',
        read: (observe) => {
          for (let at = 0; at < mostSeries + 10; at += 1) observe(at, { name: at });
        },
      }),
    ]);
    const served = await serve(system);
    await served.ask();
    for (let at = 0; at < mostSeries + 5; at += 1) {
      system.spawn(idle, undefined, { name: `n${String(at)}` });
    }
    const lines = await served.lines('test_spawned_total{');
    expect(lines).toHaveLength(mostSeries + 1);
    expect(lines.at(-1)).toBe('test_spawned_total{name="other"} 5');
    expect(await served.lines('test_names{')).toHaveLength(mostSeries);
  });

  test('[I6.3] two metrics of one name: the first is served, the other reported, and nothing is lost', async () => {
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const system = createSystem({ logger: { ...silentLogger, warn } });
    const twice = [1, 2].map((value) =>
      polledMetric({
        ...{ kind: 'gauge', name: 'test.twice', unit: '1', labels: {}, description: 'For tests.' },
        read: (observe) => {
          observe(value, {});
        },
      }),
    );
    const remove = system.observation.addMetrics(twice);
    const served = await serve(system, { processMetrics: false });
    expect((await served.ask()).status).toBe(200);
    expect(await served.lines('test_twice ')).toEqual(['test_twice 1']);
    expect(await served.lines('# TYPE snakepit_processes ')).toHaveLength(1);
    expect(warnings).toEqual(['the metric test.twice cannot be collected']);
    remove();
    expect(await served.lines('test_twice ')).toEqual([]);
  });

  test('[T4.2] tells of the host process too, unless it is not to', async () => {
    const served = await serve(quiet());
    const [memory = ''] = await served.lines('process_resident_memory_bytes ');
    expect(Number(memory.split(' ')[1])).toBeGreaterThan(20_000_000);
    const names = ['process_cpu_seconds_total ', 'nodejs_eventloop_lag_p99_seconds '];
    for (const name of names) expect(await served.lines(name)).toHaveLength(1);
    const bare = await serve(quiet(), { processMetrics: false });
    expect(await bare.lines('process_')).toEqual([]);
  });

  test('[R5.5] a distribution of a call costs at most half a microsecond while it is measured', async () => {
    const system = quiet();
    const { metric, records } = pushed('histogram', [0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10]);
    system.observation.addMetrics([metric]);
    const served = await serve(system);
    await served.ask();
    const [record = () => undefined] = records;
    let bestMs = Infinity;
    for (let round = 0; round < 10; round += 1) {
      const beganAtMs = performance.now();
      for (let at = 0; at < 100_000; at += 1) record(at / 50_000);
      bestMs = Math.min(bestMs, performance.now() - beganAtMs);
    }
    expect(bestMs / 100_000).toBeLessThan(0.000_5);
  });
});
