import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { coreEvents, type EventTable, type TelemetryEventName } from '@snakepit/core';
import { bridgeEvents, type Snakepit } from '@snakepit/python-bridge';
import { supervisorEvents } from '@snakepit/supervisor';
import { EventRecorder } from '../fixtures/event-recorder.ts';
import { errorOf, isAlive, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// That there is nothing in the catalogue that does not happen, and nothing happens that is not in it.

jest.setTimeout(120_000);

const catalogue: EventTable = { ...coreEvents, ...supervisorEvents, ...bridgeEvents };
const os = 'packages/python-bridge/src/os';

/** Events that need another world to happen, each with the test that makes it and listens to it. */
const elsewhere: Readonly<Record<string, string>> = {
  'snakepit.process.long_turn': 'packages/core/src/debug/long-turn.test.ts',
  'snakepit.application.started': 'test/conformance/application-end.test.ts',
  'snakepit.application.stopped': 'test/conformance/application-end.test.ts',
  'snakepit.supervisor.child.backing_off': 'test/conformance/supervisor-backoff.test.ts',
  'snakepit.supervisor.child.failed': 'test/conformance/supervisor-budget.test.ts',
  'snakepit.worker.recycling_failed': 'test/integration/recycle.test.ts',
  'snakepit.worker.memory_probe_failed': 'packages/python-bridge/src/telemetry/rare-events.test.ts',
  'snakepit.cleanup.leftover': `${os}/process-registry.test.ts`,
  'snakepit.cleanup.unrecorded': `${os}/process-registry.test.ts`,
  'snakepit.cleanup.timeout': 'test/integration/cleanup.test.ts',
  'snakepit.watchdog.unavailable': `${os}/watchdog.test.ts`,
  'snakepit.watchdog.faulted': `${os}/watchdog.test.ts`,
  'snakepit.application_cleanup.orphaned_processes_found': `${os}/application-cleanup.test.ts`,
  'snakepit.application_cleanup.emergency_cleanup': `${os}/application-cleanup.test.ts`,
  'snakepit.bridge.session.accumulation_warning':
    'packages/python-bridge/src/telemetry/rare-events.test.ts',
  'snakepit.forkserver.started': 'test/integration/launch.test.ts',
  'snakepit.forkserver.died': 'test/integration/launch.test.ts',
  'snakepit.forkserver.hung': 'test/integration/launch.test.ts',
  'snakepit.forkserver.replaced': 'test/integration/launch.test.ts',
  'snakepit.forkserver.unavailable': 'test/integration/launch.test.ts',
  'snakepit.python.telemetry.interrupted':
    'packages/python-bridge/src/telemetry/telemetry-stream.test.ts',
};

const pythonNames = Object.keys(bridgeEvents).filter(
  (name) => name.startsWith('snakepit.python.') && !name.startsWith('snakepit.python.telemetry.'),
);

describe('one run in which everything happens', () => {
  const bench = new SnakepitBench();
  const recorder = new EventRecorder();
  let snakepit: Snakepit;
  const pidOf = (pool: string): number =>
    snakepit.workers().find((worker) => worker.pool === pool)?.osPid ?? 0;

  beforeAll(async () => {
    const mortal = bench.mortal({ restart: { maxRestarts: 1, backoff: { initial: 10 } } });
    snakepit = await bench.startAll(
      [
        {
          name: 'teller',
          adapter: 'teller.Teller',
          heartbeat: { pingInterval: 1000 },
          watchdog: true,
        },
        { name: 'small', maxQueueSize: 1, queueTimeout: 200 },
        { name: 'stuck', cancelGrace: 200 },
        { name: 'worn', recycle: { maxRequests: 1, jitter: 0 } },
        {
          ...mortal,
          name: 'mortal',
          retry: { maxAttempts: 2, initial: 1 },
          crashBarrier: { enabled: false },
        },
        {
          name: 'breaker',
          circuitBreaker: {
            ...{ enabled: true, failureThreshold: 1, resetTimeout: 1_000, countExceptions: true },
          },
        },
        {
          name: 'stopped',
          heartbeat: { pingInterval: 1000, timeoutThreshold: 5000, maxMissed: 1 },
        },
      ],
      { telemetry: { bus: recorder.bus } },
    );
  });
  afterAll(() => bench.close());

  test('[R5.1] workers start: process, start time, configuration', async () => {
    const { metadata } = await recorder.saw('snakepit.worker.started', { pool: 'teller' });
    expect(metadata).toMatchObject({
      ...{ workerId: 'teller_worker_1', osPid: pidOf('teller'), osStartTime: expect.any(String) },
      configuration: { adapter: 'teller.Teller', concurrency: 1, pingIntervalMs: 1000 },
    });
    await recorder.saw('snakepit.worker.spawned', { osPid: pidOf('teller') });
    await recorder.saw('snakepit.watchdog.started');
    await recorder.saw('snakepit.cleanup.swept', { successful: true });
    process.kill(pidOf('stopped'), 'SIGSTOP');
  });

  test('[R5.2] heartbeats: latency, success, worker; from the side of Python, too', async () => {
    await recorder.saw('snakepit.worker.heartbeat.sent', { workerId: 'teller_worker_1' });
    const { measurements } = await recorder.saw('snakepit.worker.heartbeat.received', {
      workerId: 'teller_worker_1',
    });
    expect(measurements).toEqual({ count: 1, latencyMs: expect.any(Number) });
    await recorder.saw('snakepit.python.heartbeat.answered', {
      workerId: 'teller_worker_1',
      correlationId: '',
    });
    await recorder.saw('snakepit.worker.heartbeat.missed', { workerId: 'stopped_worker_1' });
    await recorder.saw('snakepit.worker.heartbeat.failed', { workerId: 'stopped_worker_1' });
  });

  test('[I6.1] calls: given to a worker, executed, refused, too late in the queue', async () => {
    const small = { pool: 'small' };
    const busy = snakepit.execute('slow', { seconds: 0.6 }, small);
    const waits = errorOf(snakepit.execute('pid', {}, small));
    const refused = errorOf(snakepit.execute('pid', {}, small));
    expect([(await waits).code, (await refused).code]).toEqual(['QUEUE_TIMEOUT', 'QUEUE_FULL']);
    await busy;
    const about = { pool: 'small', tool: 'slow', workerId: 'small_worker_1' };
    await recorder.saw('snakepit.pool.call.dispatched', { ...about, attempt: 1 });
    await recorder.saw('snakepit.grpc_worker.execute.start', about);
    const { measurements } = await recorder.saw('snakepit.grpc_worker.execute.stop', about);
    expect(Reflect.get(measurements, 'durationMs')).toBeGreaterThanOrEqual(590);
    await recorder.saw('snakepit.request.executed', { tool: 'slow', success: true });
    await recorder.saw('snakepit.request.executed', { tool: 'pid', code: 'QUEUE_FULL' });
    const saturated = await recorder.saw('snakepit.pool.saturated');
    expect(saturated.measurements).toEqual({ queueSize: 1, maxQueueSize: 1 });
    await recorder.saw('snakepit.pool.queue.timeout', { tool: 'pid' });
  });

  test('[I6.1] Python: names of the original and others, errors of tools, too many', async () => {
    const pool = { pool: 'teller' };
    for (const name of pythonNames) {
      const event = name.replace('snakepit.', '').replace('python.tool.', 'tool.');
      const own = { name: event, numbers: { rss_bytes: 1.5 }, about: { device: 'cpu' } };
      await snakepit.execute('tell', own, pool);
      const { measurements, metadata } = await recorder.saw(name as never, {
        correlationId: 'call-7',
      });
      expect({ ...measurements }).toEqual({ rss_bytes: 1.5 });
      expect(metadata).toMatchObject({ ...pool, workerId: 'teller_worker_1', event });
      expect({ ...(metadata as { readonly tags: object }).tags }).toEqual({ device: 'cpu' });
    }
    expect((await errorOf(snakepit.execute('fail', {}, pool))).code).toBe('PYTHON_EXCEPTION');
    const failed = { event: 'tool.execution.exception', correlationId: '' };
    const { metadata } = await recorder.saw('snakepit.python.tool.execution.exception', failed);
    expect(JSON.stringify(metadata)).toContain('"error_type":"ValueError"');
    expect(JSON.stringify(metadata)).not.toContain('hunter2');
    await recorder.saw('snakepit.grpc_worker.execute.exception', { code: 'PYTHON_EXCEPTION' });
    await snakepit.execute('tell_often', { name: 'flood', times: 20_000 }, pool);
    const dropped = await recorder.saw('snakepit.python.telemetry.dropped');
    expect(Reflect.get(dropped.measurements, 'count')).toBeGreaterThan(0);
  });

  test('[R5.3] [I6.1] workers end: replaced, crashed, given up; calls are tried again', async () => {
    const mortal = { pool: 'mortal' };
    const again = { ...mortal, idempotent: true };
    await snakepit.execute('pid', {}, { pool: 'worn' });
    const mark = bench.path('mark');
    expect(await snakepit.execute('end_once', { how: 'kill', mark }, again)).toBe('again');
    await recorder.saw('snakepit.retry.attempt', mortal);
    await recorder.saw('snakepit.retry.success', mortal);
    const { measurements } = await recorder.saw('snakepit.worker.crash', { signal: 'SIGKILL' });
    expect(Reflect.get(measurements, 'uptimeMs')).toBeGreaterThan(0);
    const terminated = await recorder.saw('snakepit.worker.terminated', {
      ...mortal,
      signal: 'SIGKILL',
    });
    expect(terminated.measurements).toEqual({
      ...{ count: 1, uptimeMs: expect.any(Number), cleanupMs: expect.any(Number) },
    });
    expect((await errorOf(snakepit.execute('end', { how: '7' }, again))).code).toBe(
      'WORKER_CRASHED',
    );
    await recorder.saw('snakepit.retry.exhausted', mortal);
    // The pool may not have heard yet that the last one has ended.
    await until(() => isAlive(pidOf('mortal')), 'a replacement');
    await snakepit.awaitReady(30_000);
    await recorder.saw('snakepit.worker.recycled', { pool: 'worn', reason: 'max_requests' });
    writeFileSync(bench.path('orders'), '7');
    process.kill(pidOf('mortal'), 'SIGKILL');
    await recorder.saw('snakepit.worker.failed', mortal);
    await recorder.saw('snakepit.cleanup.worker', { ...mortal, successful: true });
  });

  test('[I6.1] sessions, a breaker, a call that its worker goes on with', async () => {
    const keeps = { pool: 'small', affinity: 'strictQueue' } as const;
    const session = snakepit.session('kept', keeps);
    await session.execute('pid');
    await recorder.saw('snakepit.session.created', { session: 'kept' });
    process.kill(pidOf('small'), 'SIGKILL');
    await recorder.saw('snakepit.session.lost', { session: 'kept', workerId: 'small_worker_1' });
    await session.end();
    await recorder.saw('snakepit.session.destroyed', { session: 'kept', reason: 'removed' });
    await snakepit.session('short', { pool: 'stuck', ttl: 500 }).execute('pid');
    await recorder.saw('snakepit.session.destroyed', { session: 'short', reason: 'expired' });
    await recorder.saw('snakepit.bridge.session.pruned');

    const breaker = { pool: 'breaker' };
    await errorOf(snakepit.execute('fail', { message: 'no' }, breaker));
    await recorder.saw('snakepit.circuit_breaker.opened', breaker);
    await recorder.saw('snakepit.circuit_breaker.half_open', breaker);
    await snakepit.execute('pid', {}, breaker);
    await recorder.saw('snakepit.circuit_breaker.closed', breaker);

    // Long enough for its worker to have begun.
    const late = snakepit.execute('slow', { seconds: 30 }, { pool: 'stuck', timeout: 3_000 });
    expect((await errorOf(late)).code).toBe('TIMEOUT');
    await recorder.saw('snakepit.pool.call.stuck', { pool: 'stuck', tool: 'slow' });
  });

  test('[R5.4] [I6.1] the watchdog is replaced, a worker restarts, all ends and is clean', async () => {
    const { metadata } = await recorder.saw('snakepit.watchdog.started');
    process.kill(Number(Reflect.get(metadata, 'osPid')), 'SIGKILL');
    await recorder.saw('snakepit.watchdog.died');
    await recorder.saw('snakepit.watchdog.replaced');
    await snakepit.restartWorker('teller_worker_1');
    const draining = { workerId: 'teller_worker_1', then: 'stop' };
    expect((await recorder.saw('snakepit.worker.draining', draining)).measurements).toEqual({
      ...{ count: 1, inFlight: 0 },
    });
    await recorder.saw('snakepit.python.worker.stopping', { correlationId: '' });
    await snakepit.stop({ timeout: 0 });
    const { measurements } = await recorder.saw('snakepit.cleanup.success');
    expect(measurements).toEqual({ count: 1, durationMs: expect.any(Number) });
    await recorder.saw('snakepit.application_cleanup.cleanup_success');
    await recorder.saw('snakepit.watchdog.stopped');
  });

  test('[R5.1] [R5.2] [R5.3] [R5.4] [T4.1] [I6.1] every event of the catalogue has happened, and none outside of it', () => {
    const happened = [...recorder.happened.keys()];
    expect(happened.filter((name) => !Object.hasOwn(catalogue, name))).toEqual([]);
    const missing = Object.keys(catalogue).filter((name) => !recorder.happened.has(name));
    // What happens elsewhere may happen here, too: a machine may be slow.
    expect(missing.filter((name) => !Object.hasOwn(elsewhere, name))).toEqual([]);
  });

  test('[T4.1] each has carried what is described, and nothing else', () => {
    const wrong = [...recorder.happened].flatMap(([name, times]) => {
      const described = catalogue[name];
      if (described === undefined) return [];
      const isFree =
        name.startsWith('snakepit.python.') && Object.keys(described.measurements).length === 0;
      return times.flatMap(({ measurements, metadata }) => [
        ...(isFree ? [] : undescribed(name, measurements, described.measurements)),
        ...undescribed(name, metadata, described.metadata),
      ]);
    });
    expect([...new Set(wrong)]).toEqual([]);
  });
});

function undescribed(name: string, members: object, described: object): string[] {
  return Object.keys(members)
    .filter((member) => !Object.hasOwn(described, member))
    .map((member) => `${name}: ${member}`);
}

test.each(Object.entries(elsewhere))(
  '[T4.1] %s is made by %s, which listens to it',
  (name, file) => {
    expect(Object.hasOwn(catalogue, name)).toBe(true);
    const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
    const last = name.split('.').at(-1) ?? '';
    const isNamed = text.includes(`'${name}'`);
    const isComposed = text.includes('`snakepit.watchdog.${') && text.includes(`'${last}'`);
    expect(isNamed || isComposed).toBe(true);
  },
);

test('[T4.1] every event that a package describes is on the page', () => {
  const root = join(import.meta.dirname, '../..');
  const page = readFileSync(join(root, 'docs/telemetry.md'), 'utf8');
  const described = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path))
    .map((path) => readFileSync(join(root, 'packages', path), 'utf8'))
    .filter((text) => text.includes('satisfies EventTableOf<'))
    .flatMap((text) => [...text.matchAll(/'(snakepit\.[\w.]+)':/g)])
    .map(([, name = '']) => name);
  expect(described).toEqual(expect.arrayContaining(Object.keys(bridgeEvents)));
  expect(described.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('[R9.4] [T4.1] the configuration switches kinds of events off, and logs the others', async () => {
  const bench = new SnakepitBench();
  try {
    const lines: string[] = [];
    const keep = (line: string): void => {
      if (line.startsWith('snakepit.')) lines.push(line);
    };
    const snakepit = await bench.start(
      { adapter: 'teller.Teller' },
      {
        logger: { debug: keep, info: keep, warn: keep, error: keep },
        telemetry: {
          disabled: ['snakepit.cleanup.*', 'snakepit.python.event'],
          log: true,
          python: { allow: ['tool.*'], deny: ['tool.no'] },
        },
      },
    );
    const heard: string[] = [];
    const names = pythonNames as TelemetryEventName[];
    snakepit.system.telemetry.attachMany(names, (_, metadata) => {
      heard.push(String(Reflect.get(metadata, 'event')));
    });
    for (const name of ['tool.no', 'python.gc.completed', 'mine', 'tool.result_size']) {
      await snakepit.execute('tell', { name });
    }
    await until(() => heard.length > 0, 'an event of Python');
    expect(heard).toEqual(['tool.result_size']);
    expect(snakepit.system.telemetry.enabled('snakepit.cleanup.success')).toBe(false);
    await snakepit.stop();
    expect(lines).toContain('snakepit.worker.started');
    expect(lines).toContain('snakepit.worker.terminated');
    expect(lines.filter((line) => line.startsWith('snakepit.cleanup.'))).toEqual([]);
    expect(lines).not.toContain('snakepit.process.spawned');
  } finally {
    await bench.close();
  }
});
