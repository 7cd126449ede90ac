import type { Pid, RegistryKey, Router } from '@snakepit/core';
import { supervisorError } from './errors.ts';
import { partitionOf } from './partition-supervisor-key.ts';

/** Which process serves which partition; kept by the system as long as the supervisor lives. */
export class PartitionTable implements Router {
  /** How many partitions it was started with. */
  readonly limit: number;
  readonly #isAlive: (pid: Pid) => boolean;
  readonly #pids: (Pid | undefined)[];
  #count: number;
  #resized: Promise<unknown> = Promise.resolve();

  /**
   * @param count - How many partitions there are.
   * @param isAlive - Whether a process lives.
   */
  constructor(count: number, isAlive: (pid: Pid) => boolean) {
    this.limit = count;
    this.#count = count;
    this.#isAlive = isAlive;
    this.#pids = new Array<Pid | undefined>(count).fill(undefined);
  }

  /** How many partitions are routed to. */
  get count(): number {
    return this.#count;
  }

  /** Whether none is. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The process that serves a key; nobody while it is being restarted (OTP PAR-003). */
  find(key: RegistryKey): Pid | undefined {
    if (this.isEmpty) {
      throw supervisorError('INVALID_ARGUMENT', {
        argument: 'the partition supervisor',
        fault: 'it has zero partitions now, so there is nobody to route to',
        remedy: 'resize it to 1 or more first',
      });
    }
    const pid = this.#pids[partitionOf(key, this.#count)];
    return pid !== undefined && this.#isAlive(pid) ? pid : undefined;
  }

  /** A partition is served by this process from now on. */
  serve(partition: number, pid: Pid | undefined): void {
    this.#pids[partition] = pid;
  }

  /** From now on, keys are routed to the first so many partitions. */
  route(count: number): void {
    this.#count = count;
  }

  /** Does one step of resizing after the other. */
  inOrder<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#resized.then(step);
    this.#resized = done.catch(() => undefined);
    return done;
  }
}
