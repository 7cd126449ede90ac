import type { WorkerConnection } from '../worker/worker-connection.ts';
import { routeFor, Slot, type Binding, type Route } from './affinity.ts';
import type { Lane, Waiting } from './queue.ts';
import type { WorkerWear } from './worker-wear.ts';

/** The workers of a pool: who takes calls, who has room, who only finishes what it has. */
export class Slots<E extends Waiting<E>> {
  readonly #concurrency: number;
  readonly #wear: WorkerWear | undefined;
  /** Those that take calls, by id. */
  readonly #open = new Map<string, Slot<E>>();
  /** Those that take none any more. */
  readonly #leaving = new Set<Slot<E>>();
  /** Those with room, the one that has been free longest first. */
  readonly #free = new Set<Slot<E>>();
  /** Those that had served well and had nothing more to do, the last one last. Some may have been called since. */
  #warm: Slot<E>[] = [];
  /** Those of which calls wait for Node. */
  readonly #lending = new Set<Slot<E>>();

  /**
   * @param concurrency - How many calls each executes at the same time.
   * @param wear - How many calls each may be given before it should be replaced.
   */
  constructor(concurrency: number, wear?: WorkerWear) {
    this.#concurrency = concurrency;
    this.#wear = wear;
  }

  /** Whether any has room. */
  get isAnyFree(): boolean {
    return this.#free.size > 0;
  }

  /**
   * The worker that is to be given a call now: who has just served well and has nothing to do, else who has been free longest
   * (ADR-0024). Sessions are divided among all: each may keep to its worker for long.
   */
  anyFor(binding: Binding<E> | undefined): Slot<E> | undefined {
    const warm = binding === undefined ? this.#takeWarm() : undefined;
    return warm ?? this.#longestFree ?? this.lentPlace;
  }

  #takeWarm(): Slot<E> | undefined {
    for (let slot = this.#warm.pop(); slot !== undefined; slot = this.#warm.pop()) {
      slot.isWarm = false;
      if (slot.hasServedWell && slot.inFlight === 0) return slot;
    }
    return undefined;
  }

  get #longestFree(): Slot<E> | undefined {
    for (const slot of this.#free) return slot;
    return undefined;
  }

  /** All with room. */
  get free(): readonly Slot<E>[] {
    return [...this.#free];
  }

  /** Whether this one may be given a call. */
  hasRoom(slot: Slot<E>): boolean {
    return slot.isOpen && slot.inFlight < this.#concurrency;
  }

  /** Whether this one may be given a nested call: also in the place of one that waits for Node, until it has ended all. */
  hasRoomForNested(slot: Slot<E>): boolean {
    const lent = Math.min(slot.lent, slot.inFlight);
    return (slot.isOpen || lent > 0) && slot.inFlight - lent < this.#concurrency;
  }

  /** One that has room for a nested call where a call waits for Node. */
  get lentPlace(): Slot<E> | undefined {
    for (const slot of this.#lending) if (this.hasRoomForNested(slot)) return slot;
    return undefined;
  }

  /** A call of this worker begins to wait for Node. */
  lend(workerId: string): Slot<E> | undefined {
    const slot = this.#executing(workerId);
    if (slot === undefined) return undefined;
    slot.lent += 1;
    this.#lending.add(slot);
    return slot;
  }

  /** The one of this id that has calls: it may only finish them. */
  #executing(workerId: string): Slot<E> | undefined {
    const slot = this.#open.get(workerId);
    if (slot !== undefined && slot.inFlight > 0) return slot;
    for (const leaving of this.#leaving) {
      if (leaving.connection.workerId === workerId) return leaving;
    }
    return slot;
  }

  /** It waits no more. */
  takeBack(slot: Slot<E>): void {
    slot.lent -= 1;
    if (slot.lent === 0) this.#lending.delete(slot);
  }

  /** The one with this id that takes calls. */
  find(workerId: string): Slot<E> | undefined {
    return this.#open.get(workerId);
  }

  /** Takes calls from now on; it is not yet told to be free. */
  open(connection: WorkerConnection, lane: Lane<E>): Slot<E> {
    const slot = new Slot(connection, lane, this.#wear?.maxCalls() ?? Infinity);
    this.#open.set(connection.workerId, slot);
    return slot;
  }

  /** Takes none any more. */
  close(slot: Slot<E>): void {
    slot.isOpen = false;
    this.#open.delete(slot.connection.workerId);
    this.#free.delete(slot);
    if (slot.isWarm) this.#warm = this.#warm.filter((other) => other !== slot);
    if (slot.inFlight > 0) this.#leaving.add(slot);
  }

  /** Is given a call. */
  occupy(slot: Slot<E>): void {
    slot.inFlight += 1;
    slot.served += 1;
    if (slot.served === slot.maxCalls) this.#wear?.onWorn(slot.connection.workerId);
    // Back to the end of the line: the next call goes to somebody else first.
    const isFull = slot.inFlight >= this.#concurrency;
    const isAlone = this.#free.size === 1 && !isFull;
    if (!isAlone && this.#free.delete(slot) && !isFull) this.#free.add(slot);
  }

  /** Has let go of a call; it is not yet told to be free. */
  vacate(slot: Slot<E>): void {
    slot.inFlight -= 1;
    if (!slot.isOpen && slot.inFlight === 0) this.#leaving.delete(slot);
  }

  /** Has room, and nothing waits for it. */
  rest(slot: Slot<E>): void {
    this.#free.add(slot);
    if (slot.isWarm || !slot.hasServedWell || slot.inFlight > 0) return;
    slot.isWarm = true;
    this.#warm.push(slot);
  }

  /** Calls of one worker that it has not let go of; also those of a predecessor that still finishes some. */
  inFlightOf(workerId: string): number {
    let total = this.#open.get(workerId)?.inFlight ?? 0;
    for (const { connection, inFlight } of this.#leaving) {
      if (connection.workerId === workerId) total += inFlight;
    }
    return total;
  }

  /** Where a call may go now. */
  routeOf(call: {
    readonly binding: Binding<E> | undefined;
    readonly isNested?: boolean | undefined;
  }): Route {
    const { binding, isNested = false } = call;
    const isAnyFree = this.isAnyFree || (isNested && this.lentPlace !== undefined);
    if (binding === undefined) return isAnyFree ? 'any' : 'wait';
    const hasRoom = (slot: Slot<E>): boolean =>
      isNested ? this.hasRoomForNested(slot) : this.hasRoom(slot);
    return routeFor(binding, hasRoom, isAnyFree);
  }
}
