import { isSnakepitError } from '@snakepit/core';
import { bridgeError, type ErrorIds } from '../errors.ts';
import { adapterFailed } from '../python-exception.ts';
import { describeExit, isRestartUseless } from '../hosts/local/exit-status.ts';
import { messageOf } from '../os/system-error.ts';
import {
  WorkerStartError,
  type EndedEarly,
  type StartFailure,
  type WorkerFailedMessage,
} from '../hosts/start-failure.ts';
import type { ExitStatus, OutputLine } from '../hosts/worker-host.ts';
import type { WorkerDeath } from './worker-connection.ts';
import type { FailureCause, WorkerFailure } from './failure-cause.ts';

/** Lines of output that go into an error's message. */
const shownLines = 20;
/** Of these, lines before a crash in native code. */
const linesBeforeCrash = 3;
/** Characters of each. */
const shownCharacters = 500;

/** Which worker a failure is about, and what it was to run. */
export interface FailedWorker {
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker. */
  readonly workerId: string;
  /** Dotted path of its adapter. */
  readonly adapter: string;
}

/** The failure of a start, as the user sees it, with whether trying again can help. */
export function startFailure(error: unknown, worker: FailedWorker): WorkerFailure {
  const ids = { pool: worker.pool, worker: worker.workerId };
  if (isSnakepitError(error)) return { error, cause: 'supervision', permanent: false };
  if (!(error instanceof WorkerStartError)) {
    return notStarted({ ...ids, reason: messageOf(error) }, 'supervision', error);
  }
  return fromHost(error, error.failure, worker);
}

function fromHost(
  cause: WorkerStartError,
  failure: StartFailure,
  worker: FailedWorker,
): WorkerFailure {
  const ids = { pool: worker.pool, worker: worker.workerId };
  switch (failure.kind) {
    case 'interpreterNotFound':
      return environment(
        `the Python interpreter "${failure.executable}" cannot be started (${failure.code})`,
        'name an interpreter that exists with pools[].python or SNAKEPIT_PYTHON, or run `npx snakepit setup`.',
        'environment',
        cause,
      );
    case 'cwdNotFound':
      return environment(
        `the working directory "${failure.cwd}" of the workers does not exist`,
        'correct pools[].cwd.',
        'configuration',
        cause,
      );
    case 'exitedBeforeReady':
      return endedEarly(cause, failure, worker);
    case 'protocol':
      return misunderstood({ ...ids, problem: failure.detail }, cause);
    case 'invalidSpec': {
      const { error } = notStarted({ ...ids, reason: cause.message }, 'configuration', cause);
      return { error, cause: 'configuration', permanent: true };
    }
    case 'unreachable': {
      const found = notStarted({ ...ids, reason: cause.message }, 'unreachable', cause);
      // Whoever starts it will start it again; how long that takes is not for us to limit.
      return failure.wasReached ? { ...found, uncounted: true } : found;
    }
    case 'late':
      return notStarted({ ...ids, reason: cause.message }, 'timeout', cause);
    case 'unavailable':
      return {
        ...notStarted({ ...ids, reason: cause.message }, 'supervision', cause),
        uncounted: true,
      };
    default:
      return notStarted({ ...ids, reason: cause.message }, 'noProcess', cause);
  }
}

function notStarted(
  details: ErrorIds & { readonly reason: string; readonly lastOutput?: readonly string[] },
  cause: FailureCause,
  error?: unknown,
): WorkerFailure {
  const options = error === undefined ? undefined : { cause: error };
  return {
    error: bridgeError('WORKER_START_FAILED', { ...details, failure: cause }, options),
    cause,
    permanent: false,
  };
}

function misunderstood(
  details: ErrorIds & { readonly problem: string },
  cause: Error,
): WorkerFailure {
  const error = bridgeError('PROTOCOL', details, { cause });
  return { error, cause: 'protocol', permanent: false };
}

function environment(
  problem: string,
  advice: string,
  cause: FailureCause,
  error: Error,
): WorkerFailure {
  const details = { problem, advice };
  return { error: bridgeError('ENVIRONMENT', details, { cause: error }), cause, permanent: true };
}

function endedEarly(
  cause: WorkerStartError,
  ended: EndedEarly,
  { pool, workerId, adapter }: FailedWorker,
): WorkerFailure {
  const { failed } = ended;
  const permanent = isRestartUseless(ended.exit);
  switch (failed?.code) {
    case 'ADAPTER_NOT_FOUND':
    case 'ADAPTER_IMPORT':
    case 'ADAPTER_INVALID':
    case 'ADAPTER_NOT_THREAD_SAFE': {
      const { code: reason, message } = failed;
      const traceback = failed.traceback ?? '';
      const details = { pool, worker: workerId, adapter, reason, message, traceback };
      return { error: adapterFailed(details), cause: 'importError', permanent };
    }
    case 'ENVIRONMENT':
      return environment(
        `the Python environment cannot run a worker: ${failed.message}`,
        'run `npx snakepit setup`, or name a Python that has grpcio and protobuf with pools[].python; `npx snakepit doctor` tells what is missing.',
        'environment',
        cause,
      );
    case 'PRELOAD_FAILED':
    case 'PRELOAD_UNSAFE':
    case 'FORK_UNSUPPORTED':
      return withoutForking(cause, failed, { pool, worker: workerId });
    default: {
      const reason = `it ${describeExit(ended.exit)}${failed === undefined ? '' : ` (${failed.message})`}`;
      const kind = failed?.code === 'LISTEN' ? 'socket' : causeOfExit(ended.exit);
      const ids = { pool, worker: workerId };
      if (kind === 'protocol') return misunderstood({ ...ids, problem: reason }, cause);
      const lastOutput = linesOf(ended.lastOutput);
      return { ...notStarted({ ...ids, reason, lastOutput }, kind, cause), permanent };
    }
  }
}

