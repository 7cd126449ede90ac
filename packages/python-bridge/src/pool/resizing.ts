import { DynamicSupervisor } from '@snakepit/supervisor';
import { bridgeError } from '../errors.ts';
import { workerProcesses } from '../worker/worker-place.ts';
import { starterName } from '../worker/worker-starter.ts';
import { workerSupervisorName } from '../worker/worker-supervisor.ts';
import {
  isServing,
  stopProcess,
  throwIfAny,
  workerProcess,
  type PoolOperationParts,
} from './pool-operation.ts';
import type { PoolEvent } from './pool.machine.ts';
import { poolName } from './pool.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** The most workers that a pool may have. */
const maxSize = 10_000;

/** Makes a pool larger and smaller while it serves. */
export interface PoolResizing {
  /**
   * Gives the pool so many workers.
   *
   * Growing, it resolves when all new ones are ready; when one of them cannot start, it takes all new ones back. Shrinking,
   * it takes those that do not serve first, then the idlest, of these the youngest; calls in flight finish, as at any
   * stop of a worker, and it resolves when their processes are gone. Asked again meanwhile, one comes after the other.
   *
   * @throws SnakepitError INVALID_ARGUMENT for what is no size; RESOURCE_LIMIT, and then none was started; why a worker was given up; SHUTTING_DOWN.
   */
  resize(size: number): Promise<void>;
}

/** What resizing needs to know of its pool. */
export interface PoolResizingParts extends PoolOperationParts {
  /** What is under way with a worker, to be waited for before it is taken away. */
  readonly changes: (workerId: string) => readonly Promise<void>[];
  /** Looks whether so many more workers fit on this machine, and throws RESOURCE_LIMIT when they do not. */
  readonly requireRoom: (count: number) => void;
  /** Told that the pool has as many workers as it was to have. */
  readonly onResized: () => void;
}

/** Makes what resizes one pool. */
export function createPoolResizing(parts: PoolResizingParts): PoolResizing {
  return new Resizing(parts);
}

class Resizing implements PoolResizing {
  readonly #parts: PoolResizingParts;
  /** The end of the last that was asked for. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: PoolResizingParts) {
    this.#parts = parts;
  }

  resize(size: number): Promise<void> {
    // Plain JavaScript callers can give anything.
    if (!Number.isInteger(size) || size < 1 || size > maxSize) {
      return Promise.reject(
        bridgeError('INVALID_ARGUMENT', {
          pool: this.#parts.pool,
          path: 'size',
          problem: `is ${String(size)}, not a whole number from 1 to ${maxSize}`,
          advice: 'give the number of workers that the pool is to have.',
        }),
      );
    }
    const done = this.#last.then(() => this.#resize(size));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #resize(size: number): Promise<void> {
    const { over, seats, onResized } = this.#parts;
    throwIfAny(over());
    const change = size - seats.members.length;
    if (change > 0) await this.#grow(change);
    if (change < 0) await this.#shrink(-change);
    onResized();
  }

  async #grow(count: number): Promise<void> {
    const { seats, over, requireRoom } = this.#parts;
    requireRoom(count);
    const added = Array.from({ length: count }, () => seats.add('joining'));
    for (const { workerId } of added) {
      this.#tellPool({ type: 'worker.added', workerId });
    }
    try {
      await this.#ready(added);
    } catch (error) {
      // At the end everything is stopped from above.
      if (over() === undefined) {
        // Nobody counted on them, so that nothing is waited for.
        await Promise.all(added.map((seat) => this.#remove(seat, 0)));
      }
      throw error;
    }
    for (const seat of added) seat.membership = 'member';
  }

  async #ready(added: readonly WorkerSeat[]): Promise<void> {
    const { over, bell } = this.#parts;
    for (;;) {
      throwIfAny(over());
      for (const { history } of added) throwIfAny(history.givenUp?.error);
      if (added.every(({ history }) => history.starts > 0)) return;
      await bell.next();
    }
  }

  async #shrink(count: number): Promise<void> {
    const surplus = this.#leastMissed().slice(0, count);
    // Before anything else, so that no two of them are chosen twice.
    for (const seat of surplus) seat.membership = 'leaving';
    await Promise.all(surplus.map((seat) => this.#remove(seat)));
  }

  /** The members, those first that will be missed least. */
  #leastMissed(): readonly WorkerSeat[] {
    const { dispatcher, seats } = this.#parts;
    return seats.members
      .map((seat, index) => ({
        seat,
        index,
        serves: isServing(this.#parts, seat) ? 1 : 0,
        inFlight: dispatcher.inFlightOf(seat.workerId),
        sinceMs: seat.servingSinceMs ?? Infinity,
      }))
      .sort(
        (a, b) =>
          a.serves - b.serves ||
          a.inFlight - b.inFlight ||
          // Two that have never served are alike.
          (a.sinceMs === b.sinceMs ? 0 : b.sinceMs - a.sinceMs) ||
          b.index - a.index,
      )
      .map(({ seat }) => seat);
  }

  /** Takes a worker away, in order. */
  async #remove(seat: WorkerSeat, drainTimeoutMs?: number): Promise<void> {
    const { system, pool, seats, bell, changes } = this.#parts;
    const { workerId } = seat;
    seat.membership = 'leaving';
    await Promise.allSettled(changes(workerId));
    // The pool counts on it no more, so that its end makes nothing worse.
    this.#tellPool({ type: 'worker.removed', workerId });
    const process = workerProcess(this.#parts, seat);
    if (process !== undefined) await stopProcess(system, process.pid, drainTimeoutMs);
    // Had it been killed meanwhile, its starter would have started it again.
    const supervisor = DynamicSupervisor.at(system, workerSupervisorName(pool));
    for (;;) {
      // And had that been killed, its supervisor would start it, and answer nobody before.
      await DynamicSupervisor.countChildren(supervisor).catch(() => undefined);
      const starter = system.whereis(starterName(pool, workerId));
      if (starter === undefined) break;
      await DynamicSupervisor.terminateChild(supervisor, starter).catch(() => undefined);
      if (system.isAlive(starter)) await system.awaitExit(starter);
    }
    for (const { pid } of workerProcesses(system, pool, workerId)) await system.awaitExit(pid);
    seats.remove(workerId);
    bell.ring();
  }

  #tellPool(event: PoolEvent): void {
    const { system, pool } = this.#parts;
    system.cast(poolName(pool), event);
  }
}
