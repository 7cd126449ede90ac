import {
  isSnakepitError,
  type ActorSystem,
  type HealthCheck,
  type ProcessInfo,
} from '@snakepit/core';
import { watchdogName } from '../os/watchdog.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import { circuitBreakerName } from '../resilience/circuit-breaker.ts';
import {
  flatten,
  isHeld,
  poolStatsOf,
  workersOf,
  type PoolStats,
  type WorkerInfo,
} from '../status.ts';
import { remedyFor } from '../worker/failure-cause.ts';
import { viewOf } from './process-views.ts';
import { redactText } from './redact-text.ts';
import type { WorkerEnd, WorkerEnds } from './worker-ends.ts';

/** Characters of a message of somebody else in ours. */
const maxMessage = 500;
/** A queue that is so full will soon refuse calls. */
const nearlyFull = 0.9;

/** What is needed to judge pools. */
export interface ChecksParts {
  /** Where they live. */
  readonly system: ActorSystem;
  /** How their workers ended. */
  readonly ends: WorkerEnds;
  /** Whether all workers of a pool have been ready once. */
  readonly hasStarted: (pool: string) => boolean;
}

type Found = Pick<HealthCheck, 'status' | 'message' | 'remedy'>;

/** How a pool is, and each of its workers. */
export function poolCheck(runtime: PoolRuntime, parts: ChecksParts): HealthCheck {
  const { name } = runtime.config;
  const stats = poolStatsOf(parts.system, runtime);
  const workers = workersOf(parts.system, [runtime]).filter(
    ({ id }) => runtime.seatOf(id)?.membership !== 'leaving',
  );
  const { queued, inFlight, workers: counts } = stats;
  return {
    name: `pool ${name}`,
    isStarted: parts.hasStarted(name),
    ...judgePool(runtime, stats, parts.system),
    details: {
      ...{ pool: name, state: stats.state, queued, inFlight },
      ...{ size: counts.size, ready: counts.ready, restarts: counts.restarts },
      oldestWaitMs: runtime.dispatcher.oldestWaitMs(),
    },
    parts: workers.map((worker) => workerCheck(worker, runtime, parts.ends)),
  };
}

function judgePool(runtime: PoolRuntime, stats: PoolStats, system: ActorSystem): Found {
  const { maxQueueSize, name } = runtime.config;
  const { size, ready } = stats.workers;
  const oneOf = `${String(ready)} of ${String(size)} workers are ready`;
  if (stats.state === 'down') return downPool(name);
  if (ready === 0) return { status: 'down', message: oneOf, remedy: 'see its workers.' };
  const breaker = infoOf(system, circuitBreakerName(name))?.stateValue;
  if (breaker === 'open' || breaker === 'halfOpen') {
    return {
      status: breaker === 'open' ? 'down' : 'degraded',
      message: `${oneOf}, but its circuit breaker is ${breaker === 'open' ? 'open: calls are refused' : 'trying a few calls'}`,
      remedy:
        'find why calls fail (panel "calls", the log); it closes by itself when calls succeed again (pools[].circuitBreaker).',
    };
  }
  if (stats.queued >= maxQueueSize * nearlyFull) {
    return {
      status: 'degraded',
      message: `${oneOf}, and ${String(stats.queued)} of at most ${String(maxQueueSize)} calls wait: the next may be refused`,
      remedy:
        'add workers (pools[].size, resize()), call less at once, or raise pools[].maxQueueSize.',
    };
  }
  if (ready < size) return { status: 'degraded', message: oneOf, remedy: 'see its workers.' };
  return { status: 'ok', message: oneOf };
}

function downPool(name: string): Found {
  return {
    status: 'down',
    message: `the process of pool "${name}" is not running`,
    remedy:
      'its supervisor starts it again; if it stays so, read the reports of the supervisors in the log.',
  };
}

function workerCheck(worker: WorkerInfo, { seatOf }: PoolRuntime, ends: WorkerEnds): HealthCheck {
  const { id, pool, state, osPid, restarts, inFlight, heartbeat } = worker;
  const history = seatOf(id)?.history;
  const lastEnd = ends.last(id);
  return {
    name: `worker ${id}`,
    isStarted: (history?.starts ?? 0) > 0,
    ...judgeWorker(worker, lastEnd, history?.failedStarts ?? 0),
    details: { pool, id, state, osPid, restarts, inFlight, heartbeat, lastEnd },
  };
}

