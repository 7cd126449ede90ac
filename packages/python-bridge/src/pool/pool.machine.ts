import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { PoolServices } from './pool-services.ts';
import { stateOf, statesOf, withoutState, withState, type WorkerStates } from './worker-states.ts';

/** What happens to a pool. */
export type PoolEvent =
  /** A worker can take calls. */
  | { readonly type: 'worker.ready'; readonly workerId: string }
  /** A worker that could take calls cannot any more. */
  | { readonly type: 'worker.down'; readonly workerId: string }
  /** A worker is given up. */
  | { readonly type: 'worker.failed'; readonly workerId: string; readonly error: Error }
  /** A worker that was given up is started anew, because somebody asked for it. */
  | { readonly type: 'worker.revived'; readonly workerId: string }
  /** The pool grows: it has this worker, too, which is to be started. */
  | { readonly type: 'worker.added'; readonly workerId: string }
  /** The pool shrinks: this worker is none of its own any more. */
  | { readonly type: 'worker.removed'; readonly workerId: string }
  /** All pools are to end: no more calls, while others drain too; EXIT comes when its turn to end does. */
  | { readonly type: 'pool.drain' }
  /** Nothing waits and nothing is in flight. */
  | { readonly type: 'calls.ended' }
  /** Do not wait for calls any longer. */
  | { readonly type: 'shutdown.hurried' }
  | ExitMessage;

/** Where one worker of a pool is. */
export type PoolWorkerState = 'starting' | 'ready' | 'down' | 'failed';

/** How many workers of a pool are where. */
export type PoolCounts = Readonly<Record<PoolWorkerState, number>>;

/** What a pool knows. */
export interface PoolContext {
  /** Its name. */
  readonly name: string;
  /** Milliseconds that calls may go on when it stops. */
  readonly drainTimeoutMs: number;
  /** Where each of its workers is. */
  readonly workers: WorkerStates<PoolWorkerState>;
  /** The same counted, so that whatever happens to one worker has nobody look at all others. */
  readonly counts: PoolCounts;
  /** Why it ends. */
  readonly reason: ExitReason;
}

/** What a pool is started with; its workers may be more or fewer later. */
export interface PoolInput extends Pick<PoolContext, 'name' | 'drainTimeoutMs'> {
  /** Ids of its workers. */
  readonly workerIds: readonly string[];
  /** What the effects work with; not kept by the chart. */
  readonly services: PoolServices;
}

/** How a pool ends. */
export interface PoolOutput {
  /** The reason its supervisor gave. */
  readonly reason: ExitReason;
}

/** What becomes of a worker, as its pool follows it: `gone` when it is none of its own any more. */
export type FollowedState = PoolWorkerState | 'gone';

interface WorkerNews {
  readonly event: { readonly workerId: string };
}

const markOf = (state: PoolWorkerState) => {
  const params = ({ event }: WorkerNews) => ({ workerId: event.workerId, state });
  return { type: 'markWorker', params } as const;
};

/** How far the starts have got is followed beside the chart. */
const followOf = (state: FollowedState) => {
  const params = ({ event }: WorkerNews) => ({ workerId: event.workerId, state });
  return { type: 'followWorker', params } as const;
};

const workerOf = ({ event }: WorkerNews) => ({ workerId: event.workerId });

/** News of a worker that has left the pool comes late. */
const isOneOfOurs = { type: 'isOneOfOurs', params: workerOf } as const;

const forgetWorker = { type: 'forgetWorker', params: workerOf } as const;

const failureOfEvent = {
  type: 'tellFailed',
  params: ({ event }: { readonly event: { readonly error: Error } }) => ({ error: event.error }),
} as const;

/** Where its workers are is still followed while it drains. */
const followed = {
  'worker.ready': { guard: isOneOfOurs, actions: markOf('ready') },
  'worker.down': { guard: isOneOfOurs, actions: markOf('down') },
} as const;

/** It awaits its calls, but not for ever, and goes on to this state. */
const awaitCallsUntil = <End extends 'drained' | 'ended'>(end: End) =>
  ({
    entry: 'beginDraining',
    initial: 'awaitingCalls',
    on: {
      ...followed,
      'worker.failed': { guard: isOneOfOurs, target: '.assessing', actions: markOf('failed') },
      'calls.ended': end,
      'shutdown.hurried': end,
    },
    // The workers would wait as long again for the same calls.
    after: { gracefulShutdownTimeout: { target: end, actions: 'endWorkers' } },
    states: {
      awaitingCalls: {},
      // Whom would the calls wait for?
      assessing: {
        always: [{ guard: 'haveAllFailed', target: `#pool.${end}` }, { target: 'awaitingCalls' }],
      },
    },
  }) as const;

const drain = awaitCallsUntil('drained');

