/** Remembers what was computed, but not without limit: when it is full it begins anew. */
export class BoundedMap<K, V> {
  readonly #limit: number;
  readonly #values = new Map<K, V>();

  /** @param limit - How many entries it holds at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What is remembered for a key, or is computed now. */
  take(key: K, compute: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = compute();
    if (this.#values.size >= this.#limit) this.#values.clear();
    this.#values.set(key, value);
    return value;
  }
}