/** What its fork server said when it could not fork. */
function withoutForking(
  cause: WorkerStartError,
  { code, message, traceback }: WorkerFailedMessage,
  ids: ErrorIds,
): WorkerFailure {
  const reason = `its fork server cannot fork: ${message}`;
  const lastOutput = (traceback?.trimEnd().split('\n') ?? []).slice(-shownLines).map(shorten);
  const kind = code === 'PRELOAD_FAILED' ? 'importError' : 'configuration';
  return { ...notStarted({ ...ids, reason, lastOutput }, kind, cause), permanent: true };
}

/** What an end by itself tells of its cause. */
function causeOfExit(exit: ExitStatus): FailureCause {
  switch (exit.kind) {
    case 'outOfMemory':
      return 'outOfMemory';
    case 'signalled':
      return nativeCrashes.has(exit.signal) ? 'nativeCrash' : 'killed';
    case 'exited':
      return causeOfCode.get(exit.code) ?? 'exited';
    default:
      return 'killed';
  }
}

const nativeCrashes: ReadonlySet<string> = new Set([
  ...['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'],
]);

const causeOfCode: ReadonlyMap<number, FailureCause> = new Map([
  [2, 'configuration'],
  [69, 'environment'],
  [76, 'protocol'],
  [78, 'configuration'],
]);

/** The failure of a start that took too long. */
export function lateStart(
  worker: FailedWorker,
  timeoutMs: number,
  lastOutput: readonly OutputLine[],
): WorkerFailure {
  const details = {
    pool: worker.pool,
    worker: worker.workerId,
    reason: `it was not ready within ${String(timeoutMs)} ms (pools[].startupTimeout)`,
    lastOutput: linesOf(lastOutput),
  };
  return notStarted(details, 'timeout');
}

/** The failure of a start whose first call was not answered. */
export function connectFailure(cause: unknown, worker: FailedWorker): WorkerFailure {
  const why = isSnakepitError(cause) ? cause.details['reason'] : undefined;
  const reason = `it was ready, but its first call failed: ${typeof why === 'string' ? why : messageOf(cause)}`;
  const details = { pool: worker.pool, worker: worker.workerId, reason };
  return notStarted(details, 'socket', cause);
}

/** What calls are told whose worker is killed because its connection is lost. */
export function sicknessOfConnection(error: Error): Pick<WorkerDeath, 'reason' | 'failure'> {
  const why = isSnakepitError(error) ? (error.details['problem'] ?? error.details['reason']) : '';
  const reason = `its connection broke: ${typeof why === 'string' && why !== '' ? why : error.message}`;
  return { reason, failure: 'socket' };
}

/** The failure of a worker whose connection was lost while it served. */
export function lostConnection(error: Error, worker: FailedWorker): WorkerFailure {
  const unknown = { exitCode: undefined, signal: undefined, lastOutput: [] };
  return crash(worker, { ...sicknessOfConnection(error), ...unknown });
}

/** The failure of a start whose first call takes too long. */
export function lateConnection(worker: FailedWorker, timeoutMs: number): WorkerFailure {
  const reason = `it was ready, but did not answer its first call within ${String(timeoutMs)} ms`;
  const details = { pool: worker.pool, worker: worker.workerId, reason };
  return notStarted(details, 'timeout');
}

/** What calls in flight are told when their worker died. */
export function deathOf(exit: ExitStatus, lastOutput: readonly OutputLine[]): WorkerDeath {
  return {
    reason: `it ${describeExit(exit)}`,
    exitCode: exit.kind === 'exited' ? exit.code : undefined,
    signal: signalOf(exit),
    failure: causeOfExit(exit),
    lastOutput: linesOf(lastOutput),
  };
}

/** The failure of a start whose worker had said that it was ready, and died before its first answer. */
export function diedBeforeServing(worker: FailedWorker, death: WorkerDeath): WorkerFailure {
  const { reason, failure, lastOutput } = death;
  const ids = { pool: worker.pool, worker: worker.workerId };
  return notStarted({ ...ids, reason, lastOutput }, failure);
}

/** The failure of a worker that died while it served. */
export function crash(worker: FailedWorker, death: WorkerDeath): WorkerFailure {
  const details = { pool: worker.pool, worker: worker.workerId, ...death };
  const error = bridgeError('WORKER_CRASHED', details);
  return { error, cause: death.failure, permanent: false };
}

function signalOf(exit: ExitStatus): string | undefined {
  if (exit.kind === 'outOfMemory') return 'SIGKILL';
  return exit.kind === 'signalled' ? exit.signal : undefined;
}

/**
 * The last lines; of a crash in native code those from its beginning, because Python then prints the stacks of all
 * threads, that of the culprit first.
 */
function linesOf(lines: readonly OutputLine[]): readonly string[] {
  const crashAt = lines.findLastIndex(({ text }) => text.startsWith('Fatal Python error: '));
  const from = crashAt < 0 ? lines.length - shownLines : crashAt - linesBeforeCrash;
  return lines
    .slice(Math.max(0, from))
    .slice(0, shownLines)
    .map(({ text }) => shorten(text));
}

function shorten(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
