import { assign, setup } from 'xstate';
import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { allElse, effect } from './requests.ts';

/** What is done when an application ends by itself (OTP APP-007, APP-008). */
export type ApplicationType = 'temporary' | 'transient' | 'permanent';

/** What happens to an application. Pids are told by their numbers. */
export type ApplicationEvent =
  /** Its parts run; without a top supervisor it is only a mark (OTP APP-001). */
  | { readonly type: 'top.started'; readonly pid: number | null }
  /** Its parts could not be started. */
  | { readonly type: 'top.failed'; readonly reason: ExitReason }
  /** Somebody asks it to stop. */
  | { readonly type: 'application.stop' }
  /** `prepStop` has ended. */
  | { readonly type: 'prepStop.done' }
  /** `stop` has ended. */
  | { readonly type: 'stop.done' }
  | ExitMessage;

/** What an application is decided by. */
export interface ApplicationContext {
  /** What is done when it ends by itself. */
  readonly type: ApplicationType;
  /** Number of the pid it obeys. */
  readonly parent: number;
  /** Number of its top supervisor's pid; `null` when it has none, or none any more. */
  readonly top: number | null;
  /** What it will exit with, once it is known that it will. */
  readonly reason: ExitReason | null;
}

/** What an application is begun with. */
export type ApplicationMachineInput = Pick<ApplicationContext, 'type' | 'parent'>;

/** What an application ends with. */
export interface ApplicationOutput {
  /** `shutdown` when it was stopped, else the reason of its top supervisor. */
  readonly reason: ExitReason;
}

/** How long a start that is given up may take to end: a child that hangs in `init` keeps its supervisor from listening. */
const givingUpPatienceMs = 1_000;

const rememberReasonOfEvent = {
  type: 'rememberReason',
  params: ({ event }: { event: { reason: ExitReason } }) => ({ reason: event.reason }),
} as const;

const numberOfSender = ({ event }: { event: ExitMessage }) => ({ pid: event.from.id });

/**
 * The life of one application: its parts start, run, and are stopped in the order `prepStop`, top supervisor, `stop`,
 * also when the top supervisor ended by itself (OTP APP-005, APP-009).
 */
export const applicationMachine = setup({
  types: {
    context: {} as ApplicationContext,
    events: {} as ApplicationEvent,
    input: {} as ApplicationMachineInput,
    output: {} as ApplicationOutput,
    tags: {} as 'initialising',
  },
  delays: { givingUpPatience: givingUpPatienceMs },
  guards: {
    isParent: ({ context }, { pid }: { pid: number }) => pid === context.parent,
    isTop: ({ context }, { pid }: { pid: number }) => pid === context.top,
    hasNoTop: ({ context }) => context.top === null,
  },
  actions: {
    startTop: effect<{ kind: ApplicationType }>('startTop'),
    callPrepStop: effect('callPrepStop'),
    giveUp: effect('giveUp'),
    askTop: effect('askTop'),
    callStop: effect('callStop'),
    rememberTop: assign((_, { pid }: { pid: number | null }) => ({ top: pid })),
    forgetTop: assign(() => ({ top: null })),
    rememberReason: assign((_, { reason }: { reason: ExitReason }) => ({ reason })),
  },
}).createMachine({
  id: 'application',
  context: ({ input: { type, parent } }) => ({ type, parent, top: null, reason: null }),
  initial: 'loaded',
  states: {
    loaded: { tags: 'initialising', always: 'starting' },
    starting: {
      tags: 'initialising',
      meta: { postpone: allElse },
      entry: { type: 'startTop', params: ({ context }) => ({ kind: context.type }) },
      on: {
        'top.started': {
          target: 'running',
          actions: { type: 'rememberTop', params: ({ event }) => ({ pid: event.pid }) },
        },
        'top.failed': { target: 'stopped', actions: rememberReasonOfEvent },
        EXIT: {
          guard: { type: 'isParent', params: numberOfSender },
          target: 'givingUp',
          actions: rememberReasonOfEvent,
        },
      },
    },
    // Others are stopped when what is being started is gone (APP-010), unless it does not listen. It is linked.
    givingUp: {
      tags: 'initialising',
      meta: { postpone: allElse },
      entry: 'giveUp',
      after: { givingUpPatience: 'stopped' },
      on: {
        'top.failed': 'stopped',
        // It came up when it was asked to end already.
        'top.started': {
          actions: { type: 'rememberTop', params: ({ event }) => ({ pid: event.pid }) },
        },
        EXIT: {
          guard: { type: 'isTop', params: numberOfSender },
          target: 'stopped',
          actions: 'forgetTop',
        },
      },
    },
    running: {
      on: {
        EXIT: [
          {
            guard: { type: 'isTop', params: numberOfSender },
            target: 'preparingStop',
            actions: ['forgetTop', rememberReasonOfEvent],
          },
          {
            guard: { type: 'isParent', params: numberOfSender },
            target: 'preparingStop',
            actions: rememberReasonOfEvent,
          },
        ],
        'application.stop': {
          target: 'preparingStop',
          actions: { type: 'rememberReason', params: { reason: exitReason.shutdown } },
        },
      },
    },
    preparingStop: {
      meta: { postpone: allElse },
      entry: 'callPrepStop',
      on: { 'prepStop.done': 'stopping' },
    },
    stopping: {
      meta: { postpone: allElse },
      initial: 'choosing',
      states: {
        choosing: { always: [{ guard: 'hasNoTop', target: 'callingStop' }, 'askedTop'] },
        // A supervisor needs all the time that its own children need (APP-005).
        askedTop: {
          entry: 'askTop',
          on: {
            EXIT: {
              guard: { type: 'isTop', params: numberOfSender },
              target: 'callingStop',
              actions: 'forgetTop',
            },
          },
        },
        callingStop: {
          entry: 'callStop',
          on: { 'stop.done': '#application.stopped' },
        },
      },
    },
    stopped: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason ?? exitReason.shutdown }),
});
