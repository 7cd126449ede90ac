import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  canConnect,
  carriers,
  isAlive,
  membersOf,
  statOf,
  until,
} from '../../../../../test/fixtures/processes/census.mjs';
import { failureOf } from '../../../../../test/fixtures/processes/host-bench.mjs';
import type { OutputLine, Pong } from '../worker-host.ts';
import { ForkBench, openDescriptors } from './fork-bench.fixture.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

let bench: ForkBench;
beforeAll(async () => {
  bench = new ForkBench();
  await bench.serving();
});
afterAll(() => bench.close());

const never = new AbortController().signal;
const pidOf = ({ pid }: { readonly pid: number | undefined }): number => pid ?? 0;
const stallMs = (ms: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a forked worker', () => {
  test('[WH-1] [WH-7] [I7.2] is one process in a group of its own, a child of the server, ready when it says so', async () => {
    const worker = await bench.start();
    const pid = pidOf(worker);
    try {
      expect(worker.startTime).toBe(statOf(pid)?.startTime);
      const address = await worker.ready;
      expect(statOf(pid)).toMatchObject({ groupId: pid, startTime: worker.startTime });
      expect(readFileSync(`/proc/${String(pid)}/stat`, 'utf8')).toMatch(
        new RegExp(`\\) [A-Z] ${String(bench.serverPid)} `, 'u'),
      );
      expect(address).toMatchObject({ token: 'c0ffee', pid, tools: ['add'], lifeline: true });
      expect(await canConnect(address.target)).toBe(true);
      expect(carriers(bench.bench.token).sort()).toEqual([bench.serverPid, pid].sort());
      const pong = new Promise<Pong>((resolve) => worker.beats.onPong(resolve));
      worker.beats.ping(5);
      expect(await pong).toMatchObject({ seq: 5, inFlight: 0 });
    } finally {
      await worker.signal('kill');
    }
    expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-2] [WH-14] [I7.2] has arguments, directory, variables, random numbers and label of its own, and its lines say who it is', async () => {
    const deed = { FORKED_DEED: 'show', FORKED_GIVEN: 'for one only' };
    const [one, other] = await Promise.all([
      bench.start(deed, never, { adapterArgs: ['--mode', 'a'], cwd: bench.bench.base }),
      bench.start({ FORKED_DEED: 'show' }, never, { workerId: 'w2' }),
    ]);
    try {
      const wanted: unknown[] = [];
      for (const worker of [one, other]) {
        await worker.ready;
        await until(() => worker.lastOutput().length >= 2, 'lines');
        const lines = worker.lastOutput();
        const byStream = (name: OutputLine['stream']): OutputLine | undefined =>
          lines.find(({ stream }) => stream === name);
        expect(byStream('stderr')).toMatchObject({ text: 'and as an error', ref: worker.ref });
        wanted.push(JSON.parse(byStream('stdout')?.text ?? '{}'));
        const environ = readFileSync(`/proc/${String(pidOf(worker))}/environ`, 'utf8').split('\0');
        const { workerId, incarnation } = worker.ref;
        const labels = environ.filter((entry) => entry.startsWith('SNAKEPIT_WORKER='));
        expect(labels).toEqual([`SNAKEPIT_WORKER=default/${workerId}/${incarnation}`]);
      }
      const [first, second] = wanted as { random: number; argv: string[] }[];
      expect(first).toMatchObject({ cwd: bench.bench.base, given: 'for one only', room: null });
      expect(first?.argv.slice(-3)).toEqual(['--', '--mode', 'a']);
      expect(second).toMatchObject({ given: null, room: null, group: true });
      expect(second?.argv).toContain('w2');
      expect(second?.random).not.toBe(first?.random);
    } finally {
      for (const worker of [one, other]) await worker.signal('kill');
      await Promise.all([one.exited, other.exited]);
    }
    await bench.onlyLeft([bench.serverPid]);
  });

  test.each([
    ['exit:7', { kind: 'exited', code: 7 }],
    ['signal:11', { kind: 'signalled', signal: 'SIGSEGV' }],
    ['signal:9', { kind: 'signalled', signal: 'SIGKILL' }],
  ])('[WH-3] [I7.2] that ends by %s before it is ready says so exactly', async (deed, exit) => {
    const worker = await bench.start({ FORKED_DEED: deed });
    expect(await failureOf(worker.ready)).toMatchObject({ kind: 'exitedBeforeReady', exit });
    expect(await worker.exited).toEqual(exit);
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-1] [WH-3] [I7.2] that has failed before our first message comes says why all the same', async () => {
    const write = Reflect.get(Socket.prototype, 'write') as (...given: unknown[]) => boolean;
    // As on a machine where this process gets no processor just then.
    const late = function (this: Socket, ...given: unknown[]): boolean {
      if (String(given[0]).includes('"type":"hello"')) stallMs(300);
      return write.apply(this, given);
    };
    Object.assign(Socket.prototype, { write: late });
    try {
      const worker = await bench.start({ FORKED_DEED: 'raise' });
      expect(await failureOf(worker.ready)).toMatchObject({
        exit: { kind: 'exited', code: 69 },
        failed: { code: 'ADAPTER_IMPORT' },
      });
      await worker.exited;
    } finally {
      Object.assign(Socket.prototype, { write });
    }
  });

  test('[WH-3] [I7.2] whose adapter cannot be imported says why, as one that was spawned does', async () => {
    const worker = await bench.start({ FORKED_DEED: 'raise' });
    expect(await failureOf(worker.ready)).toMatchObject({
      exit: { kind: 'exited', code: 69 },
      failed: { code: 'ADAPTER_IMPORT', traceback: expect.stringContaining('licence') },
    });
    const gone = await bench.start({}, never, { cwd: bench.bench.base, adapter: 'nowhere.X' });
    expect(await failureOf(gone.ready)).toMatchObject({ failed: { code: 'ADAPTER_NOT_FOUND' } });
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-4] [WH-6] is asked by TERM, and takes its group along; then its address refuses', async () => {
    const worker = await bench.start({ FORKED_DEED: 'kids:3' });
    const { target } = await worker.ready;
    expect(membersOf(pidOf(worker))).toHaveLength(4);
    await worker.signal('term');
    expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    expect(membersOf(pidOf(worker))).toEqual([]);
    expect(await canConnect(target)).toBe(false);
    expect(worker.cleanupMs).toBeGreaterThanOrEqual(0);
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-1] [I7.2] aborted before it is ready, it is gone', async () => {
    const abort = new AbortController();
    const worker = await bench.start({ FORKED_DEED: 'sleep:1000' }, abort.signal);
    abort.abort();
    expect(await failureOf(worker.ready)).toMatchObject({
      kind: 'aborted',
      ended: { exit: { kind: 'signalled', signal: 'SIGKILL' } },
    });
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-1] [I7.2] aborted at any moment of its launch, nothing is left of it', async () => {
    const before = openDescriptors();
    let launched = 0;
    for (let turns = 0; turns < 40; turns += 1) {
      const abort = new AbortController();
      const started = bench.start({ FORKED_DEED: 'sleep:1000' }, abort.signal);
      const failed = started.then(
        async (worker) => {
          launched += 1;
          return failureOf(worker.ready);
        },
        () => failureOf(started),
      );
      for (let passed = 0; passed < turns; passed += 1) await turn();
      abort.abort();
      expect(await failed).toMatchObject({ kind: 'aborted' });
    }
    await bench.onlyLeft([bench.serverPid]);
    // Some of the moments were before its process was there.
    expect(launched).toBeLessThan(40);
    await until(() => openDescriptors() <= before, 'descriptors closed');
  });

  test('[WH-16] 200 starts leave no growth, in this process, in the server, on the disk', async () => {
    const serverFiles = (): number => openDescriptors(bench.serverPid);
    const before = [openDescriptors(), serverFiles()];
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const worker = await bench.start({ FORKED_DEED: 'exit:0' });
          expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
        }),
      );
    }
    await bench.onlyLeft([bench.serverPid]);
    let after: number[] = [];
    await until(() => {
      after = [openDescriptors(), serverFiles()];
      return after.every((count, index) => count <= (before[index] ?? 0));
    }, 'descriptors closed').catch(() => expect(after).toEqual(before));
    expect(bench.servers.status).toMatchObject({ state: 'serving', workers: 0, waiting: 0 });
  });

  test('[I7.1] what a server refuses is told, and nothing is left', async () => {
    const huge = bench.start({ HUGE: 'x'.repeat(1_100_000) });
    expect(await failureOf(huge)).toMatchObject({ kind: 'spawnFailed', code: 'E2BIG' });
    const bad = bench.start({ 'NO=NAME': 'x' });
    expect(await failureOf(bad)).toMatchObject({ kind: 'spawnFailed', code: 'BAD_REQUEST' });
    await bench.onlyLeft([bench.serverPid]);
  });

  test('[WH-1] a hundred launches at once are all answered, a bounded number on their way', async () => {
    const workers = await Promise.all(
      Array.from({ length: 100 }, () => bench.start({ FORKED_DEED: 'sleep:1000' })),
    );
    expect(new Set(workers.map(pidOf)).size).toBe(100);
    expect(workers.every((worker) => isAlive(pidOf(worker)))).toBe(true);
    expect(bench.servers.status.workers).toBe(100);
    for (const worker of workers) void worker.signal('kill');
    const exits = await Promise.all(workers.map((worker) => worker.exited));
    expect(new Set(exits.map((exit) => JSON.stringify(exit)))).toEqual(
      new Set(['{"kind":"signalled","signal":"SIGKILL"}']),
    );
    await bench.onlyLeft([bench.serverPid]);
  });
});
