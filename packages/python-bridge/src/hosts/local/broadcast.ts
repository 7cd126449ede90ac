/** Hands items to any number of readers, each at its own pace. */
export interface Broadcast<Item> {
  /** Gives an item to everybody who reads now. */
  publish(item: Item): void;
  /** Lets every reader come to its end, after what it has not read yet. */
  close(): void;
  /**
   * Reads from now on; what is waiting for a slow reader is bounded, the oldest goes first.
   *
   * @param first - Items to begin with.
   */
  subscribe(first?: readonly Item[]): AsyncIterableIterator<Item>;
}

interface Reader<Item> {
  readonly waiting: Item[];
  readonly asking: ((result: IteratorResult<Item, undefined>) => void)[];
}

/**
 * Makes a broadcast.
 *
 * @param maxWaiting - Items kept for a reader that does not keep up.
 */
export function createBroadcast<Item>(maxWaiting: number): Broadcast<Item> {
  return new Readers(maxWaiting);
}

const done = { done: true, value: undefined } as const;

class Readers<Item> implements Broadcast<Item> {
  readonly #maxWaiting: number;
  readonly #readers = new Set<Reader<Item>>();
  #closed = false;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  publish(item: Item): void {
    for (const { waiting, asking } of this.#readers) {
      const answer = asking.shift();
      if (answer !== undefined) answer({ done: false, value: item });
      else if (waiting.push(item) > this.#maxWaiting) waiting.shift();
    }
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) this.#release(reader);
  }

  subscribe(first: readonly Item[] = []): AsyncIterableIterator<Item> {
    const reader: Reader<Item> = { waiting: [...first], asking: [] };
    if (!this.#closed) this.#readers.add(reader);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () =>
        new Promise((answer) => {
          const [item] = reader.waiting.splice(0, 1);
          if (item !== undefined) answer({ done: false, value: item });
          else if (this.#readers.has(reader)) reader.asking.push(answer);
          else answer(done);
        }),
      return: () => {
        reader.waiting.length = 0;
        this.#release(reader);
        return Promise.resolve(done);
      },
    };
  }

  #release(reader: Reader<Item>): void {
    this.#readers.delete(reader);
    for (const answer of reader.asking.splice(0)) answer(done);
  }
}
