import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  defineServer,
  exitReason,
  ok,
  reply,
  type ExecutedCall,
  type LifeRecord,
} from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { PythonView, workerNamed as worker } from '../fixtures/python-view.ts';
import { errorOf, isAlive, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What whoever looks at pools and workers may do to them, and what calls they see; one Snakepit for all of it.

jest.setTimeout(90_000);

let bench: SnakepitBench;
let snakepit: Snakepit;
let view: PythonView;
beforeAll(async () => {
  bench = new SnakepitBench();
  snakepit = await bench.startAll([
    { name: 'good', size: 2, heartbeat: { pingInterval: 1_000 } },
    { name: 'single' },
  ]);
  view = new PythonView(snakepit);
});
afterAll(() => bench.close());

const act = (name: string, action: string): Promise<string> => view.act(name, action);
const actionsOf = (name: string): readonly string[] => view.actions(name).map((one) => one.name);
const holds = (name: string, state: string): boolean =>
  view.facts(name)?.details?.['phase'] === `ready.${state}`;
/** A call of the pool of two that is over when there is a file. */
const hold = (gate: string): Promise<unknown> =>
  snakepit.execute(
    'hold',
    { gate: bench.path(gate), mark: bench.path(`${gate}.begun`) },
    { pool: 'good' },
  );
/** Which of its two names a worker has now: replaced, it has the other one. */
const nameOfWorker = (id: string): string =>
  snakepit.system.whereis(worker(id)) === undefined ? `${worker(id)}#2` : worker(id);

describe('calls of a worker', () => {
  test('[I6.6] are told while somebody listens: who called, how long it waited and took, how it failed', async () => {
    const { system } = snakepit;
    const name = worker('single_worker_1');
    const calls: ExecutedCall[] = [];
    const end = view.source.calls?.(view.process(name), (call) => void calls.push(call));
    if (end === undefined) throw new Error('nobody tells');
    expect(
      view.source.calls?.(view.process('snakepit.pool.good'), () => undefined),
    ).toBeUndefined();
    const single = { pool: 'single' };
    const client = defineServer({
      init: () => ok(0),
      call: {
        add: async (state) => reply(await snakepit.execute('add', { a: 1, b: 2 }, single), state),
      },
    });
    const { pid, call } = await system.start(client);
    const bothMs: number[] = [];
    try {
      expect(await call.add()).toBe(3);
      const askedAtMs = performance.now();
      const slow = snakepit.execute('slow', { seconds: 0.2 }, single);
      await Promise.all([slow, snakepit.execute('add', { a: 1, b: 1 }, single)]);
      bothMs.push(performance.now() - askedAtMs);
      await errorOf(snakepit.execute('fail', { message: 'no' }, single));
      await snakepit.execute('add', { a: 1, b: 2 }, { pool: 'good' });
    } finally {
      system.exit(pid, exitReason.kill);
      end();
    }
    expect(calls.map(({ name: tool, from, error }) => [tool, from, error])).toEqual([
      ['add', pid, undefined],
      ['slow', undefined, undefined],
      ['add', undefined, undefined],
      ['fail', undefined, 'PYTHON_EXCEPTION'],
    ]);
    const [, slow, waited] = calls;
    expect(slow?.tookMs).toBeGreaterThanOrEqual(190);
    expect(waited?.waitedMs).toBeGreaterThanOrEqual(190);
    // What it waited is no part of what it took.
    const inAllMs = (waited?.waitedMs ?? NaN) + (waited?.tookMs ?? NaN);
    expect(inAllMs).toBeLessThanOrEqual((bothMs[0] ?? NaN) + 1);
    await snakepit.execute('add', { a: 1, b: 2 }, single);
    expect(calls).toHaveLength(4);
  });
});

describe('actions', () => {
  test('[I6.6] while a worker is replaced, the memory of both of its processes is told', async () => {
    const calls = [1, 2].map(() => snakepit.execute('slow', { seconds: 6 }, { pool: 'good' }));
    const replaced = act(worker('good_worker_1'), 'recycle');
    const names = [worker('good_worker_1'), `${worker('good_worker_1')}#2`];
    const { system } = snakepit;
    const told = await until(() => {
      const both = names.map((name) => system.processInfo(system.whereis(name)));
      const bytes = both.flatMap((info) => (info && view.source.describe?.(info)?.rssBytes) ?? []);
      return bytes.length === 2 ? bytes : undefined;
    }, 'the memory of both');
    // The younger one may not have imported anything yet.
    expect(Math.min(...told)).toBeGreaterThan(1e6);
    await Promise.all([replaced, ...calls]);
  });

  test('[I6.6] a worker is drained: it ends its call, others get the next, and it stays; then it serves', async () => {
    const { system } = snakepit;
    const lives = (): readonly LifeRecord[] =>
      system.records.lifeSince(0).records.filter(({ what }) => what === 'drainBegan');
    const before = { count: lives().length, workers: snakepit.workers().slice(0, 2) };
    const both = [1, 2].map(() => hold('drained'));
    await bench.marked('drained.begun', 2);
    const first = nameOfWorker('good_worker_1');
    const drained = act(first, 'drain');
    expect(await until(() => holds(first, 'draining'), 'it to be drained')).toBe(true);
    expect(lives().slice(before.count)).toMatchObject([
      {
        path: system.records.identityOf(view.process(first).pid)?.path,
        details: { workerId: 'good_worker_1', inFlight: 1, then: 'hold' },
      },
    ]);
    writeFileSync(bench.path('drained'), '');
    expect(await drained).toBe('worker good_worker_1 takes no calls, and has none any more');
    await Promise.all(both);
    expect(holds(first, 'drained')).toBe(true);
    const osPids = Array.from({ length: 6 }, () => snakepit.execute('pid', {}, { pool: 'good' }));
    expect(new Set(await Promise.all(osPids))).toEqual(new Set([before.workers[1]?.osPid]));
    expect(view.check('pool good')).toMatchObject({
      status: 'degraded',
      message: '1 of 2 workers are ready',
    });
    expect(view.check('pool good', 'worker good_worker_1')).toMatchObject({
      status: 'degraded',
      message: expect.stringContaining('somebody drained it; it has none'),
    });
    expect(actionsOf(first)).not.toContain('drain');

    expect(await act(first, 'serve')).toBe('worker good_worker_1 takes calls again');
    await until(() => holds(first, 'idle'), 'it to serve');
    const again = [1, 2].map(() => hold('again'));
    expect(await until(() => holds(first, 'executing'), 'it to have a call')).toBe(true);
    writeFileSync(bench.path('again'), '');
    await Promise.all(again);
    // The same processes all the time.
    expect(snakepit.workers().map(({ osPid }) => osPid)).toEqual(
      expect.arrayContaining(before.workers.map(({ osPid }) => osPid)),
    );
  });

  test('[I6.6] a whole pool is drained: calls wait, and are served when it serves again', async () => {
    expect(await act('snakepit.pool.good', 'drain')).toBe(
      'each of 2 workers takes no calls, and has none any more',
    );
    const waiting = snakepit.execute('add', { a: 1, b: 2 }, { pool: 'good' });
    expect(await until(() => snakepit.stats().pools['good']?.queued === 1, 'it to wait')).toBe(
      true,
    );
    expect(view.check('pool good')).toMatchObject({ status: 'down' });
    expect(actionsOf('snakepit.pool.good')).not.toContain('drain');
    await act('snakepit.pool.good', 'serve');
    expect(await waiting).toBe(3);
    // One of them has served the call; the other may have to be told yet.
    const isServing = (): boolean => !actionsOf('snakepit.pool.good').includes('serve');
    expect(await until(isServing, 'both to serve')).toBe(true);
  });

  test('[I6.6] the end of a worker in order begins with its draining, and is told', async () => {
    const drains = (): unknown[] =>
      snakepit.system.records
        .lifeSince(0)
        .records.filter(({ what }) => what === 'drainBegan')
        .map(({ details }) => [details?.['workerId'], details?.['then']]);
    await act(nameOfWorker('good_worker_2'), 'restart');
    expect(drains().at(-1)).toEqual(['good_worker_2', 'stop']);
  });

  test('[I6.6] a heartbeat now, a restart, a replacement, also of a whole pool', async () => {
    const name = worker('good_worker_2');
    expect(await act(name, 'heartbeat')).toMatch(/^it answered in \d+\.\d ms; it executes 0 calls/);
    const before = snakepit.workers().map(({ osPid }) => osPid);
    await act(name, 'restart');
    await act(name, 'recycle').catch(async () => act(`${name}#2`, 'recycle'));
    const after = snakepit.workers().map(({ osPid }) => osPid);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    await act('snakepit.pool.single', 'recycle');
    expect(snakepit.workers()[2]?.osPid).not.toBe(before[2]);
    expect(view.source.actions?.(view.process('snakepit.sessions'))).toEqual([]);
  });
});

test('[I6.6] [T4.3] what could not be ended is acknowledged, then all is well; a restart says what it ends', async () => {
  const registry = 'snakepit.processRegistry';
  expect(actionsOf(registry)).toEqual(['restart']);
  snakepit.system.telemetry.emit(
    'snakepit.cleanup.worker',
    { escaped: 0, survivors: 1, durationMs: 1 },
    { pool: 'good', workerId: 'good_worker_1', successful: false },
  );
  expect(view.check('leftovers').status).toBe('degraded');
  expect(await act(registry, 'acknowledge')).toBe('1 notices are told no more');
  expect([view.check('leftovers').status, actionsOf(registry)]).toEqual(['ok', ['restart']]);
  const before = snakepit.workers().map(({ osPid }) => osPid ?? 0);
  expect(await act(registry, 'restart')).toContain('with it all workers');
  await until(() => before.every((osPid) => !isAlive(osPid)), 'all of them to end');
  await until(
    () =>
      snakepit.workers().every(({ osPid = 0 }) => osPid > 0 && !before.includes(osPid)) &&
      snakepit.health().status === 'ok',
    'all of them to serve again',
    40_000,
  );
});
