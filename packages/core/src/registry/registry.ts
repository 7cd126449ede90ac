import type { Server } from '../behaviours/gen-server.ts';
import { coreError } from '../errors.ts';
import { exitReason, ExitError } from '../process/exit-reason.ts';
import { checkPid, type Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import type { Process } from '../process/process.ts';
import { showValue } from '../show-value.ts';
import type { ActorSystem } from '../system.ts';
import type { RegistryKey } from './registry-key.ts';
import { registryOwner } from './registry-owner.ts';
import { checkRegistryOptions, type RegistryOptions } from './registry-plan.ts';
import type { RegisterResult, RegistryStore } from './registry-store.ts';
import type { RegistryTable } from './registry-table.ts';

/** Who is registered under a key, and with what. */
export interface RegistryEntry<V = unknown> {
  /** Who. */
  readonly pid: Pid;
  /** What was registered with it. */
  readonly value: V;
}

/** The new value and the one before; or that this process is not registered under the key. */
export type UpdateValueResult<V> =
  | { readonly ok: true; readonly new: V; readonly old: V }
  | { readonly ok: false; readonly error: { readonly kind: 'notRegistered' } };

/**
 * A registry as a behaviour, and what is asked of one that runs.
 *
 * A registry is meant by its name. One that does not run is an argument error (OTP RGY-008): every function here but
 * `start` throws INVALID_ARGUMENT then, and for a key that is no plain value.
 */
export interface RegistryApi extends Server<RegistryOptions, object, object> {
  /** The name that a registry's options ask for; for supervisors. */
  nameIn(options: unknown): string | undefined;
  /**
   * Starts a registry.
   *
   * @returns The pid of its process, which is registered under the registry's name.
   * @throws {@link SnakepitError} INVALID_ARGUMENT when an option is faulty.
   * @throws {@link ExitError} `alreadyStarted` when the name is taken.
   */
  start(system: ActorSystem, options: RegistryOptions): Promise<Pid>;
  /**
   * Registers the calling process; it is linked to the registry, and its entries go when it does (OTP RGY-004).
   *
   * @param value - Given to whoever looks the key up; default `undefined`.
   * @returns The pid of the registry's process that it is linked to now; or who holds a unique key, which may be the
   *   caller itself (OTP RGY-001). Keys of a `duplicate` registry are never refused (OTP RGY-002).
   * @throws {@link SnakepitError} INVALID_ARGUMENT when `self` is another process than the calling one (OTP RGY-003), and
   *   while the registry restarts.
   * @throws {@link ExitError} `noproc` when the process is gone.
   */
  register(
    self: ProcessContext,
    registry: string,
    key: RegistryKey,
    value?: unknown,
  ): RegisterResult;
  /** Removes all entries of the calling process under a key; none is fine too (OTP RGY-005). */
  unregister(self: ProcessContext, registry: string, key: RegistryKey): void;
  /** Who is registered under a key, longest first within a partition; empty when nobody is. */
  lookup<V = unknown>(
    system: ActorSystem,
    registry: string,
    key: RegistryKey,
  ): readonly RegistryEntry<V>[];
  /**
   * Changes the value that the calling process registered under a unique key (OTP RGY-008).
   *
   * @param update - From the old value to the new one. What it throws changes nothing.
   * @throws {@link SnakepitError} INVALID_ARGUMENT when the registry's keys are not unique.
   */
  updateValue<V = unknown>(
    self: ProcessContext,
    registry: string,
    key: RegistryKey,
    update: (old: V) => V,
  ): UpdateValueResult<V>;
  /**
   * Calls a function with all entries of a key at once, in the caller; not at all when there are none. With several
   * partitions of duplicate keys, once for each that has any (OTP RGY-007).
   */
  dispatch<V = unknown>(
    system: ActorSystem,
    registry: string,
    key: RegistryKey,
    fn: (entries: readonly RegistryEntry<V>[]) => void,
  ): void;
  /** The keys of a process, longest held first; one that it registered twice is there twice. */
  keys(system: ActorSystem, registry: string, pid: Pid): readonly RegistryKey[];
  /** What a process registered under a key, longest held first. */
  values(system: ActorSystem, registry: string, key: RegistryKey, pid: Pid): readonly unknown[];
  /** How many entries there are. */
  count(system: ActorSystem, registry: string): number;
}

/**
 * Finds processes by any key: one holder a key (`unique`), or any number (`duplicate`, for publishing), as Elixir's
 * Registry does.
 *
 * A behaviour too: `start: [Registry, { name: 'rooms', keys: 'unique' }]`, of the type `'supervisor'`. In a `unique`
 * one `{ via: ['rooms', key] }` is a name, wherever a name is accepted. Reads and writes are synchronous.
 *
 * Differs from Elixir's: entries of a process that dies are gone before anybody hears of its death; `match` and
 * `select` are left out, `lookup(…).filter(…)` does the same.
 */
export const Registry: RegistryApi = {
  ...registryOwner,
  childDefaults: { type: 'supervisor' },
  nameIn: (options) =>
    typeof options === 'object' &&
    options !== null &&
    'name' in options &&
    typeof options.name === 'string'
      ? options.name
      : undefined,
  async start(system, options) {
    const checked = checkRegistryOptions(options);
    if (!checked.ok) throw checked.fault;
    const { pid } = await system.start(registryOwner, options, { name: checked.plan.name });
    return pid;
  },
  register(self, registry, key, value) {
    const { store, process } = own(self, registry);
    if (process === undefined) {
      throw new ExitError(exitReason.noproc, `register ${showValue(key)} in "${registry}"`);
    }
    return store.register(process, key, value);
  },
  unregister(self, registry, key) {
    const { store, process } = own(self, registry);
    if (process !== undefined) store.unregister(process, key);
  },
  lookup: (system, registry, key) =>
    system.registries.get(registry).tables.flatMap((table) => table.under(key).map(toEntry)),
  updateValue(self, registry, key, update) {
    const { store, process } = own(self, registry);
    const entry = store.uniqueTable('updateValue').first(key);
    if (entry === undefined || entry.pid !== process?.pid) {
      return { ok: false, error: { kind: 'notRegistered' } };
    }
    // As with lookup, the caller says of which type its values are.
    const old = entry.value as never;
    const value = update(old);
    entry.value = value;
    return { ok: true, new: value, old };
  },
  dispatch(system, registry, key, fn) {
    for (const table of system.registries.get(registry).tables) {
      const entries = table.under(key);
      if (entries.length > 0) fn(entries.map(toEntry));
    }
  },
  keys: (system, registry, pid) =>
    tableOf(system, registry, pid)
      .of(pid)
      .map(({ key }) => key),
  values: (system, registry, key, pid) =>
    tableOf(system, registry, pid)
      .ofUnder(pid, key)
      .map(({ value }) => value),
  count: (system, registry) => system.registries.get(registry).size,
};

/** Where the entries of a process are; of one that is gone there are none. */
function tableOf(system: ActorSystem, registry: string, pid: Pid): RegistryTable {
  checkPid(pid, system.runtime.outside);
  return system.registries.get(registry).tableOf(pid);
}

function toEntry({ pid, value }: { pid: Pid; value: unknown }): RegistryEntry<never> {
  // As with a call, the caller says of which type the values are.
  return { pid, value: value as never };
}

/** The registry, and the calling process as long as it lives. */
function own(
  self: ProcessContext,
  registry: string,
): { readonly store: RegistryStore; readonly process: Process | undefined } {
  const { current, registries } = self.system;
  // After an await nobody can tell whose turn it is.
  if (current !== undefined && current !== self.pid) {
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the process',
      value: self.pid.toString(),
      fault: `a process registers only itself, and it is the turn of ${current.toString()}`,
      remedy: 'Send it a message that makes it register in its own callback.',
    });
  }
  const store = registries.get(registry);
  return { store, process: self.alive ? ProcessContext.processOf(self) : undefined };
}
