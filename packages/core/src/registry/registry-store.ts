import { coreError, type SnakepitError } from '../errors.ts';
import type { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import type { RegistryKey } from './registry-key.ts';
import type { RegistryPlan } from './registry-plan.ts';
import { RegistryTable } from './registry-table.ts';

/** What a listener is told (OTP RGY-009). */
export type RegistryMessage =
  | {
      /** Somebody registered. */
      readonly type: 'register';
      /** In which registry. */
      readonly registry: string;
      /** Under which key. */
      readonly key: RegistryKey;
      /** Who. */
      readonly pid: Pid;
      /** With what. */
      readonly value: unknown;
    }
  | {
      /** Somebody unregistered; of one who dies nothing is told, a listener must monitor. */
      readonly type: 'unregister';
      /** In which registry. */
      readonly registry: string;
      /** Under which key. */
      readonly key: RegistryKey;
      /** Who. */
      readonly pid: Pid;
    };

/** Whether it was registered, and linked to which process of the registry; or who holds the key (OTP RGY-001). */
export type RegisterResult =
  | { readonly ok: true; readonly pid: Pid }
  | {
      readonly ok: false;
      readonly error: { readonly kind: 'alreadyRegistered'; readonly pid: Pid };
    };

/** What one registry knows. It lives as long as the process that it belongs to. @internal */
export class RegistryStore {
  /** How it works. */
  readonly plan: RegistryPlan;
  /** The process that it belongs to. */
  readonly owner: Pid;
  /** One for all unique keys; duplicate ones are kept with the partition of who is registered (RGY-007). */
  readonly tables: readonly RegistryTable[];
  readonly #post: (listener: string, message: RegistryMessage) => void;
  readonly #partitions: (Process | undefined)[];

  /**
   * @param plan - How it works.
   * @param owner - The process that it belongs to.
   * @param post - Sends to a listener, if it is there.
   */
  constructor(
    plan: RegistryPlan,
    owner: Pid,
    post: (listener: string, message: RegistryMessage) => void,
  ) {
    this.plan = plan;
    this.owner = owner;
    this.#post = post;
    this.#partitions = Array.from({ length: plan.partitions }, () => undefined);
    const tables = plan.keys === 'unique' ? 1 : plan.partitions;
    this.tables = Array.from({ length: tables }, () => new RegistryTable());
  }

  /** Whether a process could register now: the partitions are there, not between an end and a restart. */
  get isOpen(): boolean {
    return !this.#partitions.includes(undefined);
  }

  /** How many registrations there are. */
  get size(): number {
    return this.tables.reduce((sum, { size }) => sum + size, 0);
  }

  /** A partition runs. */
  open(index: number, partition: Process): void {
    this.#partitions[index] = partition;
  }

  /** A process is gone, and all that it registered; if it was a partition, all that was kept with it (RGY-010). */
  forget(pid: Pid): void {
    const index = this.#partitions.findIndex((partition) => partition?.pid === pid);
    if (index === -1) {
      this.tableOf(pid).forget(pid);
    } else {
      this.#partitions[index] = undefined;
      this.tables[index % this.tables.length]?.clear();
    }
  }

  /**
   * Registers a process and links it to its partition.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a key that is none, and while the registry is restarted.
   */
  register(process: Process, key: RegistryKey, value: unknown): RegisterResult {
    const { pid } = process;
    const partition = this.#partitions[pid.id % this.#partitions.length];
    const table = this.tableOf(pid);
    if (partition === undefined) throw this.closed();
    const holder = this.plan.keys === 'unique' ? table.first(key) : undefined;
    if (holder !== undefined) {
      return { ok: false, error: { kind: 'alreadyRegistered', pid: holder.pid } };
    }
    table.add(pid, key, value);
    process.bonds.link(partition);
    this.#tell({ type: 'register', registry: this.plan.name, key, pid, value });
    return { ok: true, pid: partition.pid };
  }

  /** Removes all registrations of a process under a key (RGY-005); with the last one its link. */
  unregister(process: Process, key: RegistryKey): void {
    const { pid } = process;
    const table = this.tableOf(pid);
    const own = table.ofUnder(pid, key);
    if (own.length === 0) return;
    table.remove(own);
    const partition = this.#partitions[pid.id % this.#partitions.length];
    if (partition !== undefined && !table.has(pid)) process.bonds.unlink(partition);
    this.#tell({ type: 'unregister', registry: this.plan.name, key, pid });
  }

  /**
   * The table of unique keys.
   *
   * @param what - What needs it, for the message.
   * @throws {@link SnakepitError} INVALID_ARGUMENT when the keys are not unique (RGY-006, RGY-008).
   */
  uniqueTable(what: string): RegistryTable {
    const [table] = this.tables;
    if (this.plan.keys === 'unique' && table !== undefined) return table;
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the registry',
      value: this.plan.name,
      fault: `its keys are 'duplicate', and ${what} means one holder`,
      remedy: "Use a registry with keys: 'unique', or lookup() and dispatch().",
    });
  }

  /** The table in which the registrations of a process are. */
  tableOf(pid: Pid): RegistryTable {
    const table = this.tables[pid.id % this.tables.length];
    if (table === undefined) throw new Error('a registry has one table at least');
    return table;
  }

  /** Says that nobody can register just now. */
  closed(): SnakepitError {
    return coreError('INVALID_ARGUMENT', {
      argument: 'the registry',
      value: this.plan.name,
      fault: 'the process that would keep the registration has ended and is being restarted',
      remedy: 'Let the process fail and its supervisor start it again.',
    });
  }

  #tell(message: RegistryMessage): void {
    for (const listener of this.plan.listeners) this.#post(listener, message);
  }
}
