import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pid } from '@snakepit/core';
import { Supervisor, type RestartChildError } from '@snakepit/supervisor';
import type { GrpcWorkerEvent } from '../worker/worker-life.ts';
import { otherPlace, workerChildId, workerProcesses } from '../worker/worker-place.ts';
import type { WorkerHistory } from '../worker/worker-history.ts';
import { starterName } from '../worker/worker-starter.ts';
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
import { poolName } from './pool.ts';
import type { WorkerSeat } from './worker-seat.ts';

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
export interface WorkerRestartsParts extends PoolOperationParts {
  /** The recycling of a worker, while it is under way: that gives it a new process, too. */
  readonly recycling: (workerId: string) => Promise<void> | undefined;
}

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

  // Whoever asks for what cannot be is told by the promise; the rest is done before this returns.
  async restart(workerId: string, drainTimeoutMs?: number): Promise<void> {
    const known = this.#underWay.get(workerId);
    if (known !== undefined) {
      if (drainTimeoutMs !== undefined) known.endDrainAfter(drainTimeoutMs);
      return known.done;
    }
    const recycling = this.#parts.recycling(workerId);
    if (recycling !== undefined) return recycling;
    const begun = this.#begin(seatOf(this.#parts, workerId), drainTimeoutMs);
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

  #begin(seat: WorkerSeat, drainTimeoutMs: number | undefined): Restart {
    const { system } = this.#parts;
    const { workerId } = seat;
    const old = workerProcess(this.#parts, seat)?.pid;
    const timers = new Set<unknown>();
    const run = async (): Promise<void> => {
      try {
        // Its process ends only when that of the operating system, its socket and its record are gone.
        if (old !== undefined) await stopProcess(system, old, drainTimeoutMs);
        for (const timer of timers) system.clock.clearTimeout(timer);
        await this.#startAnew(seat);
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

  #tell(worker: Pid, event: GrpcWorkerEvent): void {
    this.#parts.system.send(worker, event);
  }

  async #startAnew(seat: WorkerSeat): Promise<void> {
    const { system, pool, over, isWaitedFor, startWorker } = this.#parts;
    const { history, workerId } = seat;
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
    else await this.#startChild(starter, seat);
    await this.#serving(history, starts);
  }

  async #startChild(starter: Pid, seat: WorkerSeat): Promise<void> {
    const { system, pool } = this.#parts;
    for (;;) {
      const refusal = await this.#restartChild(starter, seat);
      if (refusal === undefined) return;
      if (refusal.kind === 'running') {
        // It had crashed, and its starter was faster; somebody wants it now, so that it need not pause.
        for (const { pid } of workerProcesses(system, pool, seat.workerId)) {
          this.#tell(pid, { type: 'worker.start' });
        }
        return;
      }
      if (refusal.kind !== 'restarting') {
        const why = `its starter did not start it (${refusal.kind})`;
        throw startRefused(pool, seat.workerId, why);
      }
      // Its starter is about to start it.
      await nextTurn();
    }
  }

  /** Has it started in the place where it was, which only its starter knows for sure. */
  async #restartChild(starter: Pid, seat: WorkerSeat): Promise<RestartChildError | undefined> {
    const tree = Supervisor.at(this.#parts.system, starter);
    const restart = (place: WorkerSeat['place']) =>
      Supervisor.restartChild(tree, workerChildId(place));
    try {
      const first = await restart(seat.place);
      if (first.ok || first.error.kind !== 'notFound') return first.ok ? undefined : first.error;
      const second = await restart(otherPlace(seat.place));
      return second.ok ? undefined : second.error;
    } catch {
      // Killed meanwhile: its own supervisor starts it, and it the worker. A crashed worker it starts by itself, too.
      return undefined;
    }
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
    const { seats, startupBatchSize, system, pool } = this.#parts;
    const { members } = seats;
    if (members.length === 1) {
      system.logger.info(
        `pool "${pool}" has one worker: while it restarts, calls wait in the queue`,
      );
    }
    const batchSize = batchSizeFor(members.length, startupBatchSize);
    const waiting = [...members].sort((a, b) => Number(this.#serves(a)) - Number(this.#serves(b)));
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchSize);
      const ends = await Promise.allSettled(
        batch
          // The pool may have shrunk meanwhile.
          .filter(({ workerId }) => seats.get(workerId)?.membership === 'member')
          .map(({ workerId }) => this.#restartInTurn(workerId, drainTimeoutMs)),
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

  #serves(seat: WorkerSeat): boolean {
    return isServing(this.#parts, seat);
  }
}
