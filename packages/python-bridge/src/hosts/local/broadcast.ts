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
  const readers = new Set<Reader<Item>>();
  let closed = false;
  const done = { done: true, value: undefined } as const;
  const release = (reader: Reader<Item>): void => {
    readers.delete(reader);
    for (const answer of reader.asking.splice(0)) answer(done);
  };

  return {
    publish(item) {
      for (const { waiting, asking } of readers) {
        const answer = asking.shift();
        if (answer !== undefined) answer({ done: false, value: item });
        else if (waiting.push(item) > maxWaiting) waiting.shift();
      }
    },
    close() {
      closed = true;
      for (const reader of readers) release(reader);
    },
    subscribe(first = []) {
      const reader: Reader<Item> = { waiting: [...first], asking: [] };
      if (!closed) readers.add(reader);
      return {
        [Symbol.asyncIterator]() {
          return this;
        },
        next: () =>
          new Promise((answer) => {
            const [item] = reader.waiting.splice(0, 1);
            if (item !== undefined) answer({ done: false, value: item });
            else if (readers.has(reader)) reader.asking.push(answer);
            else answer(done);
          }),
        return: () => {
          reader.waiting.length = 0;
          release(reader);
          return Promise.resolve(done);
        },
      };
    },
  };
}
