import type { ActorSystem, ProcessInfo } from '@snakepit/core';
import type { Containment } from './hosts/worker-host.ts';
import { noCalls, type DispatcherStats } from './pool/pool-call.ts';
import { poolName } from './pool/pool.ts';
import type { LaunchMode } from './pool/choose-launch.ts';
import type { PoolRuntime } from './pool/pool-runtime.ts';
import type { FailureCause } from './worker/failure-cause.ts';
import { watchdogName } from './os/watchdog.ts';
import { isFreeThreaded, osPidOf } from './worker/worker-place.ts';
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
  /** How its process is made; `undefined` where others start it. See `launch`. */
  readonly launch: LaunchMode | undefined;
  /** Whether its Python runs without the global lock, so that threads really compute side by side; `undefined` until it says so. */
  readonly freeThreaded: boolean | undefined;
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

/** Every worker of these pools, in order. */
export function workersOf(system: ActorSystem, pools: Iterable<PoolRuntime>): WorkerInfo[] {
  return [...pools].flatMap((pool) =>
    pool.workerIds.map((id) => {
      const { name } = pool.config;
      const process = system.processInfo(pool.processOf(id));
      return {
        id,
        pool: name,
        state: stateOf(process, pool.historyOf(id)),
        osPid: osPidOf(process),
        restarts: restartsOf(pool, id),
        inFlight: pool.dispatcher.inFlightOf(id),
        heartbeat: heartbeatOf(system, process),
        containment: pool.containment(),
        launch: pool.launch?.choice.mode,
        freeThreaded: isFreeThreaded(process),
        failure: failureOf(process, pool.historyOf(id)),
      };
    }),
  );
}

/** Counts of one pool. */
export function poolStatsOf(system: ActorSystem, pool: PoolRuntime): PoolStats {
  let restarts = 0;
  for (const id of pool.workerIds) restarts += restartsOf(pool, id);
  return {
    ...pool.dispatcher.stats(),
    state: flatten(infoOf(system, poolName(pool.config.name))?.stateValue ?? 'down'),
    workers: { size: pool.size, ready: readyIn(system, pool), restarts },
  };
}

/**
 * How many workers of a pool are in each outermost state; those that are drained are not called ready. Only their charts
 * are looked at: whoever collects metrics asks again and again, also where there are very many.
 */
export function statesIn(system: ActorSystem, pool: PoolRuntime): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of pool.workerIds) {
    const state = stateOf(system.processInfo(pool.processOf(id)), pool.historyOf(id));
    const [outer = state, inner = state] = state.split('.');
    const phase = isHeld(state) ? inner : outer;
    counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  return counts;
}

/** Counts of these pools. */
export function statsOf(system: ActorSystem, pools: Iterable<PoolRuntime>): Stats {
  const byName: Record<string, PoolStats> = {};
  let sum = noCalls;
  for (const pool of pools) {
    const stats = poolStatsOf(system, pool);
    byName[pool.config.name] = stats;
    sum = add(sum, stats);
  }
  return { ...sum, pools: byName };
}

/** Whether these pools can serve calls. */
export function healthOf(system: ActorSystem, pools: Iterable<PoolRuntime>): Health {
  const byName: Record<string, Health['pools'][string]> = {};
  for (const pool of pools) {
    const { size } = pool;
    const ready = readyIn(system, pool);
    const status = ready === size ? 'ok' : ready > 0 ? 'degraded' : 'down';
    byName[pool.config.name] = { status, ready, size };
  }
  const all = Object.values(byName).map(({ status }) => status);
  const status = all.includes('down') ? 'down' : all.includes('degraded') ? 'degraded' : 'ok';
  const guard = infoOf(system, watchdogName);
  if (guard === undefined) return { status, pools: byName };
  const watchdog = { state: flatten(guard.stateValue), osPid: osPidOf(guard) };
  return { status, pools: byName, watchdog };
}

/**
 * How many can serve of those that belong to the pool: who comes or leaves while it is resized makes it neither better nor
 * worse.
 */
function readyIn(system: ActorSystem, pool: PoolRuntime): number {
  let ready = 0;
  for (const id of pool.workerIds) {
    if (pool.seatOf(id)?.membership !== 'member') continue;
    const worker = system.processInfo(pool.processOf(id));
    if (worker !== undefined && isReady(flatten(worker.stateValue))) ready += 1;
  }
  return ready;
}

function restartsOf(pool: PoolRuntime, workerId: string): number {
  return Math.max(0, (pool.historyOf(workerId)?.starts ?? 0) - 1);
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

function isReady(state: string): boolean {
  return state.startsWith('ready') && !isHeld(state);
}

/** Whether a worker that could take calls takes none, because somebody drains it. */
export function isHeld(state: string): boolean {
  return state === 'ready.draining' || state === 'ready.drained';
}

/** A state value in one word: `ready.idle`; parallel regions are joined by `+`. */
export function flatten(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}.${flatten(inner)}`)
    .join('+');
}

function add(a: DispatcherStats, b: DispatcherStats): DispatcherStats {
  const keys = Object.keys(noCalls) as (keyof DispatcherStats)[];
  return Object.fromEntries(
    keys.map((key) => [key, a[key] + b[key]]),
  ) as unknown as DispatcherStats;
}
