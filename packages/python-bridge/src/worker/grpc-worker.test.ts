import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { WorkerStartError } from '../hosts/start-failure.ts';
import { until, withBench } from './grpc-worker.fixture.ts';

// A worker whose host and time are the test's; with real processes it is in test/integration.

const noProcess = new WorkerStartError('no process', {
  ...({ kind: 'spawnFailed', code: 'EAGAIN', detail: 'too many' } as const),
});

describe('a start', () => {
  test('without a process fails at once, and there is nothing to end', () =>
    withBench(async (bench) => {
      await bench.start();
      bench.starts[0]?.made.reject(noProcess);
      await bench.clock.advance(0);
      expect(bench.reason).toMatchObject({ kind: 'error', error: { code: 'WORKER_START_FAILED' } });
      expect(bench.ends).toMatchObject([{ means: 'none', confirmed: true }]);
      expect(bench.history.failedStarts).toBe(1);
    }));

  test('[R10.2] without a budget is given up', () =>
    withBench(async (bench) => {
      await bench.start(0);
      bench.starts[0]?.made.reject(noProcess);
      await bench.clock.advance(0);
      expect(bench.reason).toEqual(exitReason.shutdownWith('workerFailed'));
      expect(bench.failures).toEqual([expect.stringContaining('no process')]);
      expect(bench.history.givenUp).toMatchObject({ cause: 'noProcess', permanent: false });
    }));

  test('without a host fails as any other', () =>
    withBench(async (bench) => {
      bench.hostError = new Error('no registry');
      await bench.start(0);
      expect(bench.failures).toEqual([expect.stringContaining('no registry')]);
    }));

  test('[R10.2] [I4.6] while there is no host is tried again, and is not held against the worker', () =>
    withBench(async (bench) => {
      const detail = 'the host is closed';
      bench.hostError = new WorkerStartError(detail, { kind: 'unavailable', detail });
      await bench.start(0);
      expect(bench.reason).toMatchObject({ kind: 'error', error: { code: 'WORKER_START_FAILED' } });
      expect(bench.failures).toEqual([]);
      expect([bench.history.failedStarts, bench.history.backoffMs()]).toEqual([0, 200]);
    }));

  test('that takes too long before there is a process is called off, and confirmed', () =>
    withBench(async (bench) => {
      await bench.start();
      await bench.clock.advance(1_000);
      expect([bench.state(), bench.starts[0]?.abort.aborted]).toEqual(['stopping', true]);
      bench.starts[0]?.made.reject(noProcess);
      await bench.clock.advance(0);
      expect(bench.reason).toMatchObject({ kind: 'error' });
      expect(bench.ends).toMatchObject([{ confirmed: true, reason: 'WORKER_START_FAILED' }]);
    }));

  test('[R6.5] that takes too long with a process ends only when that is gone', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.clock.advance(1_000);
      expect([bench.state(), process.signals]).toEqual(['stopping', ['kill']]);
      process.end();
      await bench.clock.advance(0);
      expect(bench.ends).toMatchObject([{ means: 'kill', confirmed: true }]);
    }));

  test('[R6.5] whose process does not die of SIGKILL is not called confirmed', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.clock.advance(1_000);
      await bench.clock.advance(200);
      expect(bench.ends).toMatchObject([{ means: 'kill', confirmed: false }]);
      process.end();
    }));

  test('[R6.5] that fails while it is being stopped confirms nothing', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.exit(exitReason.shutdown);
      expect([bench.state(), process.signals]).toEqual(['stopping', ['term']]);
      process.ready.reject(noProcess);
      await bench.clock.advance(0);
      expect(bench.state()).toBe('stopping');
      await bench.clock.advance(300);
      expect(process.signals).toEqual(['term', 'kill']);
      process.end();
      await bench.clock.advance(0);
      expect(bench.reason).toEqual(exitReason.shutdown);
      expect(bench.ends).toMatchObject([{ means: 'kill', confirmed: true, reason: 'shutdown' }]);
    }));

  test('whose worker cannot be reached fails, and the process is ended', () =>
    withBench(async (bench) => {
      await bench.start(0);
      const process = await bench.spawned();
      process.becomeReady('unix:/nowhere/worker.sock');
      await bench.clock.advance(0);
      await until(bench, () => bench.clock.pending > 1);
      await bench.clock.advance(1_000);
      expect(process.signals).toEqual(['kill']);
      process.end();
      await bench.clock.advance(0);
      expect(bench.failures).toEqual([expect.stringContaining('its first call failed')]);
    }));

  test('[R10.2] [I4.6] whose worker ends before its first answer fails for that reason, however it is heard of first', () =>
    withBench(async (bench) => {
      await bench.start(0);
      const process = await bench.spawned();
      // The connection is lost first, and only then the operating system tells the end.
      process.becomeReady('unix:/nowhere/worker.sock');
      await bench.clock.advance(0);
      await until(bench, () => bench.clock.pending > 1);
      process.end();
      await until(bench, () => bench.failures.length > 0);
      expect(bench.failures).toEqual([
        expect.stringMatching(
          /did not start: it was ended by SIGKILL .*Remedy: find who ends it/su,
        ),
      ]);
      expect(bench.history.givenUp).toMatchObject({
        cause: 'killed',
        error: { code: 'WORKER_START_FAILED' },
      });
    }));

  test('whose worker does not answer its first call fails in time', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-'));
    const path = join(directory, 's');
    const sockets: Socket[] = [];
    const deaf = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined).resume());
    });
    await new Promise<void>((resolve) => deaf.listen(path, resolve));
    try {
      await withBench(async (bench) => {
        await bench.start(0);
        const process = await bench.spawned();
        process.becomeReady(`unix:${path}`);
        await bench.clock.advance(0);
        expect(bench.state()).toEqual({ starting: 'connecting' });
        await bench.clock.advance(2_000);
        expect(process.signals).toEqual(['kill']);
        process.end();
        await bench.clock.advance(0);
        expect(bench.failures).toEqual([
          expect.stringContaining('did not answer its first call within 2000 ms'),
        ]);
      });
    } finally {
      // As the kernel does with those of a process that is killed.
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => deaf.close(resolve));
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a stop', () => {
  test('[R6.5] [R10.4] of a process that does not die of SIGKILL waits for nothing that it would free', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.exit(exitReason.shutdown);
      await bench.clock.advance(300);
      expect(process.signals).toEqual(['term', 'kill']);
      await bench.clock.advance(200);
      expect(bench.reason).toEqual(exitReason.shutdown);
      expect(bench.ends).toMatchObject([{ means: 'kill', confirmed: false, reason: 'shutdown' }]);
      process.end();
    }));

  test.each([
    ['waits until nothing is left for its successor', false, 'cleaning', undefined],
    ['of everything does not: there is none', true, undefined, exitReason.shutdown],
  ])('%s', (_, isStopping, state, reason) =>
    withBench(async (bench) => {
      bench.isStopping = isStopping;
      await bench.start();
      const process = await bench.spawned();
      let settle: (() => void) | undefined;
      process.cleanup = new Promise((resolve) => {
        settle = resolve;
      });
      await bench.exit(exitReason.shutdown);
      process.end();
      await bench.clock.advance(0);
      expect([bench.state(), bench.reason]).toEqual([state, reason]);
      settle?.();
      await bench.clock.advance(0);
      expect(bench.reason).toEqual(exitReason.shutdown);
    }),
  );
});

