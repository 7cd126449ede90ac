import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  canConnect,
  carriers,
  ignoresTerm,
  statOf,
  until,
} from '../../../../../test/fixtures/processes/census.mjs';
import {
  failureOf,
  openBench,
  type Bench,
} from '../../../../../test/fixtures/processes/host-bench.mjs';
import { currentPlatform } from '../../os/platform/current.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const never = new AbortController().signal;

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

describe('start', () => {
  test('[WH-1] [WH-7] makes one process in a group of its own, ready when it says so', async () => {
    const host = bench.createHost();
    const worker = await host.start(bench.spec('ready_then_idle.py'), never);
    expect(statOf(worker.pid ?? 0)).toMatchObject({
      groupId: worker.pid,
      startTime: worker.startTime,
    });
    expect(bench.recordedWorkers()).toHaveLength(1);
    const address = await worker.ready;
    expect(address).toMatchObject({
      target: `unix:${join(bench.sockets, 'w1.sock')}`,
      token: 'c0ffee',
      pid: worker.pid,
      tools: [],
    });
    expect(await canConnect(address.target)).toBe(true);
    expect(carriers(bench.token)).toEqual([worker.pid]);
  });

  test('listens on a loopback port where there is no directory for sockets', async () => {
    const host = bench.createHost({ socketDirectory: undefined });
    const worker = await host.start(bench.spec('ready_then_idle.py'), never);
    const { target } = await worker.ready;
    expect(target).toMatch(/^127\.0\.0\.1:\d+$/u);
    expect(await canConnect(target)).toBe(true);
    await worker.signal('kill');
    await worker.exited;
    expect(await canConnect(target)).toBe(false);
  });

  test('[WH-1] without its interpreter it rejects and leaves nothing', async () => {
    const host = bench.createHost();
    const spec = { ...bench.spec('x'), command: ['/no/such/python', '-u'] as const };
    expect(await failureOf(host.start(spec, never))).toMatchObject({
      kind: 'interpreterNotFound',
      executable: '/no/such/python',
      code: 'ENOENT',
      message: expect.stringContaining('the interpreter /no/such/python is not there'),
    });
    const noProgram = { ...spec, command: [bench.base] as const };
    expect(await failureOf(host.start(noProgram, never))).toMatchObject({ code: 'EACCES' });
    expect(bench.recordedWorkers()).toEqual([]);
    expect(carriers(bench.token)).toEqual([]);
  });

  test('[WH-1] refuses what cannot be started, by name', async () => {
    const host = bench.createHost({ maxWorkers: 0 });
    const open = bench.createHost();
    const spec = bench.spec('never_ready.py');
    const aborted = AbortSignal.abort();
    const cases: readonly (readonly [Promise<unknown>, string])[] = [
      [host.start(spec, never), 'unavailable'],
      [open.start({ ...spec, cwd: '/no/such/dir' }, never), 'cwdNotFound'],
      [open.start({ ...spec, runId: 'anotherrun12' }, never), 'invalidSpec'],
      [open.start({ ...spec, command: ['python3', 'a\0b'] }, never), 'invalidSpec'],
      [open.start({ ...spec, env: { HUGE: 'x'.repeat(8_000_000) } }, never), 'spawnFailed'],
      [open.start(spec, aborted), 'aborted'],
    ];
    const failures = await Promise.all(cases.map(([start]) => failureOf(start)));
    expect(failures).toMatchObject(cases.map(([, kind]) => ({ kind })));
    await open.close();
    expect(await failureOf(open.start(spec, never))).toMatchObject({ kind: 'unavailable' });
    expect(bench.recordedWorkers()).toEqual([]);
  });
});

