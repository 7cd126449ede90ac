import type { Pid } from '../process/pid.ts';
import { MultiMap } from './multi-map.ts';
import { mapKeyOf, type MapKey, type RegistryKey } from './registry-key.ts';

/** One registration: who, under what, with what. @internal */
export interface Registration {
  /** Who is registered. */
  readonly pid: Pid;
  /** Under which key, as it was given. */
  readonly key: RegistryKey;
  /** The same as a map compares it. */
  readonly mapKey: MapKey;
  /** What was registered with it. */
  value: unknown;
}

/** The registrations of one table, found by key and by process. @internal */
export class RegistryTable {
  readonly #byKey = new MultiMap<MapKey, Registration>();
  readonly #byPid = new MultiMap<Pid, Registration>();
  #size = 0;

  /** How many registrations there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds one. */
  add(pid: Pid, key: RegistryKey, value: unknown): void {
    const registration: Registration = { pid, key, mapKey: mapKeyOf(key), value };
    this.#byKey.add(registration.mapKey, registration);
    this.#byPid.add(pid, registration);
    this.#size += 1;
  }

  /** The oldest under a key. */
  first(key: RegistryKey): Registration | undefined {
    return this.#byKey.first(mapKeyOf(key));
  }

  /** All under a key, oldest first. */
  under(key: RegistryKey): readonly Registration[] {
    return this.#byKey.all(mapKeyOf(key));
  }

  /** All of a process, oldest first. */
  of(pid: Pid): readonly Registration[] {
    return this.#byPid.all(pid);
  }

  /** All of a process under a key, oldest first; looked for where there are fewer. */
  ofUnder(pid: Pid, key: RegistryKey): readonly Registration[] {
    const mapKey = mapKeyOf(key);
    return this.#byPid.count(pid) < this.#byKey.count(mapKey)
      ? this.#byPid.all(pid).filter((one) => one.mapKey === mapKey)
      : this.#byKey.all(mapKey).filter((one) => one.pid === pid);
  }

  /** Removes some that are in it. */
  remove(registrations: readonly Registration[]): void {
    for (const registration of registrations) {
      this.#byKey.delete(registration.mapKey, registration);
      this.#byPid.delete(registration.pid, registration);
    }
    this.#size -= registrations.length;
  }

  /** Removes all of a process. */
  forget(pid: Pid): void {
    const taken = this.#byPid.take(pid);
    for (const registration of taken) this.#byKey.delete(registration.mapKey, registration);
    this.#size -= taken.length;
  }

  /** Whether a process has any. */
  has(pid: Pid): boolean {
    return this.#byPid.count(pid) > 0;
  }

  /** Removes everything. */
  clear(): void {
    this.#byKey.clear();
    this.#byPid.clear();
    this.#size = 0;
  }
}
