import { describe, expect, test } from '@jest/globals';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import { noreply, ok } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { exitReason } from '../process/exit-reason.ts';
import { silentLogger } from '../logger.ts';
import { createSystem, type ActorSystem } from '../system.ts';
import { eventMetric, polledMetric, type MetricDefinition } from './metric-definition.ts';
import { reportMetrics } from './report-metrics.ts';

/** The SDK as a user has it, asked instead of exporting by itself. */
function createSdk() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  return {
    meter: provider.getMeter('test'),
    stop: () => provider.shutdown(),
    async read() {
      exporter.reset();
      await provider.forceFlush();
      const [resource] = exporter.getMetrics();
      return resource?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    },
    /** Sum or last value of each combination of attributes. */
    async values(name: string): Promise<(readonly [object, unknown])[]> {
      const metric = (await this.read()).find(({ descriptor }) => descriptor.name === name);
      const points = (metric?.dataPoints ?? []) as DataPoint<unknown>[];
      return points.map(({ attributes, value }) => [attributes, value] as const);
    },
  };
}

const idle = defineServer({ init: () => ok(0), info: (state: number) => noreply(state) });
const crashing = defineServer({
  init: () => ok(0),
  info: () => {
    throw new RangeError('as it was told to');
  },
});

async function crash(system: ActorSystem): Promise<void> {
  const { pid } = await system.start(crashing);
  system.send(pid, 'crash');
  await system.awaitExit(pid);
}

const restarts: MetricDefinition = eventMetric({
  ...{ kind: 'counter', name: 'test.exits', unit: '{process}', keepsPast: true },
  description: 'For tests.',
  labels: { reason: 'Kind of the exit reason.' },
  initial: () => [{ reason: 'killed' }],
  event: 'snakepit.process.exited',
  value: ({ count }) => count,
  attributes: ({ reason }) => ({ reason: reason.kind }),
});

