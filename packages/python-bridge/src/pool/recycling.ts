import type { Clock, Pid } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import '../telemetry/events.ts';
import type { RecycleReason } from '../worker/recycle-reason.ts';
import { createTrialHistory, type HistoryParts } from '../worker/worker-history.ts';
import { otherPlace, workerChildId, workerName, type WorkerPlace } from '../worker/worker-place.ts';
import { starterName, workerSpec } from '../worker/worker-starter.ts';
import {
  isServing,
  seatOf,
  startRefused,
  stopProcess,
  throwIfAny,
  workerProcess,
  type PoolOperationParts,
} from './pool-operation.ts';
import { batchSizeFor } from './pool-seats.ts';
import type { WorkerRestarts } from './worker-restarts.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** How long it is waited before it is looked again whether a replacement that ended has been started again, in milliseconds. */
const lookAgainMs = 20;

/** Why a worker is recycled, and how. */
export interface RecycleOptions {
  /** Why. */
  readonly reason: RecycleReason;
  /** What its process group had, where memory is the reason. */
  readonly memoryBytes?: number;
  /** Milliseconds that its calls may go on after its replacement has taken over; default as at any stop. */
  readonly drainTimeoutMs?: number | undefined;
}

/** Replaces workers without a moment in which they do not serve. */
export interface WorkerRecycling {
  /**
   * Starts a replacement of a worker, has it take over, then ends the old process in order; resolves when that is gone.
   *
   * A worker that does not serve is restarted in its place instead. Asked again meanwhile, it is the same recycling.
   *
   * @throws SnakepitError why the replacement did not start, and then the old process goes on; `SHUTTING_DOWN`.
   */
  recycle(workerId: string, options: RecycleOptions): Promise<void>;
  /**
   * The same for all workers, a few at a time. Asked again meanwhile, it is the same recycling.
   *
   * @throws SnakepitError of the first that could not be replaced; those whose turn had not come are left alone.
   */
  recycleAll(drainTimeoutMs?: number): Promise<void>;
  /** The recycling of a worker, while it is under way. */
  underWay(workerId: string): Promise<void> | undefined;
}

/** What recycling needs to know of its pool. */
export interface WorkerRecyclingParts extends PoolOperationParts {
  /** What the history of a replacement is made of. */
  readonly historyParts: HistoryParts;
  /** Restarts what does not serve. */
  readonly restarts: Pick<WorkerRestarts, 'restart' | 'isUnderWay'>;
  /**
   * Has what makes the processes import everything as it is now, where something is imported before.
   *
   * @throws SnakepitError why it could not; then the one before goes on.
   */
  readonly renewLauncher: () => Promise<void>;
}

/** Makes what recycles the workers of one pool. */
export function createWorkerRecycling(parts: WorkerRecyclingParts): WorkerRecycling {
  return new Recycling(parts);
}

/** A replacement that was started below the worker's starter. */
interface Replacement {
  readonly seat: WorkerSeat;
  readonly starter: Pid;
  readonly place: WorkerPlace;
  readonly trial: ReturnType<typeof createTrialHistory>;
}

class Recycling implements WorkerRecycling {
  readonly #parts: WorkerRecyclingParts;
  readonly #underWay = new Map<string, Promise<void>>();
  #rolling: Promise<void> | undefined;

  constructor(parts: WorkerRecyclingParts) {
    this.#parts = parts;
  }

  underWay(workerId: string): Promise<void> | undefined {
    return this.#underWay.get(workerId);
  }

