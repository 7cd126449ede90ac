import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type ExitReason,
  type Pid,
  type TestClock,
} from '@snakepit/core';
import { WorkerStartError } from '../hosts/start-failure.ts';
import type { ExitStatus, WorkerHandle, WorkerHost, WorkerReady } from '../hosts/worker-host.ts';
import { createDispatcher } from '../pool/dispatcher.ts';
import { grpcWorker } from './grpc-worker.ts';
import { createWorkerHistory, type WorkerHistory } from './worker-history.ts';

// A worker whose host and time are the test's; with real processes it is in test/integration.

interface Settleable<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function later<T>(): Settleable<T> {
  let parts: Omit<Settleable<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    parts = { resolve, reject };
  });
  promise.catch(() => undefined);
  return { promise, ...(parts as unknown as Omit<Settleable<T>, 'promise'>) };
}

class FakeProcess {
  readonly ready = later<WorkerReady>();
  readonly exited = later<ExitStatus>();
  readonly signals: string[] = [];
  readonly handle: WorkerHandle = {
    ref: { host: 'fake', pool: 'p', workerId: 'w1', incarnation: '1' },
    pid: 4_242,
    startTime: '1',
    ready: this.ready.promise,
    exited: this.exited.promise,
    beats: { ping: () => undefined, onPong: () => () => undefined },
    cleaned: this.exited.promise.then(() => undefined),
    cleanupMs: 7,
    signal: (signal) => {
      this.signals.push(signal);
      return Promise.resolve();
    },
    output: () => {
      throw new Error('not asked here');
    },
    lastOutput: () => [],
  };

  becomeReady(target: string): void {
    const about = { pid: 4_242, pythonVersion: '3', lifeline: true, tools: [] };
    this.ready.resolve({ target, token: 'secret', ...about });
  }

  end(): void {
    this.ready.reject(new WorkerStartError('it ended', { kind: 'aborted', ended: undefined }));
    this.exited.resolve({ kind: 'signalled', signal: 'SIGKILL' });
  }
}

class Bench {
  readonly clock: TestClock = createTestClock();
  readonly system: ActorSystem = createSystem({ clock: this.clock, logger: silentLogger });
  readonly starts: { readonly made: Settleable<WorkerHandle>; readonly abort: AbortSignal }[] = [];
  readonly history: WorkerHistory = createWorkerHistory({
    backoff: { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0 },
    goodRunMs: 10_000,
    clock: this.clock,
  });
  readonly ends: object[] = [];
  readonly failures: string[] = [];
  pid: Pid | undefined;
  reason: ExitReason | undefined;
  hostError: Error | undefined;

  async start(maxRestarts = 3): Promise<void> {
    const { telemetry } = this.system;
    telemetry.on('snakepit.worker.terminated', (_, { means, confirmed, reason }) => {
      this.ends.push({ means, confirmed, reason });
    });
    telemetry.on('snakepit.worker.failed', (_, { error }) => {
      this.failures.push(error.message);
    });
    const host = {
      start: (_spec: unknown, abort: AbortSignal) => {
        const made = later<WorkerHandle>();
        this.starts.push({ made, abort });
        return made.promise;
      },
    } as unknown as WorkerHost;
    this.pid = this.system.spawn(grpcWorker, {
      pool: 'p',
      workerId: 'w1',
      maxRestarts,
      startupTimeoutMs: 1_000,
      connectTimeoutMs: 500,
      drainTimeoutMs: 5_000,
      termTimeoutMs: 300,
      killTimeoutMs: 200,
      history: this.history,
      services: {
        host: () => {
          if (this.hostError !== undefined) throw this.hostError;
          return host;
        },
        poolName: 'nobody',
        configuration: { adapter: 'a.B' } as never,
        dispatcher: createDispatcher({
          ...{ pool: 'p', clock: this.clock, concurrency: 1 },
          ...{ maxQueueSize: 1, queueTimeoutMs: 1 },
        }),
        spec: () => ({}) as never,
        heartbeat: undefined,
      },
    });
    void this.system.awaitExit(this.pid).then((reason) => {
      this.reason = reason;
    });
    await this.clock.advance(0);
  }

  state(): unknown {
    return this.pid === undefined ? undefined : this.system.processInfo(this.pid)?.stateValue;
  }

  exit(reason: ExitReason): Promise<void> {
    if (this.pid !== undefined) this.system.exit(this.pid, reason);
    return this.clock.advance(0);
  }

  /** The process is made. */
  async spawned(): Promise<FakeProcess> {
    const process = new FakeProcess();
    this.starts.at(-1)?.made.resolve(process.handle);
    await this.clock.advance(0);
    return process;
  }
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  try {
    await run(bench);
  } finally {
    await bench.exit(exitReason.kill);
    const stopped = bench.system.stop();
    await bench.clock.advance(0);
    await stopped;
  }
  expect(bench.clock.pending).toBe(0);
}

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
      await until(bench, () => process.signals.length > 0);
      process.end();
      await bench.clock.advance(0);
      expect(bench.failures).toEqual([expect.stringContaining('its first call failed')]);
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
        await bench.clock.advance(500);
        expect(process.signals).toEqual(['kill']);
        process.end();
        await bench.clock.advance(0);
        expect(bench.failures).toEqual([
          expect.stringContaining('did not answer its first call within 500 ms'),
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

describe('the process of the worker itself', () => {
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

/** Real I/O goes on while the clock of the test stands still. */
async function until({ clock }: Bench, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error('waited in vain');
    await clock.advance(0);
  }
}
