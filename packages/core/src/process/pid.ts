/**
 * Names one process for ever; never reused (OTP PRC-001).
 *
 * Compared by identity. Holding one does not keep the process alive.
 */
export class Pid {
  /** Number within its system, from 1. */
  readonly id: number;

  /** @internal */
  constructor(id: number) {
    this.id = id;
    Object.freeze(this);
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
