import { isSnakepitError } from '@snakepit/core';
import { adapterFailed, bridgeError } from '../errors.ts';
import { describeExit, isRestartUseless } from '../hosts/local/exit-status.ts';
import { messageOf } from '../os/system-error.ts';
import { WorkerStartError, type EndedEarly, type StartFailure } from '../hosts/start-failure.ts';
import type { ExitStatus, OutputLine } from '../hosts/worker-host.ts';
import type { WorkerDeath } from './worker-connection.ts';
import type { WorkerFailure } from './worker-life.ts';

/** Lines of output that go into an error's message. */
const shownLines = 20;

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
  if (isSnakepitError(error)) return { error, permanent: false };
  if (!(error instanceof WorkerStartError)) {
    const reason = messageOf(error);
    return {
      error: bridgeError('WORKER_START_FAILED', { ...ids, reason }, { cause: error }),
      permanent: false,
    };
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
        cause,
      );
    case 'cwdNotFound':
      return environment(
        `the working directory "${failure.cwd}" of the workers does not exist`,
        'correct pools[].cwd.',
        cause,
      );
    case 'exitedBeforeReady':
      return endedEarly(cause, failure, worker);
    case 'protocol':
      return {
        error: bridgeError('PROTOCOL', { ...ids, problem: failure.detail }, { cause }),
        permanent: false,
      };
    default:
      return {
        error: bridgeError('WORKER_START_FAILED', { ...ids, reason: cause.message }, { cause }),
        permanent: failure.kind === 'invalidSpec',
      };
  }
}

function environment(problem: string, advice: string, cause: Error): WorkerFailure {
  return { error: bridgeError('ENVIRONMENT', { problem, advice }, { cause }), permanent: true };
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
    case 'ADAPTER_INVALID': {
      const { code: reason, message } = failed;
      const traceback = failed.traceback ?? '';
      const details = { pool, worker: workerId, adapter, reason, message, traceback };
      return { error: adapterFailed(details), permanent };
    }
    case 'ENVIRONMENT':
      return environment(
        `the Python environment cannot run a worker: ${failed.message}`,
        'run `npx snakepit setup`, or name a Python that has grpcio and protobuf with pools[].python; `npx snakepit doctor` tells what is missing.',
        cause,
      );
    default: {
      const reason = `it ${describeExit(ended.exit)}${failed === undefined ? '' : ` (${failed.message})`}`;
      const lastOutput = linesOf(ended.lastOutput);
      const details = { pool, worker: workerId, reason, lastOutput };
      return { error: bridgeError('WORKER_START_FAILED', details, { cause }), permanent };
    }
  }
}

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
  return { error: bridgeError('WORKER_START_FAILED', details), permanent: false };
}

/** The failure of a start whose first call was not answered. */
export function connectFailure(cause: unknown, worker: FailedWorker): WorkerFailure {
  const reason = `it was ready, but its first call failed: ${messageOf(cause)}`;
  const details = { pool: worker.pool, worker: worker.workerId, reason };
  return { error: bridgeError('WORKER_START_FAILED', details, { cause }), permanent: false };
}

/** The failure of a start whose first call takes too long. */
export function lateConnection(worker: FailedWorker, timeoutMs: number): WorkerFailure {
  const reason = `it was ready, but did not answer its first call within ${String(timeoutMs)} ms`;
  const details = { pool: worker.pool, worker: worker.workerId, reason };
  return { error: bridgeError('WORKER_START_FAILED', details), permanent: false };
}

/** What calls in flight are told when their worker died. */
export function deathOf(exit: ExitStatus, lastOutput: readonly OutputLine[]): WorkerDeath {
  return {
    reason: `it ${describeExit(exit)}`,
    exitCode: exit.kind === 'exited' ? exit.code : undefined,
    signal: exit.kind === 'signalled' ? exit.signal : undefined,
    lastOutput: linesOf(lastOutput),
  };
}

/** The failure of a worker that died while it served. */
export function crash(worker: FailedWorker, death: WorkerDeath): WorkerFailure {
  const details = { pool: worker.pool, worker: worker.workerId, ...death };
  return { error: bridgeError('WORKER_CRASHED', details), permanent: false };
}

function linesOf(lines: readonly OutputLine[]): readonly string[] {
  return lines.slice(-shownLines).map(({ text }) => text);
}