function judgeWorker(
  { id, state, failure, heartbeat, inFlight }: WorkerInfo,
  lastEnd: WorkerEnd | undefined,
  failedStarts: number,
): Found {
  if (isHeld(state)) return held(inFlight);
  if (state.startsWith('ready')) return judgeHeartbeat(heartbeat);
  if (failure !== undefined) {
    return {
      status: 'down',
      message: `it is given up (${failure.cause}): ${redactText(failure.message, maxMessage)}`,
      remedy: `${remedyFor[failure.cause]} Then revive('${id}') starts it again.`,
    };
  }
  const now = doing(state);
  if (lastEnd?.cause === undefined) return { status: 'down', message: `it is ${now}` };
  const tries = failedStarts > 0 ? ` (${String(failedStarts)} starts in a row have failed)` : '';
  return {
    status: 'down',
    message: `it is ${now}${tries}; the last time it ended so: ${describeEnd(lastEnd)}`,
    remedy: remedyFor[lastEnd.cause],
  };
}

function judgeHeartbeat(heartbeat: WorkerInfo['heartbeat']): Found {
  const { beats, serving } = heartbeat ?? {};
  const missed = Math.max(beats?.missed ?? 0, serving?.missed ?? 0);
  if (missed === 0) return { status: 'ok', message: 'it serves' };
  const where = (beats?.missed ?? 0) > 0 ? 'its beat channel' : 'where its calls go';
  return {
    status: 'degraded',
    message: `it has missed ${String(missed)} heartbeats in a row (${where}); it is replaced when it goes on so`,
    remedy:
      'look for code that holds the GIL or blocks the event loop of Python, for a stopped process and for a machine without memory (pools[].heartbeat).',
  };
}

function held(inFlight: number): Found {
  const still = inFlight === 0 ? 'has none' : `still executes ${String(inFlight)}`;
  return {
    status: 'degraded',
    message: `it takes no calls, because somebody drained it; it ${still}`,
    remedy: 'the action "serve" of the visualiser lets it take calls again; so does a restart.',
  };
}

/** What a worker does that is not ready. */
function doing(state: string): string {
  if (state === 'down') return 'down, and will be started by its starter';
  if (state.startsWith('backingOff')) return 'pausing before its next start';
  if (state.startsWith('reserving') || state.startsWith('starting')) return `starting (${state})`;
  return `ending (${state})`;
}

function describeEnd({ reason, cause, exitCode, signal, lastOutput }: WorkerEnd): string {
  const how =
    signal === undefined
      ? exitCode === undefined
        ? reason
        : `${reason}, exit code ${String(exitCode)}`
      : `${reason}, ${signal}`;
  const last = lastOutput.findLast((line) => line.trim() !== '');
  return `${how} (${cause ?? 'no failure'})${last === undefined ? '' : `; it printed last: ${last.trim()}`}`;
}

/** How the watchdog is; `undefined` where there is none. */
export function watchdogCheck(system: ActorSystem): HealthCheck | undefined {
  const process = infoOf(system, watchdogName);
  const view = process === undefined ? undefined : viewOf(process);
  if (process === undefined || view?.role !== 'watchdog') return undefined;
  const { osPid, deaths, failures, why, fault } = view.context;
  const state = flatten(process.stateValue);
  const details = { state, osPid, deaths, failures };
  const about = { name: 'watchdog', isStarted: deaths > 0 || state === 'guarding', details };
  if (fault !== undefined) {
    return {
      ...{
        ...about,
        status: 'degraded',
        message: `the watchdog cannot do its work here: ${fault}`,
      },
      remedy:
        'see docs/watchdog.md; without it the other layers still end the workers of a dead Node.',
    };
  }
  if (state === 'guarding') return { ...about, status: 'ok', message: 'it guards' };
  return {
    ...{ ...about, status: 'degraded' },
    message: `no watchdog guards at present (${state})${why === undefined ? '' : `: ${why}`}`,
    remedy: 'one is started again and again; it needs a POSIX `sh` and room for one more process.',
  };
}

/** What is the case once nothing will serve any more. */
export function overCheck(why: Error): HealthCheck {
  const about = { name: 'supervision', status: 'down', isStarted: true } as const;
  if (isSnakepitError(why) && why.code === 'SHUTTING_DOWN') {
    return { ...about, message: 'it is being stopped: calls that were taken are finished' };
  }
  return {
    ...about,
    isFinal: true,
    message: redactText(why.message, maxMessage),
    remedy: 'start the program again; the reports of the supervisors in the log tell why it ended.',
  };
}

function infoOf(system: ActorSystem, name: string): ProcessInfo | undefined {
  const pid = system.whereis(name);
  return pid === undefined ? undefined : system.processInfo(pid);
}
