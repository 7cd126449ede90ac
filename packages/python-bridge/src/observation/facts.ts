import type { ActorSystem, ProcessFacts, ProcessInfo } from '@snakepit/core';
import { forkServerName } from '../hosts/fork/fork-server.ts';
import type { ForkServerContext } from '../hosts/fork/fork-server.machine.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import { flatten, poolStatsOf } from '../status.ts';
import type { HeartbeatMonitorContext } from '../worker/heartbeat-monitor.machine.ts';
import { heartbeatOf, type WorkerHeartbeat } from '../worker/heartbeat-status.ts';
import type { GrpcWorkerContext } from '../worker/worker-life.ts';
import { workerName, type WorkerPlace } from '../worker/worker-place.ts';
import type { MemorySampler } from './memory-sampler.ts';
import { viewOf } from './process-views.ts';
import { redactText } from './redact-text.ts';
import { maxLine, type WorkerEnds } from './worker-ends.ts';

/** Lines of output that are shown. */
const shownLines = 50;

/** What is needed to describe processes. */
export interface FactsParts {
  /** Where they live. */
  readonly system: ActorSystem;
  /** The pool with this name. */
  readonly runtimeOf: (pool: string) => PoolRuntime | undefined;
  /** Their memory. */
  readonly memory: MemorySampler;
  /** How those before them ended. */
  readonly ends: WorkerEnds;
}

/** What is known of a process of ours; `undefined` for any other. */
export function factsOf(process: ProcessInfo, parts: FactsParts): ProcessFacts | undefined {
  const view = viewOf(process);
  switch (view?.role) {
    case 'worker':
      return workerFacts(process, view.context, parts);
    case 'heartbeat':
      return heartbeatFacts(process, view.context, parts);
    case 'pool':
      return poolFacts(view.context.name, parts);
    case 'watchdog': {
      const { osPid, deaths, failures, why, fault } = view.context;
      const details = { phase: flatten(process.stateValue), deaths, failures, why, fault };
      return { role: 'watchdog', ...withPid(osPid), details };
    }
    case 'forkServer':
      return forkServerFacts(process, view.context, parts);
    default:
      return undefined;
  }
}

/** Where a process of a worker lives below its starter. */
export function placeOf(
  { name }: ProcessInfo,
  { pool, workerId }: Pick<GrpcWorkerContext, 'pool' | 'workerId'>,
): WorkerPlace {
  return name === workerName(pool, workerId, 'second') ? 'second' : 'first';
}

function workerFacts(
  process: ProcessInfo,
  context: GrpcWorkerContext,
  parts: FactsParts,
): ProcessFacts | undefined {
  const { pool, workerId, osPid } = context;
  const runtime = parts.runtimeOf(pool);
  const seat = runtime?.seatOf(workerId);
  if (runtime === undefined || seat === undefined) return undefined;
  const heartbeat = heartbeatOf(parts.system, process);
  const handle = seat.handles.get(placeOf(process, context));
  return {
    role: 'worker',
    ...withPid(osPid),
    ...memoryOf(osPid, parts),
    ...(heartbeat === undefined ? {} : beatsOf(heartbeat)),
    inFlight: runtime.dispatcher.inFlightOf(workerId),
    restarts: Math.max(0, seat.history.starts - 1),
    // Made when somebody reads them: the table of all processes shows neither.
    get output() {
      const lines = handle?.lastOutput().slice(-shownLines) ?? [];
      return lines.map(({ text }) => redactText(text, maxLine));
    },
    get details() {
      return workerDetails(process, context, runtime, heartbeat, parts);
    },
  };
}

function workerDetails(
  process: ProcessInfo,
  context: GrpcWorkerContext,
  runtime: PoolRuntime,
  heartbeat: WorkerHeartbeat | undefined,
  { system, ends }: FactsParts,
): Readonly<Record<string, unknown>> {
  const { pool, workerId, incarnation, gil, startsLeft } = context;
  const { config, dispatcher } = runtime;
  const seat = runtime.seatOf(workerId);
  const { servingSinceMs, membership, history } = seat ?? {};
  const { statistics, beats, serving } = heartbeat ?? {};
  return {
    ...{ pool, workerId, incarnation, startsLeft, membership },
    phase: flatten(process.stateValue),
    adapter: config.adapter,
    servingForMs: servingSinceMs === undefined ? undefined : system.clock.now() - servingSinceMs,
    freeThreaded: gil === undefined ? undefined : !gil,
    containment: runtime.containment(),
    launch: runtime.launch?.choice.mode,
    concurrency: config.concurrency,
    callsGiven: dispatcher.servedBy(workerId),
    ...{ statistics, beats, serving },
    failures: ends.failures(workerId),
    failedStarts: history?.failedStarts,
    lastEnd: ends.last(workerId),
  };
}

function heartbeatFacts(
  process: ProcessInfo,
  context: HeartbeatMonitorContext,
  { runtimeOf }: FactsParts,
): ProcessFacts | undefined {
  const { pool, workerId, beats, serving, fault } = context;
  if (runtimeOf(pool) === undefined) return undefined;
  const { pingIntervalMs, timeoutThresholdMs, maxMissed, busyTimeoutMs } = context;
  return {
    role: 'heartbeat',
    ...beatsOf({ beats, serving }),
    details: {
      ...{ pool, workerId, fault, pingIntervalMs, timeoutThresholdMs, maxMissed },
      busyTimeoutMs: busyTimeoutMs === Infinity ? undefined : busyTimeoutMs,
      phase: flatten(process.stateValue),
      missed: { beats: beats.missed, serving: serving.missed },
      latencyMs: { beats: beats.latencyMs, serving: serving.latencyMs },
    },
  };
}

function poolFacts(name: string, { system, runtimeOf }: FactsParts): ProcessFacts | undefined {
  const runtime = runtimeOf(name);
  if (runtime === undefined) return undefined;
  return {
    role: 'pool',
    inFlight: runtime.dispatcher.stats().inFlight,
    get details() {
      return { ...poolStatsOf(system, runtime), oldestWaitMs: runtime.dispatcher.oldestWaitMs() };
    },
  };
}

function forkServerFacts(
  { name = '' }: ProcessInfo,
  { failures }: ForkServerContext,
  parts: FactsParts,
): ProcessFacts | undefined {
  const pool = name.slice(forkServerName('').length);
  const { servers, choice } = parts.runtimeOf(pool)?.launch ?? {};
  if (servers === undefined) return undefined;
  const { osPid, state: phase, ...details } = servers;
  return {
    role: 'forkServer',
    ...withPid(osPid),
    ...memoryOf(osPid, parts),
    details: { pool, phase, launch: choice?.mode, failures, ...details },
  };
}

interface Beats {
  readonly latencyMs: number | undefined;
  readonly missed: number;
}

function beatsOf({ beats, serving }: { readonly beats: Beats; readonly serving: Beats }) {
  const heartbeatMs = beats.latencyMs ?? serving.latencyMs;
  return {
    missedHeartbeats: Math.max(beats.missed, serving.missed),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  };
}

function withPid(osPid: number | undefined): Pick<ProcessFacts, 'osPid'> {
  return osPid === undefined ? {} : { osPid };
}

function memoryOf(
  osPid: number | undefined,
  { memory }: FactsParts,
): Pick<ProcessFacts, 'rssBytes'> {
  const rssBytes = osPid === undefined ? undefined : memory.bytesOf(osPid);
  return rssBytes === undefined ? {} : { rssBytes };
}
