/**
 * A FIFO queue that costs the same at any length: two stacks would copy, `Array.shift` is linear.
 *
 * Taken slots are cleared, so nothing is kept alive by the queue.
 */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Whether there is something to take. */
  get ready(): boolean {
    return this.#items.length > this.#head;
  }

  /** The oldest, without taking it. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** Adds at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest, or `undefined` when empty. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The oldest that matches, without taking it. */
  find(matches: (item: T) => boolean): T | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      // Slots from the head on are filled.
      const item = this.#items[at] as T;
      if (matches(item)) return item;
    }
    return undefined;
  }

  /** Takes the oldest that matches, wherever it stands, or `undefined`. */
  take(matches: (item: T) => boolean): T | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      // Slots from the head on are filled.
      if (!matches(this.#items[at] as T)) continue;
      return at === this.#head ? this.shift() : this.#items.splice(at, 1)[0];
    }
    return undefined;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
