import type { ExitReason } from './exit-reason.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';

/** How a start ended: running, ignored (no pid), or failed. */
export type StartResult =
  | { readonly ok: true; readonly pid: Pid }
  | { readonly ok: true; readonly pid: undefined }
  | { readonly ok: false; readonly reason: ExitReason };

/** Told how a start ended: synchronously, before any later exit signal is sent. */
export type StartListener = (result: StartResult) => void;

/** A start that nobody has been told the end of. @internal */
export class PendingStart {
  readonly #process: Process;
  readonly #starter: Process | undefined;
  readonly #onStarted: StartListener | undefined;
  #result: StartResult | undefined;

  /**
   * @param process - Whose start.
   * @param starter - Who is linked and told, to be spared the EXIT of a failed start (GEN-009).
   * @param onStarted - Who wants to know.
   */
  constructor(
    process: Process,
    starter: Process | undefined,
    onStarted: StartListener | undefined,
  ) {
    this.#process = process;
    this.#starter = starter;
    this.#onStarted = onStarted;
  }

  /** It ends without a process, as no failure (GEN-004). */
  decline(): void {
    this.#result = { ok: true, pid: undefined };
  }

  /** It fails with this reason, whatever the process ends with (GEN-008). */
  refuse(reason: ExitReason): void {
    this.#result = { ok: false, reason };
  }

  /** The process is initialised. */
  succeed(): void {
    this.#tell({ ok: true, pid: this.#process.pid });
  }

  /** The process is gone before it was initialised. */
  end(reason: ExitReason): void {
    // A trapping starter learns of the failure by the result alone, without an EXIT message.
    if (this.#starter?.trapExit === true) this.#process.bonds.unlink(this.#starter);
    this.#tell(this.#result ?? { ok: false, reason });
  }

  #tell(result: StartResult): void {
    const { label, pid, runtime } = this.#process;
    const onStarted = this.#onStarted;
    if (onStarted === undefined) return;
    runtime.attempt(`who started ${label} ${pid.toString()}`, () => {
      onStarted(result);
    });
  }
}
