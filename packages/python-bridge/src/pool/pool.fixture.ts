import { expect } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type TestClock,
} from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createDispatcher } from './dispatcher.ts';
import type { PoolDispatcher } from './pool-call.ts';
import type { PoolServices } from './pool-services.ts';
import type { PoolEvent } from './pool.machine.ts';
import { poolName, poolProcess } from './pool.ts';

/** A pool whose workers are what the test says. */
export interface PoolBench {
  /** Its time. */
  readonly clock: TestClock;
  /** Where it runs. */
  readonly system: ActorSystem;
  /** Its calls. */
  readonly dispatcher: PoolDispatcher;
  /** Ids of the workers that were started, in order. */
  readonly started: string[];
  /** How often its workers were told to wait for calls no longer. */
  readonly ended: string[];
  /** What it has told. */
  readonly heard: string[];
  /** What it says of whether calls are served. */
  readonly served: string[];
  /** Whether all of Snakepit is being stopped. */
  stopping: boolean;
  /** The state of its chart; `undefined` when it has ended. */
  readonly state: () => unknown;
  /** Tells its process. */
  readonly tell: (event: object) => Promise<void>;
}

/** Runs with the process of a pool of so many workers. */
export async function withPool(
  size: number,
  options: Partial<PoolServices>,
  run: (bench: PoolBench) => Promise<void>,
): Promise<void> {
  const bench = createBench();
  const { clock, system } = bench;
  const services = { ...servicesOf(bench), ...options };
  const workerIds = Array.from({ length: size }, (_, i) => `w${String(i + 1)}`);
  const input = { name: 'p', drainTimeoutMs: 5_000, workerIds, services };
  system.spawn(poolProcess, input, { name: poolName('p') });
  await clock.advance(0);
  try {
    await run(bench);
  } finally {
    for (const { pid } of [...system.processes()]) system.exit(pid, exitReason.kill);
    const stopped = system.stop();
    await clock.advance(0);
    await stopped;
  }
  expect(clock.pending).toBe(0);
}

function createBench(): PoolBench {
  const clock = createTestClock();
  const system = createSystem({ clock, logger: silentLogger });
  const dispatcher = createDispatcher({
    ...{ pool: 'p', clock, concurrency: 1, maxQueueSize: 10, queueTimeoutMs: Infinity },
  });
  return {
    ...{ clock, system, dispatcher, started: [], ended: [], heard: [] },
    ...{ served: [], stopping: false },
    state: () => system.processInfo(system.whereis(poolName('p')) ?? (null as never))?.stateValue,
    tell: (event) => {
      system.cast(poolName('p'), event as never);
      return clock.advance(0);
    },
  };
}

function servicesOf(bench: PoolBench): PoolServices {
  const { dispatcher, started, ended, heard, served } = bench;
  const firstLine = (text: string): string => text.split('\n')[0] ?? '';
  return {
    dispatcher,
    isStopping: () => bench.stopping,
    startWorker: (id) => {
      started.push(id);
      return Promise.resolve(undefined);
    },
    endWorkers: () => void ended.push('all'),
    startupBatchSize: 10,
    startupBatchDelayMs: 0,
    processors: 100,
    onServing: () => void served.push('serving'),
    onRefusing: ({ message }) => void served.push(firstLine(message)),
    onReady: () => void heard.push('ready'),
    onFailed: ({ message }) => void heard.push(firstLine(message)),
    onDrained: () => void heard.push('drained'),
  };
}

/** A worker is ready. */
export const ready = (workerId: string): PoolEvent => ({ type: 'worker.ready', workerId });
/** A worker is given up. */
export const failed = (workerId: string): PoolEvent => ({
  type: 'worker.failed',
  workerId,
  error: bridgeError('WORKER_START_FAILED', { reason: 'no', failure: 'exited' }),
});
