import type { ActorSystem } from '../index.ts';
import { settle } from '../probe.fixture.ts';

/** Work that ends when it is told to, and an input that says what was taken from it. */
export class Bench {
  /** What was taken from the input. */
  readonly taken: number[] = [];
  /** What is worked on now. */
  readonly running = new Set<number>();
  /** How often the input was closed. */
  closed = 0;
  /** How much was worked on at once. */
  highest = 0;
  readonly #finish = new Map<number, (value: string) => void>();
  readonly #total: number;

  constructor(total: number) {
    this.#total = total;
  }

  /** The input. */
  *items(): Generator<number> {
    try {
      for (let n = 0; n < this.#total; n++) {
        this.taken.push(n);
        yield n;
      }
    } finally {
      this.closed += 1;
    }
  }

  /** The same, each a little later. */
  async *later(): AsyncGenerator<number> {
    for (const n of this.items()) {
      await settle(1);
      yield n;
    }
  }

  /** What is done with each. */
  readonly work = (n: number): Promise<string> => {
    this.running.add(n);
    this.highest = Math.max(this.highest, this.running.size);
    return new Promise((resolve) => {
      this.#finish.set(n, (value) => {
        this.running.delete(n);
        resolve(value);
      });
    });
  };

  /** Ends the work with these elements, one after another. */
  async end(...numbers: number[]): Promise<void> {
    for (const n of numbers) {
      this.#finish.get(n)?.(`value ${String(n)}`);
      await settle();
    }
  }
}

/** How many tasks run. */
export function tasksOf(system: ActorSystem): number {
  return [...system.processes()].filter(({ behaviour }) => behaviour === 'task').length;
}

/** All that comes of an iteration. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of stream) results.push(result);
  return results;
}
