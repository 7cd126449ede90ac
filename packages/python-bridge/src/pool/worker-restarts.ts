import type { ActorSystem } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import type { Bell } from '../bell.ts';
import { bridgeError } from '../errors.ts';
import { workerName } from '../worker/grpc-worker.ts';
import type { GrpcWorkerEvent } from '../worker/worker-life.ts';
import type { WorkerHistory } from '../worker/worker-history.ts';
import { starterName, workerChildId } from '../worker/worker-starter.ts';
import { poolName } from './pool.ts';

/** Restarts that somebody asks for: nothing is wrong with the worker, or with its pool. */
export interface WorkerRestarts {
  /**
   * Ends a worker in order and starts it anew; resolves when it serves again.
   *
   * Calls in flight may go on for so many milliseconds, by default as long as at any stop (R6.2); new ones go to other
   * workers or wait (R6.4). Asked again meanwhile, it waits for the same restart; a shorter time counts.
   *
   * @throws SnakepitError why it was given up, or `SHUTTING_DOWN`.
   */
  restart(workerId: string, drainTimeoutMs?: number): Promise<void>;
  /** Whether a restart of it is under way. */
  isUnderWay(workerId: string): boolean;
  /**
   * The same for all workers, a few at a time, so that the others serve; those that do not serve come first. Asked again
   * meanwhile, it waits for the same restart; a shorter time counts for all that are not over.
   *
   * @throws SnakepitError of the first worker that did not come back; those whose turn had not come are left alone.
   */
  restartAll(drainTimeoutMs?: number): Promise<void>;
}

/** What restarts need to know of their pool. */
export interface WorkerRestartsParts {
  /** Where its processes live. */
  readonly system: ActorSystem;
  /** Name of the pool. */
  readonly pool: string;
  /** Ids of its workers. */
  readonly workerIds: readonly string[];
  /** What is remembered of each. */
  readonly histories: ReadonlyMap<string, WorkerHistory>;
  /** How many workers may be starting at the same time. */
  readonly startupBatchSize: number;
  /** Has a starter started for a worker that has none. */
  readonly startWorker: (workerId: string) => Promise<Error | undefined>;
  /** Whether calls wait for a worker. */
  readonly isWaitedFor: () => boolean;
  /** Why nothing will be started any more, once that is so. */
  readonly over: () => Error | undefined;
  /** Rings when a worker has become ready or was given up, and when all is over. */
  readonly bell: Bell;
}

/** At most one worker in so many is away in a rolling restart, as at Kubernetes' default; but always one. */
const oneIn = 4;

/** A restart under way. */
interface Restart {
  readonly done: Promise<void>;
  /** Its worker need not be waited for longer than so many milliseconds from now. */
  readonly endDrainAfter: (timeoutMs: number) => void;
}

/** A restart of all, one after the other. */
interface Rolling {
  readonly done: Promise<void>;
  /** The shortest time that was given after it had begun, in milliseconds. */
  laterDrainTimeoutMs: number;
}

/** Makes what restarts the workers of one pool. */
export function createWorkerRestarts(parts: WorkerRestartsParts): WorkerRestarts {
  return new Restarts(parts);
}

class Restarts implements WorkerRestarts {
  readonly #parts: WorkerRestartsParts;
  readonly #underWay = new Map<string, Restart>();
  #rolling: Rolling | undefined;

  constructor(parts: WorkerRestartsParts) {
    this.#parts = parts;
  }

  restart(workerId: string, drainTimeoutMs?: number): Promise<void> {
    const known = this.#underWay.get(workerId);
    if (known !== undefined) {
      if (drainTimeoutMs !== undefined) known.endDrainAfter(drainTimeoutMs);
      return known.done;
    }
    const begun = this.#begin(workerId, drainTimeoutMs);
    this.#underWay.set(workerId, begun);
    return begun.done;
  }

  isUnderWay(workerId: string): boolean {
    return this.#underWay.has(workerId);
  }

  restartAll(drainTimeoutMs?: number): Promise<void> {
    const known = this.#rolling;
    if (known === undefined) return this.#beginAll(drainTimeoutMs);
    if (drainTimeoutMs !== undefined) {
      known.laterDrainTimeoutMs = Math.min(known.laterDrainTimeoutMs, drainTimeoutMs);
      for (const { endDrainAfter } of this.#underWay.values()) endDrainAfter(drainTimeoutMs);
    }
    return known.done;
  }

  #begin(workerId: string, drainTimeoutMs: number | undefined): Restart {
    const { system, pool } = this.#parts;
    const old = system.whereis(workerName(pool, workerId));
    const timers = new Set<unknown>();
    const run = async (): Promise<void> => {
      try {
        if (old !== undefined) {
          this.#tell(old, { type: 'worker.stop', ...asDrainTime(drainTimeoutMs) });
          // Its process ends only when that of the operating system, its socket and its record are gone.
          await system.awaitExit(old);
        }
        for (const timer of timers) system.clock.clearTimeout(timer);
        await this.#startAnew(workerId);
      } finally {
        this.#underWay.delete(workerId);
      }
    };
    return {
      done: run(),
      endDrainAfter: (timeoutMs) => {
        if (old === undefined || !system.isAlive(old)) return;
        // To that process and not to its name, which may be its successor's by then.
        const end = (): void => this.#tell(old, { type: 'drain.expired' });
        timers.add(system.clock.setTimeout(end, timeoutMs));
      },
    };
  }