  recycle(workerId: string, options: RecycleOptions): Promise<void> {
    const known = this.#underWay.get(workerId);
    if (known !== undefined) return known;
    const { restarts } = this.#parts;
    // It gets a new process anyway.
    if (restarts.isUnderWay(workerId)) return restarts.restart(workerId);
    const begun = this.#recycle(workerId, options).finally(() => {
      this.#underWay.delete(workerId);
    });
    this.#underWay.set(workerId, begun);
    return begun;
  }

  recycleAll(drainTimeoutMs?: number): Promise<void> {
    this.#rolling ??= this.#roll(drainTimeoutMs).finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  async #roll(drainTimeoutMs: number | undefined): Promise<void> {
    const { seats, startupBatchSize, renewLauncher, over } = this.#parts;
    throwIfAny(over());
    // Of the code as it was, no new process shall be made.
    await renewLauncher().catch((error: unknown) => {
      throwIfAny(over());
      throw error;
    });
    const waiting = seats.members.map(({ workerId }) => workerId);
    const batchSize = batchSizeFor(waiting.length, startupBatchSize);
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchSize);
      const ends = await Promise.allSettled(
        batch
          // The pool may have shrunk meanwhile.
          .filter((workerId) => seats.get(workerId)?.membership === 'member')
          .map((workerId) => this.recycle(workerId, { reason: 'manual', drainTimeoutMs })),
      );
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    }
  }

  async #recycle(workerId: string, options: RecycleOptions): Promise<void> {
    const { system, pool, over, restarts } = this.#parts;
    throwIfAny(over());
    const seat = seatOf(this.#parts, workerId);
    const starter = system.whereis(starterName(pool, seat.workerId));
    const old = workerProcess(this.#parts, seat);
    if (starter === undefined || old === undefined || !isServing(this.#parts, seat)) {
      // Nothing would be lost by the usual order, and much that is in the way is then out of it.
      await restarts.restart(seat.workerId, options.drainTimeoutMs);
      return;
    }
    const begunAtMs = system.clock.now();
    const uptimeMs = begunAtMs - (seat.servingSinceMs ?? begunAtMs);
    const requestCount = this.#parts.dispatcher.servedBy(seat.workerId);
    seat.try();
    try {
      const replacement = await this.#start(seat, starter, otherPlace(old.place));
      await this.#takesOver(replacement);
      await this.#retire(replacement, old.place, options.drainTimeoutMs);
    } catch (error) {
      this.#reportFailure(seat.workerId, options.reason, error);
      throw error;
    } finally {
      seat.endTrial();
    }
    const { reason, memoryBytes } = options;
    const durationMs = system.clock.now() - begunAtMs;
    const memory = memoryBytes === undefined ? {} : { memoryBytes };
    system.telemetry.emit(
      'snakepit.worker.recycled',
      { count: 1, uptimeMs, requestCount, durationMs, ...memory },
      { pool, workerId: seat.workerId, reason },
    );
  }

  async #start(seat: WorkerSeat, starter: Pid, place: WorkerPlace): Promise<Replacement> {
    const { system, pool, inputFor, historyParts } = this.#parts;
    const trial = createTrialHistory(seat.history, historyParts);
    const replacement: Replacement = { seat, starter, place, trial };
    // What an earlier recycling could not take away.
    await this.#remove(replacement, place);
    const tree = Supervisor.at(system, starter);
    const spec = workerSpec(inputFor(seat, place, trial), place);
    const started = await Supervisor.startChild(tree, spec).catch(() => undefined);
    if (started?.ok === true) return replacement;
    const why = started === undefined ? 'it has ended' : started.error.kind;
    throw startRefused(pool, seat.workerId, `its starter did not start a replacement (${why})`);
  }

  /** Waits until the replacement is ready; it takes calls in that moment, and the old one no more. */
  async #takesOver(replacement: Replacement): Promise<void> {
    const { system, pool, over, bell } = this.#parts;
    const { seat, starter, place, trial } = replacement;
    const name = workerName(pool, seat.workerId, place);
    let watched: { readonly pid: Pid; readonly ended: Promise<unknown> } | undefined;
    for (;;) {
      // At the end everything is stopped from above, the replacement too.
      throwIfAny(over());
      if (trial.isOver) return;
      const { givenUp } = trial;
      if (givenUp !== undefined || !system.isAlive(starter)) {
        await this.#remove(replacement, place);
        const why = 'its starter ended before the replacement was ready';
        throw givenUp?.error ?? startRefused(pool, seat.workerId, why);
      }
      const pid = system.whereis(name);
      if (pid === undefined) watched = undefined;
      else if (watched?.pid !== pid) watched = { pid, ended: system.awaitExit(pid) };
      await Promise.race([bell.next(), watched?.ended ?? pause(system.clock)]);
    }
  }

  /** Ends the old process in order. */
  async #retire(
    replacement: Replacement,
    place: WorkerPlace,
    drainTimeoutMs: number | undefined,
  ): Promise<void> {
    const { system, pool } = this.#parts;
    const { workerId } = replacement.seat;
    const old = system.whereis(workerName(pool, workerId, place));
    if (old !== undefined) await stopProcess(system, old, drainTimeoutMs);
    await this.#remove(replacement, place);
    // Had the old one crashed and come back meanwhile, it would have taken over again, and be gone by now.
    system.cast(workerName(pool, workerId, replacement.place), { type: 'worker.announce' });
  }

  /** Takes a process out of its starter, which stops it if it runs. */
  async #remove({ starter }: Replacement, place: WorkerPlace): Promise<void> {
    const tree = Supervisor.at(this.#parts.system, starter);
    try {
      await Supervisor.terminateChild(tree, workerChildId(place));
      await Supervisor.deleteChild(tree, workerChildId(place));
    } catch {
      // The starter is gone, and all below it.
    }
  }

  #reportFailure(workerId: string, reason: RecycleReason, cause: unknown): void {
    const { system, pool, over } = this.#parts;
    if (over() !== undefined) return;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const metadata = { pool, workerId, reason, error };
    system.telemetry.emit('snakepit.worker.recycling_failed', { count: 1 }, metadata);
    system.logger.warn(
      `worker ${workerId} of pool ${pool} is kept, because its replacement (${reason}) did not start: ${error.message}`,
      { pool, workerId },
    );
  }
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, lookAgainMs);
  });
}