describe('reportMetrics()', () => {
  test('[I6.2] reports processes, spawns and exits by reason to the real SDK', async () => {
    const system = createSystem({ logger: silentLogger });
    const sdk = createSdk();
    const stop = reportMetrics(system, sdk.meter);
    const first = await system.start(idle);
    await system.start(idle);
    await crash(system);
    expect(await sdk.values('snakepit.processes')).toEqual([[{ behaviour: 'genServer' }, 2]]);
    expect(await sdk.values('snakepit.process.spawned')).toEqual([[{ behaviour: 'genServer' }, 3]]);
    expect(await sdk.values('snakepit.process.exits')).toEqual([
      [{ behaviour: 'genServer', reason: 'error' }, 1],
    ]);
    await system.stopProcess(first, exitReason.normal);
    expect(await sdk.values('snakepit.processes')).toEqual([[{ behaviour: 'genServer' }, 1]]);
    const found = await sdk.read();
    expect(found.map(({ descriptor }) => [descriptor.name, descriptor.unit])).toEqual(
      expect.arrayContaining([
        ['snakepit.process.exits', '{process}'],
        ['snakepit.process.mailbox.longest', '{message}'],
      ]),
    );
    stop();
    await Promise.all([system.stop(), sdk.stop()]);
  });

  test('[I6.2] a distribution has the buckets of its definition, in seconds', async () => {
    const system = createSystem({ logger: silentLogger });
    const sdk = createSdk();
    const stop = reportMetrics(system, sdk.meter);
    const { telemetry } = system;
    for (const durationMs of [120, 300, 3_000]) {
      telemetry.emit(
        'snakepit.process.long_turn',
        { count: 1, durationMs },
        { pid: undefined, behaviour: 'task', name: undefined, candidates: [] },
      );
    }
    const [[, value] = []] = await sdk.values('snakepit.process.long_turn.duration');
    const { buckets, sum, count } = value as Histogram;
    expect(buckets.boundaries).toEqual([0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
    expect(buckets.counts).toEqual([0, 1, 1, 0, 0, 1, 0, 0]);
    expect([sum, count]).toEqual([3.42, 3]);
    stop();
    await Promise.all([system.stop(), sdk.stop()]);
  });

  test('[I6.2] ended, it hears of nothing more and holds nothing', async () => {
    const system = createSystem({ logger: silentLogger });
    const sdk = createSdk();
    for (let round = 0; round < 3; round += 1) {
      const stop = reportMetrics(system, sdk.meter);
      expect(system.telemetry.enabled('snakepit.process.exited')).toBe(true);
      await crash(system);
      stop();
      stop();
      expect(system.telemetry.enabled('snakepit.process.exited')).toBe(false);
      await crash(system);
    }
    // Three were heard of, three were not; nothing is read any more.
    expect(await sdk.values('snakepit.process.exits')).toEqual([
      [{ behaviour: 'genServer', reason: 'error' }, 3],
    ]);
    expect(await sdk.values('snakepit.processes')).toEqual([]);
    await Promise.all([system.stop(), sdk.stop()]);
  });

  test('[I6.2] metrics that come later are taken too, and those that go are let go', async () => {
    const system = createSystem({ logger: silentLogger });
    const sdk = createSdk();
    const stop = reportMetrics(system, sdk.meter);
    const measured: string[] = [];
    let reads = 0;
    let record: (seconds: number) => void = () => undefined;
    const later: MetricDefinition[] = [
      polledMetric({
        ...{ kind: 'gauge', name: 'test.sum', unit: '{thing}', labels: {} },
        description: 'For tests.',
        read: (observe) => {
          reads += 1;
          observe(7, {});
        },
      }),
      {
        ...{ kind: 'histogram', name: 'test.time', unit: 's', labels: {}, buckets: [1, 2] },
        description: 'For tests.',
        measure: (series) => {
          measured.push('begun');
          record = series({ pool: 'a' });
          return () => void measured.push('ended');
        },
      },
    ];
    const remove = system.observation.addMetrics(later);
    // Once, however often.
    system.observation.addMetrics(later);
    record(1.5);
    record(0.5);
    expect(await sdk.values('test.sum')).toEqual([[{}, 7]]);
    const [[attributes, value] = []] = await sdk.values('test.time');
    expect(attributes).toEqual({ pool: 'a' });
    expect((value as Histogram).buckets.counts).toEqual([1, 1, 0]);
    expect(measured).toEqual(['begun']);
    remove();
    expect(measured).toEqual(['begun', 'ended']);
    // OpenTelemetry goes on telling what it was told last, but asks nobody.
    await sdk.values('test.sum');
    expect(reads).toBe(2);
    stop();
    await Promise.all([system.stop(), sdk.stop()]);
  });

  test('[I6.2] a metric may keep what happened before, and tells zeros before anything happens', async () => {
    const system = createSystem({ logger: silentLogger });
    const remove = system.observation.addMetrics([restarts]);
    await crash(system);
    await crash(system);
    const sdk = createSdk();
    const stop = reportMetrics(system, sdk.meter);
    await crash(system);
    expect(await sdk.values('test.exits')).toEqual([
      [{ reason: 'killed' }, 0],
      [{ reason: 'error' }, 3],
    ]);
    stop();
    // Another one gets all of it, too.
    const other = createSdk();
    const stopOther = reportMetrics(system, other.meter);
    expect(await other.values('test.exits')).toContainEqual([{ reason: 'error' }, 3]);
    stopOther();
    remove();
    expect(system.telemetry.enabled('snakepit.process.exited')).toBe(false);
    await Promise.all([system.stop(), sdk.stop(), other.stop()]);
  });

  test('[I6.2] without an SDK it does no harm; a metric that cannot be read is reported', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const system = createSystem({ logger });
    const silent = reportMetrics(system);
    const sdk = createSdk();
    const stop = reportMetrics(system, sdk.meter);
    system.observation.addMetrics([
      polledMetric({
        ...{ kind: 'gauge', name: 'test.broken', unit: '1', labels: {} },
        description: 'For tests.',
        read: () => {
          throw new Error('no');
        },
      }),
    ]);
    await system.start(idle);
    expect(await sdk.values('snakepit.processes')).toEqual([[{ behaviour: 'genServer' }, 1]]);
    expect(warnings).toEqual(['the metric test.broken cannot be read']);
    silent();
    stop();
    await Promise.all([system.stop(), sdk.stop()]);
  });
});
