import { defineStatechart, type ProcessContext } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { poolMachine, type FollowedState, type PoolEvent, type PoolInput } from './pool.machine.ts';
import { firstPace, paceAfter, type StartPace } from './start-pace.ts';
import { StartProgress, type StartEnd } from './start-progress.ts';

/** The registered name of a pool's process. */
export function poolName(pool: string): string {
  return `snakepit.pool.${pool}`;
}

/** The process of one pool. It opens and closes the pool's dispatcher, but no call passes through it. */
export const poolProcess = defineStatechart(poolMachine, {
  trapExit: true,
  effects: (self, input) => new PoolEffects(self, input).effects(),
});

interface FollowedWorker {
  readonly workerId: string;
  readonly state: FollowedState;
}

/** What a state means for a start. */
const endOf: Readonly<Record<FollowedState, StartEnd | undefined>> = {
  ...{ starting: undefined, down: undefined },
  ...{ ready: 'ready', failed: 'failed', gone: 'removed' },
};

/** Starts the workers a few at a time, and decides which calls the dispatcher takes. */
class PoolEffects {
  readonly #self: ProcessContext;
  readonly #input: PoolInput;
  /** Tells how far the starts have got. */
  readonly #progress: StartProgress;
  /** Ids of the workers whose turn to be started has not come, in order. */
  readonly #waiting = new Set<string>();
  /** Ids of those whose turn has come, once and for all. */
  readonly #begun = new Set<string>();
  /** When those began that are starting now; `undefined` for whom others have started. */
  readonly #starting = new Map<string, number | undefined>();
  #pace: StartPace;
  /** Timers of starts that are put off. */
  readonly #pauses = new Set<unknown>();
  #lastFailure: Error | undefined;

  constructor(self: ProcessContext, input: PoolInput) {
    this.#self = self;
    this.#input = input;
    const { name, services } = input;
    this.#progress = new StartProgress(name, self.system);
    this.#pace = firstPace(services.processors, services.startupBatchSize);
    services.dispatcher.accept();
    services.dispatcher.whenIdle(() => {
      this.#tell({ type: 'calls.ended' });
    });
    self.signal.addEventListener('abort', () => {
      for (const pause of this.#pauses) self.system.clock.clearTimeout(pause);
      this.#progress.close();
      // Otherwise the next life of this pool serves what waits.
      if (services.isStopping()) {
        services.dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: name }));
      }
    });
  }

  /** One function for each action that the chart names. */
  effects() {
    const { services } = this.#input;
    return {
      startWorkers: () => {
        for (const workerId of this.#input.workerIds) this.#followStart(workerId);
        this.#startMore();
      },
      startNextWorkers: () => {
        this.#startMore();
      },
      followWorker: (news: FollowedWorker) => {
        this.#follow(news);
      },
      tellReady: () => {
        services.onReady();
      },
      tellFailed: ({ error }: { readonly error: Error }) => {
        this.#lastFailure = error;
        services.onFailed(error);
      },
      refuseCalls: () => {
        const error = this.#nobodyLeft();
        services.dispatcher.fail(error);
        services.onRefusing(this.#lastFailure ?? error);
      },
      acceptCalls: () => {
        services.dispatcher.accept();
      },
      beginDraining: () => {
        this.#progress.close();
        if (services.isStopping()) services.dispatcher.stopAccepting();
        // Nothing is given up: the workers finish their calls, what waits is for the next life of this pool.
        else this.#tell({ type: 'calls.ended' });
      },
      endWorkers: () => {
        services.endWorkers();
      },
      tellDrained: () => {
        services.onDrained();
      },
    };
  }

  #follow({ workerId, state }: FollowedWorker): void {
    if (state === 'starting') {
      this.#followStart(workerId);
      return;
    }
    const beganMs = this.#starting.get(workerId);
    this.#starting.delete(workerId);
    this.#waiting.delete(workerId);
    if (state === 'gone') this.#begun.delete(workerId);
    if (state === 'ready') {
      if (beganMs !== undefined) this.#measured(this.#self.system.clock.now() - beganMs);
      this.#input.services.onServing();
    }
    const end = endOf[state];
    if (end !== undefined) this.#progress.settle(workerId, end);
  }

  #followStart(workerId: string): void {
    // Whoever wants one back starts it; it is one of those that are starting all the same.
    if (this.#begun.has(workerId)) this.#starting.set(workerId, undefined);
    else this.#waiting.add(workerId);
    this.#progress.add(workerId);
  }

  /** Only of starts that succeed: those that fail do so sooner or later for reasons of their own. */
  #measured(startMs: number): void {
    this.#pace = paceAfter(this.#pace, startMs);
  }

  /** Starts as many as may be starting at the same time: whenever one has settled the next one, not batch by batch. */
  #startMore(): void {
    const { startupBatchDelayMs } = this.#input.services;
    const wasBegun = this.#begun.size > 0;
    for (const workerId of this.#waiting) {
      if (this.#starting.size >= this.#pace.limit) return;
      this.#waiting.delete(workerId);
      this.#begun.add(workerId);
      this.#starting.set(workerId, undefined);
      if (!wasBegun || startupBatchDelayMs === 0) void this.#start(workerId);
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
    // Removed while it was put off, it counts no more.
    if (this.#starting.has(workerId)) {
      this.#starting.set(workerId, this.#self.system.clock.now());
    }
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
