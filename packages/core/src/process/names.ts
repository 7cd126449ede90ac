import { coreError, type SnakepitError } from '../errors.ts';
import { Registries } from '../registry/registries.ts';
import { mapKeyOf, type RegistryKey } from '../registry/registry-key.ts';
import type { RegistryStore } from '../registry/registry-store.ts';
import { showValue } from '../show-value.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';

/**
 * A key of a unique registry as a name (OTP NAM-006, RGY-006): free again when its process is gone.
 *
 * To send to, also a key that a partition supervisor routes (OTP PAR-002).
 */
export interface ViaName {
  /** The name of the registry or partition supervisor, and the key in it. */
  readonly via: readonly [registry: string, key: RegistryKey];
}

/** What a process may be called: a name of the system, or a key of a unique registry. */
export type ProcessName = string | ViaName;

/** Finds one of its own processes by any key, and is no registry: a partition supervisor. @internal */
export interface Router {
  /** Whether there is nobody to find. */
  readonly isEmpty: boolean;
  /**
   * Who is meant by a key; nobody while that one is restarted.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a key that is no plain value, or when it is empty.
   */
  find(key: RegistryKey): Pid | undefined;
}

/** What names need of the runtime. @internal */
export interface NameHost {
  /** All that are not gone. */
  readonly processes: ReadonlyMap<Pid, Process>;
  /** Sends a plain message to a name; to nobody it is dropped. */
  post(name: string, message: unknown): void;
}

/** Who is called what. One per system. @internal */
export class Names {
  /** The registries, whose keys are names too. */
  readonly registries: Registries;
  /** What else finds processes by key, by the pid of its process; gone with that. */
  readonly routers = new Map<Pid, Router>();
  readonly #processes: ReadonlyMap<Pid, Process>;
  readonly #local = new Map<string, Process>();

  /** @param host - What they need of the runtime. */
  constructor(host: NameHost) {
    this.#processes = host.processes;
    this.registries = new Registries(host);
  }

  /** The process that has a plain name. */
  local(name: string): Process | undefined {
    return this.#local.get(name);
  }

  /**
   * The process that holds a key.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a registry that does not run or whose keys are not unique.
   */
  via(name: ViaName): Process | undefined {
    const [registry, key] = partsOf(name);
    const router = this.#router(registry);
    if (router !== undefined) return this.#routed(router, key);
    return this.#holder(this.registries.get(registry), key);
  }

  /**
   * The same where nothing is refused but what is no name at all: what does not run, or has many holders, has nobody
   * who could be meant (GEN-021, TMR-004).
   */
  viaIfAny(name: ViaName): Process | undefined {
    const [registry, key] = partsOf(name);
    const router = this.#router(registry);
    if (router?.isEmpty === false) return this.#routed(router, key);
    const store = this.registries.find(registry);
    if (store?.plan.keys === 'unique') return this.#holder(store, key);
    // A key that is none is refused whether or not it could be looked up.
    mapKeyOf(key);
    return undefined;
  }

  /**
   * Who has a name that a process is to be started under; nobody, when it is free to take.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no name, or a registry that takes nobody now.
   */
  holder(name: ProcessName): Process | undefined {
    if (typeof name === 'string') {
      if (name === '') throw noName(name);
      return this.#local.get(name);
    }
    if (!isViaName(name)) throw noName(name);
    if (this.#router(partsOf(name)[0]) !== undefined) {
      const fault = 'a partition supervisor finds its own children; nobody else can be found there';
      throw badName(formatProcessName(name), fault, 'Use a name, or a key of a unique registry.');
    }
    const holder = this.via(name);
    const store = this.registries.get(name.via[0]);
    if (!store.isOpen) throw store.closed();
    return holder;
  }

  /** Gives a new process its name; that it is free was seen just now. */
  take(name: ProcessName, process: Process): void {
    if (typeof name === 'string') this.#local.set(name, process);
    else this.registries.get(name.via[0]).register(process, name.via[1], undefined);
  }

  #router(name: string): Router | undefined {
    if (this.routers.size === 0) return undefined;
    const process = this.#local.get(name);
    return process === undefined ? undefined : this.routers.get(process.pid);
  }

  #routed(router: Router, key: RegistryKey): Process | undefined {
    const pid = router.find(key);
    return pid === undefined ? undefined : this.#processes.get(pid);
  }

  #holder(store: RegistryStore, key: RegistryKey): Process | undefined {
    const holder = store.uniqueTable('a name').first(key);
    return holder === undefined ? undefined : this.#processes.get(holder.pid);
  }

  /** Frees all names of a process that is gone. */
  release(process: Process): void {
    const { name } = process;
    if (name !== undefined && this.#local.get(name) === process) this.#local.delete(name);
    if (!this.registries.isEmpty) this.registries.forget(process.pid);
    if (this.routers.size > 0) this.routers.delete(process.pid);
  }

  /** Gives a process a plain name (NAM-001). */
  register(process: Process, name: string): void {
    if (typeof name !== 'string' || name === '') throw noName(name);
    const holder = this.#local.get(name);
    const own = process.name;
    const fault =
      holder !== undefined
        ? `it is held by ${holder.pid.toString()}`
        : own !== undefined && this.#local.get(own) === process
          ? `${process.pid.toString()} is already called "${own}"`
          : undefined;
    if (fault !== undefined) {
      throw badName(name, fault, 'Choose another name, or unregister the old one first.');
    }
    process.name = name;
    this.#local.set(name, process);
  }

  /** Frees a plain name (NAM-003). */
  unregister(name: string): void {
    const process = this.#local.get(name);
    if (process === undefined) {
      throw badName(name, notRegistered, 'Unregister only names that whereis() finds.');
    }
    process.name = undefined;
    this.#local.delete(name);
  }
}

/** Whether a value is a name by a registry. @internal */
export function isViaName(value: unknown): value is ViaName {
  return typeof value === 'object' && value !== null && 'via' in value;
}

/** A name in one line, for reports: as it is, or registry and key, such as `rooms["lobby"]`. */
export function formatProcessName(name: ProcessName): string {
  return typeof name === 'string' ? name : `${name.via[0]}[${showKey(name.via[1])}]`;
}

/** Nobody has the name that something was sent to. @internal */
export function nobodyHas(name: ProcessName): SnakepitError {
  const remedy = 'Use cast(), which is dropped then, or ask whereis().';
  return badName(formatProcessName(name), notRegistered, remedy);
}

const notRegistered = 'it is not registered';

function partsOf({ via }: ViaName): ViaName['via'] {
  // Plain JavaScript callers can give anything; the compiler cannot stop them.
  const parts: unknown = via;
  if (Array.isArray(parts) && parts.length === 2 && typeof parts[0] === 'string') return via;
  throw badName(
    via,
    'via takes the name of a registry and a key in it',
    "Write { via: ['rooms', key] }.",
  );
}

function noName(name: unknown): SnakepitError {
  return badName(
    name,
    'a name is a string that is not empty, or { via: [registry, key] }',
    'Leave the name out for a process that needs none.',
  );
}

function badName(value: unknown, fault: string, remedy: string): SnakepitError {
  return coreError('INVALID_ARGUMENT', { argument: 'the name', value, fault, remedy });
}

function showKey(key: RegistryKey): string {
  return typeof key === 'string' ? JSON.stringify(key) : showValue(key);
}
