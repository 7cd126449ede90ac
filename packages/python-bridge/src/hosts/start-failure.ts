import type { ExitStatus, OutputLine } from './worker-host.ts';

/** What a worker says before it gives up starting. */
export interface WorkerFailedMessage {
  /** `ADAPTER_NOT_FOUND`, `ADAPTER_IMPORT`, `ADAPTER_INVALID`, `ENVIRONMENT`, `LISTEN`; of a fork server `PRELOAD_FAILED`, `PRELOAD_UNSAFE`, `FORK_UNSUPPORTED`, and `FORK_SERVER` in place of one that said nothing. */
  readonly code: string;
  /** What is wrong, in the worker's words. */
  readonly message: string;
  /** Python traceback, if an exception was the reason. */
  readonly traceback: string | null;
}

/** How far a worker came that ended before it was ready. */
export interface EndedEarly {
  /** How the operating system says it ended. */
  readonly exit: ExitStatus;
  /** Its last lines on stdout and stderr, oldest first. */
  readonly lastOutput: readonly OutputLine[];
  /** Its own explanation, if it had time for one. */
  readonly failed: WorkerFailedMessage | undefined;
}

/** Why a worker did not start. Those without an exit status made no process. */
export type StartFailure =
  /** The interpreter is not there (`ENOENT`) or may not be run (`EACCES`). */
  | { readonly kind: 'interpreterNotFound'; readonly executable: string; readonly code: string }
  /** The working directory is not there. */
  | { readonly kind: 'cwdNotFound'; readonly cwd: string }
  /** The operating system refused (`EAGAIN`, `EMFILE`, `E2BIG`, …). */
  | { readonly kind: 'spawnFailed'; readonly code: string; readonly detail: string }
  /** What its launch waits for was not there in time. */
  | { readonly kind: 'late'; readonly detail: string }
  /** What was asked for cannot be started by this host. */
  | { readonly kind: 'invalidSpec'; readonly detail: string }
  /** The host has no room, or is closed. */
  | { readonly kind: 'unavailable'; readonly detail: string }
  /** A worker that others start does not answer at its address, or refuses us; `wasReached` says whether it has answered before. */
  | { readonly kind: 'unreachable'; readonly detail: string; readonly wasReached: boolean }
  /** The caller gave up; `ended` is there when a process had been made, which is gone now. */
  | { readonly kind: 'aborted'; readonly ended: EndedEarly | undefined }
  /** It ended before it was ready. */
  | ({ readonly kind: 'exitedBeforeReady' } & EndedEarly)
  /** It said something that is no beat message, and was ended for it. */
  | ({ readonly kind: 'protocol'; readonly detail: string } & EndedEarly);

/**
 * A worker that did not start.
 *
 * Internal to the bridge: what a user sees is a `SnakepitError` made from {@link StartFailure}.
 */
export class WorkerStartError extends Error {
  /** What happened, as data. */
  readonly failure: StartFailure;

  constructor(message: string, failure: StartFailure, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WorkerStartError';
    this.failure = failure;
  }
}
