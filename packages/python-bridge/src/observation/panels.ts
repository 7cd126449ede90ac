import type { ActorSystem } from '@snakepit/core';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import type { SessionDirectory } from '../pool/session-directory.ts';
import { circuitBreakerName } from '../resilience/circuit-breaker.ts';
import { flatten, poolStatsOf } from '../status.ts';
import { keptCalls, type WatchedCall } from './call-watch.ts';
import type { WorkerEnds } from './worker-ends.ts';

/** Sessions that are shown; there may be very many. */
const shownSessions = 200;

/** What the tables are made of. */
export interface PanelsParts {
  /** Where the pools live. */
  readonly system: ActorSystem;
  /** The pools. */
  readonly runtimes: readonly PoolRuntime[];
  /** The sessions. */
  readonly sessions: Pick<SessionDirectory, 'describe'>;
  /** How workers ended. */
  readonly ends: Pick<WorkerEnds, 'failures'>;
}

/** The tables of this package; plain JSON. */
export function panelsOf(parts: PanelsParts): Readonly<Record<string, unknown>> {
  const { system, runtimes, sessions, ends } = parts;
  const watches = runtimes.map(({ calls }) => calls);
  const latest = (a: WatchedCall, b: WatchedCall): number => b.at - a.at;
  const slowest = (a: WatchedCall, b: WatchedCall): number => b.durationMs - a.durationMs;
  return {
    pools: runtimes.map((runtime) => poolRow(runtime, system, ends)),
    calls: {
      slowest: watches
        .flatMap((watch) => watch.slowest())
        .sort(slowest)
        .slice(0, keptCalls),
      failing: watches
        .flatMap((watch) => watch.failing())
        .sort(latest)
        .slice(0, keptCalls),
    },
    sessions: sessions.describe(shownSessions),
  };
}

function poolRow(
  runtime: PoolRuntime,
  system: ActorSystem,
  ends: PanelsParts['ends'],
): Readonly<Record<string, unknown>> {
  const { config, dispatcher, calls, workerIds } = runtime;
  const { name, concurrency, maxQueueSize, queueTimeoutMs, adapter } = config;
  const { workers, ...counts } = poolStatsOf(system, runtime);
  const breaker = system.processInfo(system.whereis(circuitBreakerName(name)));
  return {
    ...{ name, adapter, concurrency, maxQueueSize, ...workers, ...counts },
    queueTimeoutMs: queueTimeoutMs === Infinity ? undefined : queueTimeoutMs,
    failures: workerIds.reduce((sum, id) => sum + ends.failures(id), 0),
    oldestWaitMs: dispatcher.oldestWaitMs(),
    circuit: breaker === undefined ? undefined : flatten(breaker.stateValue),
    latency: calls.latencies(),
  };
}
