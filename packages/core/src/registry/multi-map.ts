/** Values under keys, any number under each, in order of adding. One alone costs no set. @internal */
export class MultiMap<K, V extends object> {
  readonly #held = new Map<K, V | Set<V>>();

  /** Adds a value under a key. */
  add(key: K, value: V): void {
    const held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, value);
    else if (held instanceof Set) held.add(value);
    else this.#held.set(key, new Set([held, value]));
  }

  /** Removes one value under a key. */
  delete(key: K, value: V): void {
    const held = this.#held.get(key);
    if (held instanceof Set) {
      held.delete(value);
      if (held.size === 0) this.#held.delete(key);
    } else if (held === value) {
      this.#held.delete(key);
    }
  }

  /** The oldest value under a key. */
  first(key: K): V | undefined {
    const held = this.#held.get(key);
    return held instanceof Set ? held.values().next().value : held;
  }

  /** All values under a key, oldest first; a copy. */
  all(key: K): readonly V[] {
    const held = this.#held.get(key);
    if (held === undefined) return [];
    return held instanceof Set ? [...held] : [held];
  }

  /** How many values there are under a key. */
  count(key: K): number {
    const held = this.#held.get(key);
    if (held === undefined) return 0;
    return held instanceof Set ? held.size : 1;
  }

  /** Removes all values under a key, and gives them. */
  take(key: K): readonly V[] {
    const taken = this.all(key);
    this.#held.delete(key);
    return taken;
  }

  /** Removes everything. */
  clear(): void {
    this.#held.clear();
  }
}
