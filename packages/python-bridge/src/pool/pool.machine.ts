import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { PoolServices } from './pool-services.ts';

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
  /** Nothing waits and nothing is in flight. */
  | { readonly type: 'calls.ended' }
  /** Do not wait for calls any longer. */
  | { readonly type: 'shutdown.hurried' }
  | ExitMessage;

/** Where one worker of a pool is. */
export type PoolWorkerState = 'starting' | 'ready' | 'down' | 'failed';

/** What a pool knows. */
export interface PoolContext {
  /** Its name. */
  readonly name: string;
  /** Milliseconds that calls may go on when it stops. */
  readonly drainTimeoutMs: number;
  /** Its workers by id. */
  readonly workers: Readonly<Record<string, PoolWorkerState>>;
  /** Why it ends. */
  readonly reason: ExitReason;
}

/** What a pool is started with. */
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

const markOf = (state: PoolWorkerState) =>
  ({
    type: 'markWorker',
    params: ({ event }: { readonly event: { readonly workerId: string } }) => ({
      workerId: event.workerId,
      state,
    }),
  }) as const;

const failureOfEvent = {
  type: 'tellFailed',
  params: ({ event }: { readonly event: { readonly error: Error } }) => ({ error: event.error }),
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
    refuseCalls: provide('refuseCalls'),
    acceptCalls: provide('acceptCalls'),
    beginDraining: provide('beginDraining'),
    endWorkers: provide('endWorkers'),
    markWorker: assign({
      workers: (
        { context },
        { workerId, state }: { readonly workerId: string; readonly state: PoolWorkerState },
      ) => ({ ...context.workers, [workerId]: state }),
    }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    areAllReady: ({ context }) => count(context, 'ready') === size(context),
    haveAllFailed: ({ context }) => count(context, 'failed') === size(context),
    isAnyReady: ({ context }) => count(context, 'ready') > 0,
    isAnyStarting: ({ context }) => count(context, 'starting') > 0,
  },
  delays: {
    gracefulShutdownTimeout: ({ context }) => context.drainTimeoutMs,
  },
}).createMachine({
  id: 'pool',
  context: ({ input }) => ({
    name: input.name,
    drainTimeoutMs: input.drainTimeoutMs,
    workers: Object.fromEntries(input.workerIds.map((id) => [id, 'starting' as const])),
    reason: exitReason.normal,
  }),
  initial: 'running',
  states: {
    running: {
      initial: 'starting',
      on: {
        'worker.ready': { target: '.assessing', actions: markOf('ready') },
        'worker.down': { target: '.assessing', actions: markOf('down') },
        'worker.failed': {
          target: '.assessing',
          actions: [markOf('failed'), failureOfEvent],
        },
        // Calls may wait for it.
        'worker.revived': { target: '.assessing', actions: [markOf('starting'), 'acceptCalls'] },
        EXIT: {
          target: 'draining',
          actions: { type: 'rememberReason', params: ({ event }) => event.reason },
        },
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
    draining: {
      entry: 'beginDraining',
      initial: 'awaitingCalls',
      on: {
        'calls.ended': 'drained',
        'shutdown.hurried': 'drained',
        'worker.ready': { actions: markOf('ready') },
        'worker.down': { actions: markOf('down') },
        'worker.failed': { target: '.assessing', actions: markOf('failed') },
      },
      // The workers would wait as long again for the same calls.
      after: { gracefulShutdownTimeout: { target: 'drained', actions: 'endWorkers' } },
      states: {
        awaitingCalls: {},
        // Whom would the calls wait for?
        assessing: {
          always: [
            { guard: 'haveAllFailed', target: '#pool.drained' },
            { target: 'awaitingCalls' },
          ],
        },
      },
    },
    drained: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});

function count({ workers }: PoolContext, wanted: PoolWorkerState): number {
  let found = 0;
  for (const state of Object.values(workers)) if (state === wanted) found += 1;
  return found;
}

function size({ workers }: PoolContext): number {
  return Object.keys(workers).length;
}
