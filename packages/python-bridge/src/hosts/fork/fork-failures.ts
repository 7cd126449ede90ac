import { workerLabel } from '../../os/run-record-format.ts';
import { errorCode, messageOf } from '../../os/system-error.ts';
import { isRestartUseless } from '../local/exit-status.ts';
import { WorkerStartError, type StartFailure } from '../start-failure.ts';
import type { WorkerSpec } from '../worker-host.ts';

/** Why a fork server could not be started. */
export interface ForkServerFailure {
  /** Half a sentence. */
  readonly reason: string;
  /** Whether trying again cannot help. */
  readonly permanent: boolean;
  /** What the server said it was; `undefined` when it said nothing. */
  readonly code: string | undefined;
  /** For those who waited for it. */
  readonly failure: StartFailure;
  /** What was thrown. */
  readonly cause: unknown;
}

/** Which worker is not launched. */
export type LaunchedWorker = Pick<WorkerSpec, 'pool' | 'workerId' | 'incarnation'>;

/** Codes of a server that says why it cannot serve, with which it never can. */
const PERMANENT: ReadonlySet<string> = new Set([
  ...['PRELOAD_FAILED', 'PRELOAD_UNSAFE', 'FORK_UNSUPPORTED'],
]);

/** Codes of the operating system for a server that is going. */
const GOING: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE']);

/** Whether what went wrong with a connection says that the server is not there any more. */
export function isSignOfLoss(error: unknown): boolean {
  return GOING.has(errorCode(error) ?? '');
}

/** Puts what kept a server from serving into words. */
export function forkServerFailure(cause: unknown): ForkServerFailure {
  if (!(cause instanceof WorkerStartError)) {
    const detail = messageOf(cause);
    const failure = { kind: 'spawnFailed', code: errorCode(cause) ?? '', detail } as const;
    return { reason: detail, permanent: false, code: undefined, failure, cause };
  }
  const { failure } = cause;
  const said = 'failed' in failure ? failure.failed : undefined;
  return {
    reason: said?.message ?? cause.message,
    permanent: isPermanent(failure, said?.code),
    code: said?.code,
    failure,
    cause,
  };
}

/** The failure of a server that takes too long to import these modules. */
export function lateForkServer(timeoutMs: number, preload: readonly string[]): ForkServerFailure {
  const modules =
    preload.length === 0 ? '' : `; it imports ${preload.join(', ')} (pools[].preload)`;
  const reason = `it was not ready within ${String(timeoutMs)} ms (pools[].startupTimeout)${modules}`;
  const failure = { kind: 'late', detail: reason } as const;
  return { reason, permanent: false, code: undefined, failure, cause: undefined };
}

function isPermanent(failure: StartFailure, code: string | undefined): boolean {
  if (code !== undefined && PERMANENT.has(code)) return true;
  switch (failure.kind) {
    case 'interpreterNotFound':
    case 'cwdNotFound':
    case 'invalidSpec':
      return true;
    case 'exitedBeforeReady':
      return isRestartUseless(failure.exit);
    default:
      return false;
  }
}

/** What a launch is told that waited for a server which could not be started. */
export function withoutForkServer(
  worker: LaunchedWorker,
  { reason, failure, cause }: ForkServerFailure,
): WorkerStartError {
  const why = `its fork server could not be started: ${reason}`;
  return notLaunched(worker, why, sayingWhoEnded(failure), cause);
}

/** Read by those who know of workers only, the end of a server that said nothing is that of a worker. */
function sayingWhoEnded(failure: StartFailure): StartFailure {
  if (failure.kind !== 'exitedBeforeReady' || failure.failed !== undefined) return failure;
  const message = 'the fork server of its pool, while it imported what its workers share';
  return { ...failure, failed: { code: 'FORK_SERVER', message, traceback: null } };
}

/** What a launch is told when there is no server, through no fault of its own; it may be tried again at once. */
export function launchUnavailable(worker: LaunchedWorker, detail: string): WorkerStartError {
  return notLaunched(worker, detail, { kind: 'unavailable', detail });
}

/** What a launch is told that was given up, and of which there is no process. */
export function launchAborted(worker: LaunchedWorker): WorkerStartError {
  return notLaunched(worker, 'it was given up', { kind: 'aborted', ended: undefined });
}

/** What a launch is told whose server refused it. */
export function launchRefused(
  worker: LaunchedWorker,
  code: string,
  message: string,
): WorkerStartError {
  if (code === 'CANCELLED') return launchAborted(worker);
  const detail = `its fork server refused: ${message} (${code})`;
  return notLaunched(worker, detail, { kind: 'spawnFailed', code, detail });
}

/** What a launch is told whose connections could not be opened. */
export function launchUnconnected(worker: LaunchedWorker, cause: unknown): WorkerStartError {
  const code = errorCode(cause) ?? '';
  const detail = `its fork server cannot be reached: ${messageOf(cause)}`;
  return notLaunched(worker, detail, { kind: 'spawnFailed', code, detail }, cause);
}

function notLaunched(
  worker: LaunchedWorker,
  why: string,
  failure: StartFailure,
  cause?: unknown,
): WorkerStartError {
  const message = `worker ${workerLabel(worker)} cannot start: ${why}`;
  return new WorkerStartError(message, failure, cause === undefined ? undefined : { cause });
}
