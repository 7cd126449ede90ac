import { defineStatechart, type ProcessContext } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import {
  poolMachine,
  type PoolContext,
  type PoolEvent,
  type PoolInput,
  type PoolWorkerState,
} from './pool.machine.ts';

/** The registered name of a pool's process. */
export function poolName(pool: string): string {
  return `snakepit.pool.${pool}`;
}

/** The process of one pool. It opens and closes the pool's dispatcher, but no call passes through it. */
export const poolProcess = defineStatechart(poolMachine, {
  trapExit: true,
  effects: createEffects,
});

function createEffects(self: ProcessContext, { name, workerIds, services }: PoolInput) {
  const { clock } = self.system;
  const tell = (event: PoolEvent): void => {
    self.send(self.pid, event);
  };
  const { dispatcher } = services;
  const waiting = [...workerIds];
  const pauses = new Set<unknown>();
  let lastFailure: Error | undefined;

  dispatcher.accept();
  services.whenIdle(() => {
    tell({ type: 'calls.ended' });
  });
  self.signal.addEventListener('abort', () => {
    for (const pause of pauses) clock.clearTimeout(pause);
    // Otherwise the next life of this pool serves what waits.
    if (services.isStopping()) dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: name }));
  });

  async function start(workerId: string): Promise<void> {
    const error = await services.startWorker(workerId);
    if (error !== undefined) tell({ type: 'worker.failed', workerId, error });
  }

  function startLater(workerId: string): void {
    const pause = clock.setTimeout(() => {
      pauses.delete(pause);
      void start(workerId);
    }, services.startupBatchDelayMs);
    pauses.add(pause);
  }

  /** Starts as many as may be starting at the same time, given how many of those begun have not settled yet. */
  function startMore(workers: Readonly<Record<string, PoolWorkerState>>): void {
    const begun = workerIds.length - waiting.length;
    let settled = 0;
    for (const state of Object.values(workers)) if (state !== 'starting') settled += 1;
    let room = services.startupBatchSize - (begun - settled);
    while (room > 0) {
      const workerId = waiting.shift();
      if (workerId === undefined) return;
      room -= 1;
      if (begun === 0 || services.startupBatchDelayMs === 0) void start(workerId);
      else startLater(workerId);
    }
  }

  return {
    startWorkers: (_params: unknown, { context }: { readonly context: PoolContext }) => {
      startMore(context.workers);
    },
    startNextWorkers: (_params: unknown, { context }: { readonly context: PoolContext }) => {
      startMore(context.workers);
    },
    tellReady: () => {
      services.onReady();
    },
    tellFailed: ({ error }: { readonly error: Error }) => {
      lastFailure = error;
      services.onFailed(error);
    },
    refuseCalls: () => {
      dispatcher.fail(
        bridgeError(
          'WORKER_UNAVAILABLE',
          { pool: name, reason: 'every worker of the pool is given up', maybeExecuted: false },
          { cause: lastFailure },
        ),
      );
    },
    beginDraining: () => {
      if (services.isStopping()) dispatcher.stopAccepting();
      // Nothing is given up: the workers finish their calls, what waits is for the next life of this pool.
      else tell({ type: 'calls.ended' });
    },
    endWorkers: () => {
      for (const workerId of workerIds) services.endWorker(workerId);
    },
  };
}
