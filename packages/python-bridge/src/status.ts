import type { ActorSystem, ProcessInfo } from '@snakepit/core';
import type { Containment } from './hosts/worker-host.ts';
import type { DispatcherStats } from './pool/dispatcher.ts';
import { poolName } from './pool/pool.ts';
import type { PoolRuntime } from './pool/pool-runtime.ts';
import type { FailureCause } from './worker/failure-cause.ts';
import { watchdogName } from './os/watchdog.ts';
import { workerName } from './worker/grpc-worker.ts';
import { heartbeatOf, type WorkerHeartbeat } from './worker/heartbeat-status.ts';
import type { WorkerHistory } from './worker/worker-history.ts';

/** One worker, as plain data. */
export interface WorkerInfo {
  /** Its id, the same through all restarts. */
  readonly id: string;
  /** Its pool. */
  readonly pool: string;
  /** Where it is in its life, as its chart names it, such as `ready.idle`; `failed` when given up, `down` while it is not there. */
  readonly state: string;
  /** Number of its operating system process, while it has one. */
  readonly osPid: number | undefined;
  /** How often it became ready again after the first time. */
  readonly restarts: number;
  /** Calls that it is executing. */
  readonly inFlight: number;
  /** How it answers its heartbeat; `undefined` while it is not ready, and without heartbeats. */
  readonly heartbeat: WorkerHeartbeat | undefined;
  /** What holds the processes that it starts; see `descendants`. */
  readonly containment: Containment;
  /** Why it was given up, if it was; `revive` starts it anew. */
  readonly failure: { readonly cause: FailureCause; readonly message: string } | undefined;
}

/** Counts of one pool. */
export interface PoolStats extends DispatcherStats {
  /** Where the pool is, as its chart names it, such as `running.serving`. */
  readonly state: string;
  /** Its workers. */
  readonly workers: { readonly size: number; readonly ready: number; readonly restarts: number };
}

/** Counts of all pools: `accepted = succeeded + failed + cancelled + queued + inFlight`. */
export interface Stats extends DispatcherStats {
  /** Each pool by name. */
  readonly pools: Readonly<Record<string, PoolStats>>;
}

/** Whether calls can be served. */
export interface Health {
  /** `ok`: every worker is ready; `degraded`: some are; `down`: a pool has none. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** The same for each pool. */
  readonly pools: Readonly<
    Record<
      string,
      { readonly status: Health['status']; readonly ready: number; readonly size: number }
    >
  >;
  /** The watchdog, where a pool asked for one: `guarding`, or what it is doing instead, and its process. */
  readonly watchdog?: { readonly state: string; readonly osPid: number | undefined };
}

const nothing: DispatcherStats = {
  accepted: 0,
  refused: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  queued: 0,
  inFlight: 0,
  retried: 0,
};

/** Every worker of these pools, in order. */
export function workersOf(system: ActorSystem, pools: Iterable<PoolRuntime>): WorkerInfo[] {
  return [...pools].flatMap((pool) =>
    pool.workerIds.map((id) => {
      const { name } = pool.config;
      const process = infoOf(system, workerName(name, id));
      return {
        id,
        pool: name,
        state: stateOf(process, pool.historyOf(id)),
        osPid: osPidOf(process),
        restarts: Math.max(0, (pool.historyOf(id)?.starts ?? 0) - 1),
        inFlight: pool.dispatcher.inFlightOf(id),
        heartbeat: heartbeatOf(system, process),
        containment: pool.containment(),
        failure: failureOf(process, pool.historyOf(id)),
      };
    }),
  );
}

/** Counts of these pools. */
export function statsOf(system: ActorSystem, pools: Iterable<PoolRuntime>): Stats {
  const byName: Record<string, PoolStats> = {};
  let sum = nothing;
  for (const pool of pools) {
    const { name } = pool.config;
    const counts = pool.dispatcher.stats();
    const workers = workersOf(system, [pool]);
    byName[name] = {
      ...counts,
      state: flatten(infoOf(system, poolName(name))?.stateValue ?? 'down'),
      workers: {
        size: workers.length,
        ready: workers.filter(isReady).length,
        restarts: workers.reduce((total, { restarts }) => total + restarts, 0),
      },
    };
    sum = add(sum, counts);
  }
  return { ...sum, pools: byName };
}

/** Whether these pools can serve calls. */
export function healthOf(system: ActorSystem, pools: Iterable<PoolRuntime>): Health {
  const byName: Record<string, Health['pools'][string]> = {};
  for (const pool of pools) {
    const workers = workersOf(system, [pool]);
    const ready = workers.filter(isReady).length;
    const status = ready === workers.length ? 'ok' : ready > 0 ? 'degraded' : 'down';
    byName[pool.config.name] = { status, ready, size: workers.length };
  }
  const all = Object.values(byName).map(({ status }) => status);
  const status = all.includes('down') ? 'down' : all.includes('degraded') ? 'degraded' : 'ok';
  const guard = infoOf(system, watchdogName);
  if (guard === undefined) return { status, pools: byName };
  const watchdog = { state: flatten(guard.stateValue), osPid: osPidOf(guard) };
  return { status, pools: byName, watchdog };
}

function infoOf(system: ActorSystem, name: string): ProcessInfo | undefined {
  const pid = system.whereis(name);
  return pid === undefined ? undefined : system.processInfo(pid);
}

function stateOf(process: ProcessInfo | undefined, history: WorkerHistory | undefined): string {
  if (process !== undefined) return flatten(process.stateValue);
  return history?.givenUp === undefined ? 'down' : 'failed';
}

function failureOf(
  process: ProcessInfo | undefined,
  history: WorkerHistory | undefined,
): WorkerInfo['failure'] {
  if (process !== undefined || history?.givenUp === undefined) return undefined;
  const { cause, error } = history.givenUp;
  return { cause, message: error.message };
}

function isReady({ state }: WorkerInfo): boolean {
  return state.startsWith('ready');
}

function osPidOf(process: ProcessInfo | undefined): number | undefined {
  const { context } = (process?.state ?? {}) as {
    readonly context?: { readonly osPid?: number };
  };
  return context?.osPid;
}

/** A state value in one word: `ready.idle`; parallel regions are joined by `+`. */
function flatten(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}.${flatten(inner)}`)
    .join('+');
}

function add(a: DispatcherStats, b: DispatcherStats): DispatcherStats {
  const keys = Object.keys(nothing) as (keyof DispatcherStats)[];
  return Object.fromEntries(
    keys.map((key) => [key, a[key] + b[key]]),
  ) as unknown as DispatcherStats;
}
