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
}
