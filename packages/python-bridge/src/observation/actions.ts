import {
  exitReason,
  type ActorSystem,
  type Clock,
  type ProcessAction,
  type ProcessInfo,
} from '@snakepit/core';
import type { Pong, WorkerBeats } from '../hosts/worker-host.ts';
import { processRegistryName } from '../os/process-registry.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import type { GrpcWorkerContext } from '../worker/worker-life.ts';
import { starterName } from '../worker/worker-starter.ts';
import { placeOf } from './facts.ts';
import { holdableOf, holdablesOf, holdActions } from './hold-actions.ts';
import type { Leftovers } from './leftovers.ts';
import { viewOf } from './process-views.ts';

/** How long an answer to a ping is waited for, in milliseconds. */
const patienceMs = 5_000;
/** Pings of people have numbers that those of a monitor never reach. */
const firstSeq = 2 ** 40;

/** What actions need. */
export interface ActionsParts {
  /** Where the pools live. */
  readonly system: ActorSystem;
  /** The pools. */
  readonly runtimes: readonly PoolRuntime[];
  /** What could not be ended. */
  readonly leftovers: Pick<Leftovers, 'isNoticed' | 'acknowledge'>;
}

/** Tells what may be done to a process of ours. */
export type ActionsOf = (process: ProcessInfo) => readonly ProcessAction[];

/** Makes what tells what may be done. */
export function createActions({ system, runtimes, leftovers }: ActionsParts): ActionsOf {
  const { clock } = system;
  let seq = firstSeq;
  const runtimeOf = (pool: string): PoolRuntime | undefined =>
    runtimes.find(({ config }) => config.name === pool);
  return (process) => {
    const view = viewOf(process);
    if (view?.role === 'worker') {
      const runtime = runtimeOf(view.context.pool);
      if (runtime === undefined) return [];
      return [
        ...workerActions(process, view.context, runtime, (beats) =>
          pingNow(beats, (seq += 1), clock),
        ),
        ...holdActions([holdableOf(view.context.workerId, process)], runtime, system),
      ];
    }
    if (view?.role === 'pool') {
      const runtime = runtimeOf(view.context.name);
      if (runtime === undefined) return [];
      return [
        ...poolActions(runtime),
        ...holdActions(holdablesOf(runtime, system), runtime, system),
      ];
    }
    if (process.name === processRegistryName) return registryActions(process, system, leftovers);
    return starterActions(process, runtimes);
  };
}

function workerActions(
  process: ProcessInfo,
  context: GrpcWorkerContext,
  { restarts, administration, seatOf }: PoolRuntime,
  ping: (beats: WorkerBeats) => Promise<string>,
): readonly ProcessAction[] {
  const { workerId, osPid } = context;
  const handle = seatOf(workerId)?.handles.get(placeOf(process, context));
  const onProcess: readonly ProcessAction[] =
    handle === undefined || osPid === undefined
      ? []
      : [
          {
            name: 'kill',
            consequence: `process ${String(osPid)} and all that it started get SIGKILL at once; its calls fail; its starter starts it again, which counts as a crash`,
            run: async () => {
              await handle.signal('kill');
              return `process ${String(osPid)} and all that it started were sent SIGKILL`;
            },
          },
          {
            name: 'heartbeat',
            consequence: 'it is asked for a sign of life now; nothing changes',
            run: () => ping(handle.beats),
          },
        ];
  return [
    {
      name: 'restart',
      consequence: `worker ${workerId} finishes its calls and ends, then another process is started; meanwhile calls go to others or wait`,
      run: async () => {
        await restarts.restart(workerId);
        return `worker ${workerId} serves again`;
      },
    },
    {
      name: 'recycle',
      consequence: `a replacement of worker ${workerId} is started and takes over, then this process finishes its calls and ends; needs memory for both`,
      run: async () => {
        await administration.recycling.recycle(workerId, { reason: 'manual' });
        return `worker ${workerId} was replaced`;
      },
    },
    ...onProcess,
  ];
}

function poolActions(runtime: PoolRuntime): readonly ProcessAction[] {
  const { config, restarts, administration } = runtime;
  const pool = `pool ${config.name}`;
  return [
    {
      name: 'restart',
      consequence: `all workers of ${pool} finish their calls, end, and are started again, a few at a time`,
      run: async () => {
        await restarts.restartAll();
        return `all workers of ${pool} serve again`;
      },
    },
    {
      name: 'recycle',
      consequence: `all workers of ${pool} are replaced, a few at a time, without a moment in which one does not serve`,
      run: async () => {
        await administration.recycling.recycleAll();
        return `all workers of ${pool} were replaced`;
      },
    },
  ];
}

/** Its end is that of all workers; its start looks for what was left. */
function registryActions(
  { pid }: ProcessInfo,
  system: ActorSystem,
  leftovers: ActionsParts['leftovers'],
): readonly ProcessAction[] {
  const restart: ProcessAction = {
    name: 'restart',
    consequence:
      'all workers of all pools end, and calls to them fail; what was left behind is looked for and ended; then everything is started again, which counts as a restart',
    run: async () => {
      const gone = system.awaitExit(pid);
      // It traps exits: only its supervisor could ask it to end.
      system.exit(pid, exitReason.kill);
      await gone;
      return 'it ended, and with it all workers; it is started again, and looks for what was left';
    },
  };
  const acknowledge: ProcessAction = {
    name: 'acknowledge',
    consequence:
      'what could not be ended is told no more, and the health is as it is without it; whatever lives goes on',
    run: () => Promise.resolve(`${String(leftovers.acknowledge())} notices are told no more`),
  };
  return leftovers.isNoticed ? [restart, acknowledge] : [restart];
}

/** Of a worker that was given up only its starter is left. */
function starterActions(
  { name }: ProcessInfo,
  runtimes: readonly PoolRuntime[],
): readonly ProcessAction[] {
  if (name?.startsWith('snakepit.starter.') !== true) return [];
  for (const { config, workerIds, historyOf, restarts } of runtimes) {
    const workerId = workerIds.find((id) => starterName(config.name, id) === name);
    if (workerId === undefined) continue;
    if (historyOf(workerId)?.givenUp === undefined) return [];
    const run = async (): Promise<string> => {
      await restarts.restart(workerId);
      return `worker ${workerId} serves again`;
    };
    const consequence = `worker ${workerId}, which was given up, is started anew with all its chances`;
    return [{ name: 'revive', consequence, run }];
  }
  return [];
}

/** Asks a worker for a sign of life and tells how long it took. */
function pingNow(beats: WorkerBeats, seq: number, clock: Clock): Promise<string> {
  const sentAtMs = clock.now();
  return new Promise((resolve) => {
    const end = (what: string): void => {
      stop();
      clock.clearTimeout(timer);
      resolve(what);
    };
    const timer = clock.setTimeout(() => {
      end(`no answer within ${String(patienceMs)} ms`);
    }, patienceMs);
    const stop = beats.onPong((pong: Pong) => {
      if (pong.seq !== seq) return;
      const tookMs = (clock.now() - sentAtMs).toFixed(1);
      end(
        `it answered in ${tookMs} ms; it executes ${String(pong.inFlight)} calls, and its event loop was late by ${String(Math.round(pong.loopLagMs))} ms`,
      );
    });
    beats.ping(seq);
  });
}
