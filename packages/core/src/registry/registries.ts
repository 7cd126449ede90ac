import { coreError } from '../errors.ts';
import type { Pid } from '../process/pid.ts';
import type { RegistryPlan } from './registry-plan.ts';
import { RegistryStore, type RegistryMessage } from './registry-store.ts';

/** What registries need of the runtime. @internal */
export interface RegistryHost {
  /** Sends a plain message to a name; to nobody it is dropped. */
  post(name: string, message: unknown): void;
}

/** The registries of one system. @internal */
export class Registries {
  readonly #host: RegistryHost;
  readonly #byName = new Map<string, RegistryStore>();

  /** @param host - What they need of the runtime. */
  constructor(host: RegistryHost) {
    this.#host = host;
  }

  /** Whether none runs. */
  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  /** Adds the registry of a process, which has its name. */
  add(plan: RegistryPlan, owner: Pid): RegistryStore {
    const post = (listener: string, message: RegistryMessage): void => {
      this.#host.post(listener, message);
    };
    const store = new RegistryStore(plan, owner, post);
    this.#byName.set(plan.name, store);
    return store;
  }

  /** A registry that runs, if there is one of that name. */
  find(name: string): RegistryStore | undefined {
    return this.#byName.get(name);
  }

  /**
   * A registry that runs.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT when there is none of that name (RGY-008).
   */
  get(name: string): RegistryStore {
    const store = this.#byName.get(name);
    if (store !== undefined) return store;
    const known = [...this.#byName.keys()].map((one) => `"${one}"`).join(', ') || 'none';
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the registry',
      value: name,
      fault: `there is no registry of that name; there are: ${known}`,
      remedy: 'Start it before those that use it, or correct the name.',
    });
  }

  /** A process is gone: so is all that it registered, and the registry, if it was the owner of one (RGY-004). */
  forget(pid: Pid): void {
    for (const [name, store] of this.#byName) {
      if (store.owner === pid) this.#byName.delete(name);
      else store.forget(pid);
    }
  }
}
