/** What a {@link CallTable} holds. */
export interface Numbered {
  /** Its number, from 1. */
  readonly id: number;
}

/** Calls are numbered up to here, then from the beginning. */
const lastId = 2 ** 32 - 1;

/** Places of a table without calls; a power of two, as it stays. */
const fewestPlaces = 64;

/**
 * Calls by number.
 *
 * Not a `Map`: that one takes a new table each time its old one is full of what was deleted, and an old one that has lived
 * long keeps all that stood in it from being collected while it is young, so that each call would be copied twice.
 */
export class CallTable<T extends Numbered> {
  #places: (T | undefined)[] = emptyPlaces(fewestPlaces);
  #count = 0;
  #lastId = 0;

  /** A number that no call has: the next after the last whose place is empty. */
  nextId(): number {
    const mask = this.#places.length - 1;
    do this.#lastId = this.#lastId === lastId ? 1 : this.#lastId + 1;
    while (this.#places[this.#lastId & mask] !== undefined);
    return this.#lastId;
  }

  /** Puts in a call with a number that {@link CallTable.nextId} has given. */
  add(call: T): void {
    this.#count += 1;
    this.#places[call.id & (this.#places.length - 1)] = call;
    // Half of it stays empty, so that a number is soon found.
    if (2 * this.#count > this.#places.length) this.#grow();
  }

  /** The call with this number. */
  get(id: number): T | undefined {
    const call = this.#places[id & (this.#places.length - 1)];
    return call?.id === id ? call : undefined;
  }

  /** Takes out a call that is there. */
  remove({ id }: T): void {
    this.#count -= 1;
    this.#places[id & (this.#places.length - 1)] = undefined;
  }

  /** All calls in the order of their numbers, which is that in which they began. */
  all(): T[] {
    const calls = this.#places.filter((call) => call !== undefined);
    return calls.sort((one, other) => one.id - other.id);
  }

  #grow(): void {
    const places = emptyPlaces<T>(2 * this.#places.length);
    // Those that had different places have different ones here, too.
    for (const call of this.all()) places[call.id & (places.length - 1)] = call;
    this.#places = places;
  }
}

function emptyPlaces<T>(count: number): (T | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