describe('capacity and hosts', () => {
  test('tell free slots at once and at every change', async () => {
    const host = bench.createHost({ maxWorkers: 1, name: 'here' });
    const free = host.capacity()[Symbol.asyncIterator]();
    const slots = async (): Promise<number | undefined> => {
      const { value } = (await free.next()) as IteratorResult<{ freeSlots: number }, undefined>;
      return value?.freeSlots;
    };
    expect(await slots()).toBe(1);
    const worker = await host.start(bench.spec('never_ready.py'), never);
    expect(await slots()).toBe(0);
    const refused = await failureOf(host.start(bench.spec('never_ready.py'), never));
    expect(refused).toMatchObject({ kind: 'unavailable', detail: 'all 1 slots are taken' });
    await worker.signal('kill');
    await worker.exited;
    expect(await slots()).toBe(1);
    const states = [];
    const events = host.hosts();
    await host.close();
    for await (const event of events) states.push(event);
    expect(states).toEqual([{ host: 'here', state: 'up', confirmed: true }]);
    expect(await host.adopt({ pool: 'default' })).toEqual([]);
    expect(host.traits).toMatchObject({ exactExit: true, lifeline: 'pipe', restartOwner: 'tree' });
  });
});

describe('close', () => {
  test('[R6.3] [R10.4] ends everything: TERM, and KILL for what ignores it', async () => {
    // Time enough for who obeys, on a busy machine too.
    const host = bench.createHost({ closeGraceMs: 2_000 });
    const polite = await host.start(bench.spec('ready_then_idle.py'), never);
    const stubborn = await host.start(bench.spec('ignores_sigterm.py'), never);
    await Promise.all([polite.ready, stubborn.ready]);
    expect(ignoresTerm(stubborn.pid ?? 0)).toBe(true);
    await Promise.all([host.close(), host.close()]);
    expect(carriers(bench.token)).toEqual([]);
    expect(await polite.exited).toEqual({ kind: 'exited', code: 0 });
    expect(await stubborn.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    expect(bench.recordedWorkers()).toEqual([]);
    expect(process.listenerCount('exit')).toBe(0);
    expect(bench.run.closeRun()).toEqual({ ok: true });
    expect(existsSync(bench.run.directory ?? '')).toBe(false);
  });

  test('[R6.3] [R10.4] who has not died of SIGKILL is not waited for again, but named', async () => {
    const host = bench.createHost();
    const spec = { ...bench.spec('unused'), command: ['sleep', '1000'] as const };
    const worker = await host.start(spec, never);
    const pid = worker.pid ?? 0;
    const kill = process.kill.bind(process);
    // As in uninterruptible sleep: the kernel takes the signal, and nothing happens.
    jest
      .spyOn(process, 'kill')
      .mockImplementation((to, signal) => (Math.abs(to) === pid ? true : kill(to, signal)));
    try {
      await worker.signal('kill');
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const patience = new Promise<string>((resolve) => setTimeout(resolve, 2_000, 'waited again'));
      expect(await Promise.race([host.close(), patience])).toBeUndefined();
      expect(bench.notices).toMatchObject([{ kind: 'stuck', pid }]);
    } finally {
      jest.restoreAllMocks();
      process.kill(-pid, 'SIGKILL');
      await worker.exited;
    }
  });

  test('[R1.4] [I4.5] a process whose start time cannot be read is ended at once: nobody could prove later whose it is', async () => {
    const platform = { ...currentPlatform, readStat: () => undefined };
    const failure = await failureOf(
      bench.createHost({ platform }).start(bench.spec('ready_then_idle.py'), never),
    );
    expect(failure).toMatchObject({
      kind: 'spawnFailed',
      detail: expect.stringContaining('its start time cannot be read'),
    });
    await until(() => carriers(bench.token).length === 0, 'the end of what was spawned');
    expect(bench.recordedWorkers()).toEqual([]);
  });

  test('records that cannot be written are told, and the worker starts anyway', async () => {
    rmSync(bench.run.directory ?? '', { recursive: true });
    const worker = await bench.createHost().start(bench.spec('ready_then_idle.py'), never);
    await worker.ready;
    const kinds = bench.notices.map(({ kind }) => kind);
    expect(kinds).toEqual(['recordFailed', 'recordFailed']);
  });
});
