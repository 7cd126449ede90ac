import { coreError } from '../errors.ts';
import { inspect } from '../inspect.ts';

/**
 * Names one process for ever; never reused (OTP PRC-001).
 *
 * Compared by identity. Holding one does not keep the process alive.
 */
export class Pid {
  /** Number within its system, from 1. */
  readonly id: number;
  readonly #home: Pid | undefined;

  /** @internal */
  constructor(id: number, home?: Pid) {
    this.id = id;
    this.#home = home;
    Object.freeze(this);
  }

  /** Whether it was given out by another system than the one that this pid stands for. @internal */
  isForeignTo(home: Pid): boolean {
    return this.#home !== undefined && this.#home !== home;
  }

  /** As people write it: `<12>`. */
  toString(): string {
    return `<${String(this.id)}>`;
  }

  /** The same in JSON. */
  toJSON(): string {
    return this.toString();
  }

  /** The same where it is printed. */
  [inspect](): string {
    return this.toString();
  }
}

/**
 * Checks a pid that names no living process.
 *
 * @param home - Stands for the system that it is used in.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no pid, or was given out by another system.
 * @internal
 */
export function checkPid(pid: unknown, home: Pid): void {
  const isPid = pid instanceof Pid;
  if (isPid && !pid.isForeignTo(home)) return;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the pid',
    value: isPid ? pid.toString() : pid,
    fault: isPid ? 'it is of another system' : 'it is no pid',
    remedy: 'Give a pid that this system gave, such as the `pid` of a reference.',
  });
}
