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
  effects: (self, input) => new PoolEffects(self, input).effects(),
});

interface EffectArguments {
  readonly context: PoolContext;
}

/** Starts the workers a few at a time, and decides which calls the dispatcher takes. */
class PoolEffects {
  readonly #self: ProcessContext;
  readonly #input: PoolInput;
  /** Ids of the workers whose turn to start has not come. */
  readonly #waiting: string[];
  /** Timers of starts that are put off. */
  readonly #pauses = new Set<unknown>();
  #lastFailure: Error | undefined;

  constructor(self: ProcessContext, input: PoolInput) {
    this.#self = self;
    this.#input = input;
    this.#waiting = [...input.workerIds];
    const { name, services } = input;
    services.dispatcher.accept();
    services.dispatcher.whenIdle(() => {
      this.#tell({ type: 'calls.ended' });
    });
    self.signal.addEventListener('abort', () => {
      for (const pause of this.#pauses) self.system.clock.clearTimeout(pause);
      // Otherwise the next life of this pool serves what waits.
      if (services.isStopping()) {
        services.dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: name }));
      }
    });
  }

  /** One function for each action that the chart names. */
  effects() {
    const { services, workerIds } = this.#input;
    const startMore = (_params: unknown, { context }: EffectArguments): void => {
      this.#startMore(context.workers);
    };
    return {
      startWorkers: startMore,
      startNextWorkers: startMore,
      tellReady: () => {
        services.onReady();
      },
      tellFailed: ({ error }: { readonly error: Error }) => {
        this.#lastFailure = error;
        services.onFailed(error);
      },
      refuseCalls: () => {
        services.dispatcher.fail(this.#nobodyLeft());
      },
      acceptCalls: () => {
        services.dispatcher.accept();
      },
      beginDraining: () => {
        if (services.isStopping()) services.dispatcher.stopAccepting();
        // Nothing is given up: the workers finish their calls, what waits is for the next life of this pool.
        else this.#tell({ type: 'calls.ended' });
      },
      endWorkers: () => {
        for (const workerId of workerIds) services.endWorker(workerId);
      },
    };
  }

  /** Starts as many as may be starting at the same time, given how many of those begun have not settled yet. */
  #startMore(workers: Readonly<Record<string, PoolWorkerState>>): void {
    const { workerIds, services } = this.#input;
    const begun = workerIds.length - this.#waiting.length;
    let settled = 0;
    for (const state of Object.values(workers)) if (state !== 'starting') settled += 1;
    let room = services.startupBatchSize - (begun - settled);
    while (room > 0) {
      const workerId = this.#waiting.shift();
      if (workerId === undefined) return;
      room -= 1;
      if (begun === 0 || services.startupBatchDelayMs === 0) void this.#start(workerId);
      else this.#startLater(workerId);
    }
  }

  #startLater(workerId: string): void {
    const pause = this.#self.system.clock.setTimeout(() => {
      this.#pauses.delete(pause);
      void this.#start(workerId);
    }, this.#input.services.startupBatchDelayMs);
    this.#pauses.add(pause);
  }

  async #start(workerId: string): Promise<void> {
    const error = await this.#input.services.startWorker(workerId);
    if (error !== undefined) this.#tell({ type: 'worker.failed', workerId, error });
  }

  #nobodyLeft(): Error {
    const reason = 'every worker of the pool is given up';
    const advice =
      'remove what keeps them from starting (workers()[].failure, and the cause of this error), then revive(workerId).';
    const details = { pool: this.#input.name, reason, advice, maybeExecuted: false };
    return bridgeError('WORKER_UNAVAILABLE', details, { cause: this.#lastFailure });
  }

  #tell(event: PoolEvent): void {
    this.#self.send(this.#self.pid, event);
  }
}
