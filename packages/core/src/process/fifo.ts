/** An array that has grown beyond this is given back when the queue is empty again. */
const mostSlotsKept = 1024;

/**
 * A FIFO queue that costs the same at any length: two stacks would copy, `Array.shift` is linear.
 *
 * The oldest has a place of its own, so that a queue of one, which most mailboxes are, needs no array, and one that
 * goes back and forth between empty and not allocates nothing. Taken slots are cleared: nothing is kept alive by the
 * queue.
 */
export class Fifo<T> {
  #length = 0;
  #first: T | undefined;
  #rest: (T | undefined)[] | undefined;
  #head = 0;
  #tail = 0;

  /** How many wait. */
  get length(): number {
    return this.#length;
  }

  /** Whether there is something to take. */
  get ready(): boolean {
    return this.#length > 0;
  }

  /** The oldest, without taking it. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Adds at the end. */
  push(item: T): void {
    if (this.#length === 0) {
      this.#first = item;
    } else {
      this.#rest ??= [];
      this.#rest[this.#tail] = item;
      this.#tail += 1;
    }
    this.#length += 1;
  }

  /** Takes the oldest, or `undefined` when empty. */
  shift(): T | undefined {
    const item = this.#first;
    if (this.#length > 1) {
      this.#first = this.#shiftRest();
      this.#length -= 1;
    } else {
      this.#first = undefined;
      this.#length = 0;
    }
    return item;
  }

  /** Takes the oldest of the array, which has one. */
  #shiftRest(): T | undefined {
    const rest = this.#rest ?? [];
    const item = rest[this.#head];
    rest[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#tail) {
      // The slots are kept, as a length of 0 would give them back and the next push allocate them anew.
      this.#head = this.#tail = 0;
      if (rest.length > mostSlotsKept) this.#rest = undefined;
    } else if (this.#head >= mostSlotsKept && this.#head * 2 > this.#tail) {
      this.#rest = rest.slice(this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** The oldest that matches, without taking it. */
  find(matches: (item: T) => boolean): T | undefined {
    const at = this.#indexOf(matches);
    if (at === undefined) return undefined;
    return at < this.#head ? this.#first : this.#rest?.[at];
  }

  /** Takes the oldest that matches, wherever it stands, or `undefined`. */
  take(matches: (item: T) => boolean): T | undefined {
    const at = this.#indexOf(matches);
    if (at === undefined) return undefined;
    if (at < this.#head) return this.shift();
    this.#length -= 1;
    this.#tail -= 1;
    return this.#rest?.splice(at, 1)[0];
  }

  /** Where the oldest that matches stands in the array; before its head stands the first. */
  #indexOf(matches: (item: T) => boolean): number | undefined {
    // Between head and tail slots are filled, and so is the first of a queue that has any.
    if (this.#length > 0 && matches(this.#first as T)) return this.#head - 1;
    for (let at = this.#head; at < this.#tail; at++) {
      if (matches(this.#rest?.[at] as T)) return at;
    }
    return undefined;
  }

  /** All of them, the oldest first. */
  *[Symbol.iterator](): IterableIterator<T> {
    if (this.#length === 0) return;
    yield this.#first as T;
    for (let at = this.#head; at < this.#tail; at++) yield this.#rest?.[at] as T;
  }

  /** Forgets everything. */
  clear(): void {
    this.#length = this.#head = this.#tail = 0;
    this.#first = this.#rest = undefined;
  }
}