  #tell(worker: Parameters<ActorSystem['send']>[0], event: GrpcWorkerEvent): void {
    this.#parts.system.send(worker, event);
  }

  async #startAnew(workerId: string): Promise<void> {
    const { system, pool, histories, over, isWaitedFor, startWorker } = this.#parts;
    const history = histories.get(workerId);
    if (history === undefined) throw new TypeError(`pool ${pool} has no worker ${workerId}`);
    // At the end of everything, too, calls that were taken are served before the pool ends (R6.1).
    if (!isWaitedFor()) throwIfAny(over());
    const { starts } = history;
    if (history.givenUp !== undefined) {
      const revived = { type: 'worker.revived', workerId };
      system.cast(poolName(pool), revived);
    }
    history.startOver();
    const starter = system.whereis(starterName(pool, workerId));
    if (starter === undefined) await startWorker(workerId);
    else await this.#startChild(starter, workerId);
    await this.#serving(history, starts);
  }

  async #startChild(
    starter: NonNullable<ReturnType<ActorSystem['whereis']>>,
    workerId: string,
  ): Promise<void> {
    const { system, pool } = this.#parts;
    const tree = Supervisor.at(system, starter);
    const started = await Supervisor.restartChild(tree, workerChildId).catch(() => undefined);
    // Killed meanwhile: its own supervisor starts it, and it the worker. A crashed worker it starts by itself, too.
    if (started === undefined || started.ok) return;
    const { kind } = started.error;
    if (kind === 'running' || kind === 'restarting') return;
    const reason = `its starter did not start it (${kind})`;
    const details = { pool, worker: workerId, reason, failure: 'supervision' } as const;
    throw bridgeError('WORKER_START_FAILED', details);
  }

  /** Waits until it has become ready once more than before. */
  async #serving(history: WorkerHistory, starts: number): Promise<void> {
    const { over, bell } = this.#parts;
    for (;;) {
      throwIfAny(over());
      if (history.starts > starts) return;
      throwIfAny(history.givenUp?.error);
      await bell.next();
    }
  }

  #beginAll(drainTimeoutMs: number | undefined): Promise<void> {
    const done = this.#roll(drainTimeoutMs).finally(() => {
      this.#rolling = undefined;
    });
    this.#rolling = { done, laterDrainTimeoutMs: Infinity };
    return done;
  }

  async #roll(drainTimeoutMs: number | undefined): Promise<void> {
    const { workerIds, startupBatchSize, system, pool } = this.#parts;
    if (workerIds.length === 1) {
      system.logger.info(
        `pool "${pool}" has one worker: while it restarts, calls wait in the queue`,
      );
    }
    const batchSize = Math.max(1, Math.min(Math.floor(workerIds.length / oneIn), startupBatchSize));
    const waiting = [...workerIds].sort(
      (a, b) => Number(this.#serves(a)) - Number(this.#serves(b)),
    );
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchSize);
      const ends = await Promise.allSettled(
        batch.map((workerId) => this.#restartInTurn(workerId, drainTimeoutMs)),
      );
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    }
  }

  #restartInTurn(workerId: string, drainTimeoutMs: number | undefined): Promise<void> {
    const done = this.restart(workerId, drainTimeoutMs);
    const { laterDrainTimeoutMs = Infinity } = this.#rolling ?? {};
    if (laterDrainTimeoutMs === Infinity) return done;
    return this.restart(workerId, laterDrainTimeoutMs);
  }

  #serves(workerId: string): boolean {
    const { system, pool } = this.#parts;
    const worker = system.processInfo(system.whereis(workerName(pool, workerId)));
    const state = worker?.stateValue ?? '';
    return typeof state === 'object' && 'ready' in state;
  }
}

function asDrainTime(drainTimeoutMs: number | undefined): { readonly drainTimeoutMs?: number } {
  return drainTimeoutMs === undefined ? {} : { drainTimeoutMs };
}

function throwIfAny(error: Error | undefined): void {
  if (error !== undefined) throw error;
}