describe('the process of the worker itself', () => {
  test('[R5.3] [R6.5] left by its supervisor, it does not say that its process is gone', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.exit(exitReason.custom('supervisor crashed'));
      expect(bench.reason).toEqual(exitReason.custom('supervisor crashed'));
      expect(process.signals).toEqual(['kill']);
      expect(bench.ends).toMatchObject([{ confirmed: false }]);
      process.end();
    }));

  test('killed while the process is being made, it still ends that', () =>
    withBench(async (bench) => {
      await bench.start();
      await bench.exit(exitReason.kill);
      expect(bench.starts[0]?.abort.aborted).toBe(true);
      const process = await bench.spawned();
      expect(process.signals).toEqual(['kill']);
      process.end();
    }));

  test('killed later, it ends its process', () =>
    withBench(async (bench) => {
      await bench.start();
      const process = await bench.spawned();
      await bench.exit(exitReason.kill);
      expect(process.signals).toEqual(['kill']);
      process.end();
    }));

  test('waits before a restart when it has failed before, and can be stopped then', () =>
    withBench(async (bench) => {
      bench.history.startFailed();
      bench.history.startFailed();
      await bench.start();
      expect([bench.state(), bench.starts.length]).toEqual(['backingOff', 0]);
      await bench.exit(exitReason.shutdown);
      expect(bench.reason).toEqual(exitReason.shutdown);
    }));
});
