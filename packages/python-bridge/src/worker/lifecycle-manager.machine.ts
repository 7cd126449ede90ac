import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { RecycleReason } from './recycle-reason.ts';

/** What happens to a lifecycle manager. */
export type LifecycleManagerEvent =
  /** A worker began to serve: its age counts from now. */
  | { readonly type: 'worker.ready'; readonly workerId: string }
  /** A worker is older, has executed more calls, or has more memory than it may. */
  | { readonly type: 'worker.exceeded'; readonly workerId: string; readonly reason: RecycleReason }
  /** It was looked at every worker; the next look is due in so many milliseconds, `Infinity` for never. */
  | { readonly type: 'look.ended'; readonly nextLookMs: number }
  /** A worker was recycled. */
  | { readonly type: 'recycling.ended'; readonly workerId: string }
  /** A worker could not be recycled, and was kept. */
  | { readonly type: 'recycling.failed'; readonly workerId: string }
  /** The pool has another size: so many may be recycled at the same time now. */
  | { readonly type: 'pool.resized'; readonly atOnce: number }
  | ExitMessage;

/** A worker that is to be recycled. */
export interface DueWorker {
  /** Its id. */
  readonly workerId: string;
  /** Why. */
  readonly reason: RecycleReason;
}

/** What a lifecycle manager knows. */
export interface LifecycleManagerContext {
  /** Name of its pool. */
  readonly pool: string;
  /** How many workers may be recycled at the same time. */
  readonly atOnce: number;
  /** Milliseconds between two looks at the memory, and before a recycling that failed is tried again. */
  readonly checkIntervalMs: number;
  /** Longest time for one look, in milliseconds. */
  readonly lookTimeoutMs: number;
  /** Milliseconds until the next look; `Infinity` for never. */
  readonly nextLookMs: number;
  /** Workers whose turn has not come, in order. */
  readonly due: readonly DueWorker[];
  /** Ids of those that are being recycled. */
  readonly underWay: readonly string[];
  /** Why it ends. */
  readonly reason: ExitReason;
}

/** What a lifecycle manager is started with. */
export type LifecycleManagerInput = Pick<
  LifecycleManagerContext,
  'pool' | 'atOnce' | 'checkIntervalMs' | 'lookTimeoutMs'
>;

/** How a lifecycle manager ends. */
export interface LifecycleManagerOutput {
  /** The reason its supervisor gave. */
  readonly reason: ExitReason;
}

const dueOf = ({ event }: { readonly event: DueWorker }) => ({
  workerId: event.workerId,
  reason: event.reason,
});

const endedOf = {
  type: 'forgetWorker',
  params: ({ event }: { readonly event: { readonly workerId: string } }) => ({
    workerId: event.workerId,
  }),
} as const;

/**
 * Recycles the workers of one pool: it finds those whose limits are exceeded, and has a few of them replaced at a time.
 *
 * It looks at ages and memory when it is time, and is told of calls that were counted elsewhere.
 */
export const lifecycleManagerMachine = setup({
  types: {
    context: {} as LifecycleManagerContext,
    events: {} as LifecycleManagerEvent,
    input: {} as LifecycleManagerInput,
    output: {} as LifecycleManagerOutput,
  },
  actions: {
    look: provide('look'),
    startRecycling: (_, { next }: { readonly next: DueWorker | undefined }) => {
      throw new Error("provide the action 'startRecycling'", { cause: next });
    },
    rememberNextLook: assign({
      nextLookMs: (_, { nextLookMs }: { readonly nextLookMs: number }) => nextLookMs,
    }),
    putOffLook: assign({ nextLookMs: ({ context }) => context.checkIntervalMs }),
    rememberAtOnce: assign({ atOnce: (_, { atOnce }: { readonly atOnce: number }) => atOnce }),
    rememberDue: assign({
      due: ({ context }, worker: DueWorker) => [...context.due, worker],
    }),
    takeNext: assign({
      due: ({ context }) => context.due.slice(1),
      underWay: ({ context }) => [
        ...context.underWay,
        ...context.due.slice(0, 1).map(({ workerId }) => workerId),
      ],
    }),
    forgetWorker: assign({
      underWay: ({ context }, { workerId }: { readonly workerId: string }) =>
        context.underWay.filter((id) => id !== workerId),
    }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    isLimited: (_, { nextLookMs }: { readonly nextLookMs: number }) => nextLookMs !== Infinity,
    isNew: ({ context }, { workerId }: DueWorker) =>
      !context.underWay.includes(workerId) &&
      !context.due.some((worker) => worker.workerId === workerId),
    hasNext: ({ context }) => context.due.length > 0 && context.underWay.length < context.atOnce,
    isNobodyReplaced: ({ context }) => context.underWay.length === 0,
  },
  delays: {
    // Never at once: looking would follow upon looking in one and the same step.
    nextLook: ({ context }) => Math.max(1, context.nextLookMs),
    lookTimeout: ({ context }) => Math.max(1, context.lookTimeoutMs),
  },
}).createMachine({
  id: 'lifecycleManager',
  context: ({ input }) => ({
    ...input,
    nextLookMs: Infinity,
    due: [],
    underWay: [],
    reason: exitReason.normal,
  }),
  initial: 'running',
  states: {
    running: {
      type: 'parallel',
      on: {
        EXIT: {
          target: 'ended',
          actions: { type: 'rememberReason', params: ({ event }) => event.reason },
        },
        'pool.resized': {
          actions: { type: 'rememberAtOnce', params: ({ event }) => ({ atOnce: event.atOnce }) },
        },
      },
      states: {
        limits: {
          initial: 'looking',
          states: {
            looking: {
              entry: 'look',
              on: {
                'look.ended': [
                  {
                    guard: {
                      type: 'isLimited',
                      params: ({ event }) => ({ nextLookMs: event.nextLookMs }),
                    },
                    target: 'waiting',
                    actions: {
                      type: 'rememberNextLook',
                      params: ({ event }) => ({ nextLookMs: event.nextLookMs }),
                    },
                  },
                  { target: 'resting' },
                ],
              },
              after: { lookTimeout: { target: 'waiting', actions: 'putOffLook' } },
            },
            waiting: {
              on: {
                'worker.ready': 'looking',
                'recycling.ended': 'looking',
                'recycling.failed': { target: 'waiting', reenter: true, actions: 'putOffLook' },
              },
              after: { nextLook: 'looking' },
            },
            // Nothing is limited but, maybe, calls, which are counted elsewhere.
            resting: {
              on: {
                'worker.ready': 'looking',
                // The new one may be worn already: while the old one finished its calls, that was taken for the same.
                'recycling.ended': 'looking',
                'recycling.failed': { target: 'waiting', actions: 'putOffLook' },
              },
            },
          },
        },
        replacements: {
          initial: 'resting',
          on: {
            'worker.exceeded': {
              guard: { type: 'isNew', params: dueOf },
              target: '.assessing',
              actions: { type: 'rememberDue', params: dueOf },
            },
            'recycling.ended': { target: '.assessing', actions: endedOf },
            'recycling.failed': { target: '.assessing', actions: endedOf },
          },
          states: {
            resting: {},
            assessing: {
              always: [
                { guard: 'hasNext', target: 'taking' },
                { guard: 'isNobodyReplaced', target: 'resting' },
                { target: 'replacing' },
              ],
            },
            taking: {
              entry: [
                { type: 'startRecycling', params: ({ context }) => ({ next: context.due[0] }) },
                'takeNext',
              ],
              always: 'assessing',
            },
            // Each replacement has the time limits of a worker's start and of its drain.
            replacing: {},
          },
        },
      },
    },
    ended: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});
