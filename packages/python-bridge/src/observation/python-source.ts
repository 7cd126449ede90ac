import type { ActorSystem, HealthCheck, ObservationSource } from '@snakepit/core';
import { createGroupMemory, type GroupMemory } from '../os/group-memory.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import type { SessionDirectory } from '../pool/session-directory.ts';
import { osPidOf, workerProcesses } from '../worker/worker-place.ts';
import { createActions } from './actions.ts';
import { overCheck, poolCheck, watchdogCheck } from './checks.ts';
import { factsOf } from './facts.ts';
import { watchLeftovers } from './leftovers.ts';
import { workerLifeEvents } from './life-events.ts';
import { createMemorySampler } from './memory-sampler.ts';
import { panelsOf } from './panels.ts';
import { viewOf } from './process-views.ts';
import { watchWorkerEnds } from './worker-ends.ts';

/** What is told of. */
export interface PythonSourceParts {
  /** Where everything lives. */
  readonly system: ActorSystem;
  /** The pools. */
  readonly runtimes: readonly PoolRuntime[];
  /** The sessions. */
  readonly sessions: Pick<SessionDirectory, 'describe'>;
  /** Why nothing will be served any more, once that is so. */
  readonly over: () => Error | undefined;
  /** Measures memory; default that of this machine. */
  readonly memory?: GroupMemory;
}

/** The source, and how it ends. */
export interface PythonSource {
  /** For {@link ActorSystem.observation}. */
  readonly source: ObservationSource;
  /** Listens to nothing any more. */
  readonly stop: () => void;
}

/**
 * Lets whoever looks at the system see pools and workers, too.
 *
 * @returns Ends that.
 */
export function observePython(parts: PythonSourceParts): () => void {
  const { source, stop } = createPythonSource(parts);
  const { observation, records } = parts.system;
  const ends = [
    observation.addSource(source),
    records.addLifeEvents(workerLifeEvents(parts.system)),
    // Always: when a worker dies, somebody wants to know what went before.
    records.recordLife(),
  ];
  return () => {
    for (const end of ends) end();
    stop();
  };
}

/**
 * What can be seen of pools and workers. It listens to the ends of workers, which are seldom; everything else is looked up
 * when somebody asks, and memory, latencies and slow calls are measured only while somebody does.
 */
function createPythonSource(parts: PythonSourceParts): PythonSource {
  const { system, runtimes, sessions, over, memory = createGroupMemory() } = parts;
  const { clock, telemetry } = system;
  const ends = watchWorkerEnds(telemetry);
  const leftovers = watchLeftovers(telemetry);
  const started = watchStarts(runtimes);
  const byName = new Map(runtimes.map((runtime) => [runtime.config.name, runtime]));
  const sampler = createMemorySampler({
    clock,
    memory,
    groupIds: () => groupsOf(system, runtimes),
  });
  const facts = {
    ...{ system, ends, memory: sampler },
    runtimeOf: (pool: string) => byName.get(pool),
  };
  const judged = { system, ends, hasStarted: (pool: string) => started.has(pool) };
  const checks = (): readonly HealthCheck[] => {
    ends.keepOnly(new Set(runtimes.flatMap(({ workerIds }) => workerIds)));
    const why = over();
    const guard = watchdogCheck(system);
    return [
      ...(why === undefined ? [] : [overCheck(why)]),
      ...runtimes.map((runtime) => poolCheck(runtime, judged)),
      ...(guard === undefined ? [] : [guard]),
      leftovers.check(),
    ];
  };
  const source: ObservationSource = {
    name: 'python',
    describe: (process) => factsOf(process, facts),
    checks,
    panels: () => panelsOf({ system, runtimes, sessions, ends }),
    calls: (process, listener) => {
      const view = viewOf(process);
      if (view?.role !== 'worker') return undefined;
      const { pool, workerId } = view.context;
      return byName.get(pool)?.callReports.listen(workerId, listener);
    },
    actions: createActions({ system, runtimes, leftovers }),
  };
  const stop = (): void => {
    ends.stop();
    leftovers.stop();
  };
  return { source, stop };
}

/** Pools all of whose workers have been ready. */
function watchStarts(runtimes: readonly PoolRuntime[]): ReadonlySet<string> {
  const started = new Set<string>();
  for (const { config, ready } of runtimes) {
    ready.then(
      () => started.add(config.name),
      // It may never be: whoever starts it is told why.
      () => undefined,
    );
  }
  return started;
}

/** The process groups of all workers, those that are being replaced included. */
function groupsOf(system: ActorSystem, runtimes: readonly PoolRuntime[]): readonly number[] {
  return runtimes.flatMap(({ workerIds, config }) =>
    workerIds
      .flatMap((id) => workerProcesses(system, config.name, id))
      .flatMap(({ pid }) => osPidOf(system.processInfo(pid)) ?? []),
  );
}