const reasonOfExit = {
  type: 'rememberReason',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

/**
 * One pool: learns of its workers by messages, restarts nobody, and knows whether calls can be served.
 *
 * Calls go through its dispatcher, not through this chart.
 */
export const poolMachine = setup({
  types: {
    context: {} as PoolContext,
    events: {} as PoolEvent,
    input: {} as PoolInput,
    output: {} as PoolOutput,
  },
  actions: {
    startWorkers: provide('startWorkers'),
    startNextWorkers: provide('startNextWorkers'),
    tellReady: provide('tellReady'),
    tellFailed: (_, { error }: { readonly error: Error }) => {
      throw new Error("provide the action 'tellFailed'", { cause: error });
    },
    followWorker: (
      _,
      { workerId, state }: { readonly workerId: string; readonly state: FollowedState },
    ) => {
      throw new Error("provide the action 'followWorker'", { cause: { workerId, state } });
    },
    refuseCalls: provide('refuseCalls'),
    acceptCalls: provide('acceptCalls'),
    beginDraining: provide('beginDraining'),
    ...{ endWorkers: provide('endWorkers'), tellDrained: provide('tellDrained') },
    markWorker: assign(
      (
        { context: { workers, counts } },
        { workerId, state }: { readonly workerId: string; readonly state: PoolWorkerState },
      ) => ({
        workers: withState(workers, workerId, state),
        counts: recounted(counts, stateOf(workers, workerId), state),
      }),
    ),
    forgetWorker: assign(
      ({ context: { workers, counts } }, { workerId }: { readonly workerId: string }) => ({
        workers: withoutState(workers, workerId),
        counts: recounted(counts, stateOf(workers, workerId), undefined),
      }),
    ),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    isOneOfOurs: ({ context }, { workerId }: { readonly workerId: string }) =>
      stateOf(context.workers, workerId) !== undefined,
    isStranger: ({ context }, { workerId }: { readonly workerId: string }) =>
      stateOf(context.workers, workerId) === undefined,
    areAllReady: ({ context: { counts } }) => counts.ready === sizeOf(counts),
    haveAllFailed: ({ context: { counts } }) => counts.failed === sizeOf(counts),
    isAnyReady: ({ context: { counts } }) => counts.ready > 0,
    isAnyStarting: ({ context: { counts } }) => counts.starting > 0,
  },
  delays: {
    gracefulShutdownTimeout: ({ context }) => context.drainTimeoutMs,
  },
}).createMachine({
  id: 'pool',
  context: ({ input }) => ({
    name: input.name,
    drainTimeoutMs: input.drainTimeoutMs,
    workers: statesOf(input.workerIds, 'starting'),
    counts: { starting: input.workerIds.length, ready: 0, down: 0, failed: 0 },
    reason: exitReason.normal,
  }),
  initial: 'running',
  states: {
    running: {
      initial: 'starting',
      on: {
        'worker.ready': {
          guard: isOneOfOurs,
          target: '.assessing',
          actions: [markOf('ready'), followOf('ready')],
        },
        'worker.down': { guard: isOneOfOurs, target: '.assessing', actions: markOf('down') },
        'worker.failed': {
          guard: isOneOfOurs,
          target: '.assessing',
          actions: [markOf('failed'), followOf('failed'), failureOfEvent],
        },
        // Calls may wait for it.
        'worker.revived': {
          guard: isOneOfOurs,
          target: '.assessing',
          actions: [markOf('starting'), followOf('starting'), 'acceptCalls'],
        },
        'worker.added': {
          guard: { type: 'isStranger', params: workerOf },
          target: '.assessing',
          actions: [markOf('starting'), followOf('starting'), 'acceptCalls'],
        },
        'worker.removed': {
          guard: isOneOfOurs,
          target: '.assessing',
          actions: [forgetWorker, followOf('gone')],
        },
        'pool.drain': 'draining',
        EXIT: { target: 'ending', actions: reasonOfExit },
      },
      states: {
        // Its workers have time limits of their own, and each ends ready or failed.
        starting: { entry: 'startWorkers' },
        assessing: {
          entry: 'startNextWorkers',
          always: [
            { guard: 'areAllReady', target: 'serving' },
            { guard: 'haveAllFailed', target: 'failed' },
            { guard: 'isAnyStarting', target: 'filling' },
            { guard: 'isAnyReady', target: 'degraded' },
            { target: 'unavailable' },
          ],
        },
        filling: {},
        serving: { entry: 'tellReady' },
        degraded: {},
        unavailable: {},
        failed: { entry: 'refuseCalls' },
      },
    },
    // With all other pools, before any of them ends: the limits of several are not added up.
    draining: {
      ...drain,
      on: { ...drain.on, EXIT: { target: 'ending', actions: reasonOfExit } },
    },
    drained: {
      entry: 'tellDrained',
      on: {
        ...followed,
        'worker.failed': { guard: isOneOfOurs, actions: markOf('failed') },
        EXIT: { target: 'ended', actions: reasonOfExit },
      },
    },
    // Its supervisor ends it, and nobody has said so before.
    ending: awaitCallsUntil('ended'),
    ended: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});

/** The counts after a worker has gone from one state to another; `undefined` where it was, or is, none of ours. */
function recounted(
  counts: PoolCounts,
  before: PoolWorkerState | undefined,
  now: PoolWorkerState | undefined,
): PoolCounts {
  const changed = { ...counts };
  if (before !== undefined) changed[before] -= 1;
  if (now !== undefined) changed[now] += 1;
  return changed;
}

function sizeOf({ starting, ready, down, failed }: PoolCounts): number {
  return starting + ready + down + failed;
}
