import { exitReason, type ExitReason } from './exit-reason.ts';

/** Thrown by `self.exit(reason)` to unwind a callback; never leaves the runtime. @internal */
export class ExitRequest extends Error {
  /** The reason asked for. */
  readonly reason: ExitReason;

  /** @param reason - The reason asked for. */
  constructor(reason: ExitReason) {
    super('this process ends itself');
    this.reason = reason;
  }
}

/** With which reason a process ends whose code threw this (PRC-003, PRC-004). @internal */
export function reasonOfThrown(thrown: unknown): ExitReason {
  return thrown instanceof ExitRequest ? thrown.reason : exitReason.error(thrown);
}
