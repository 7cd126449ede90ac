import { exitReason, isCleanExit, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../../unprovided-effect.ts';
import { heartbeatFaultOf } from '../../worker/heartbeat-fault.ts';
import type { ForkServerFailure } from './fork-failures.ts';

/** What happens to the fork servers of a pool; `start` says to which of them, counted from 1. */
export type ForkServerEvent =
  /** The server that was started last takes launches. */
  | { readonly type: 'next.ready'; readonly start: number }
  /** It could not be started. */
  | { readonly type: 'next.failed'; readonly start: number; readonly failure: ForkServerFailure }
  /** The one that serves has ended. */
  | { readonly type: 'server.exited'; readonly start: number; readonly why: string }
  /** The one that serves lives, but takes no connections. */
  | { readonly type: 'server.unreachable'; readonly start: number }
  /** Of what the one that serves has forked last, nothing lived long enough to say a word. */
  | { readonly type: 'server.suspected'; readonly start: number }
  /** None lives any more, also none of those that do not serve. Told while they are being stopped only. */
  | { readonly type: 'servers.gone' }
  /** Somebody wants a server of this start, or of a later one. */
  | { readonly type: 'replace.requested'; readonly start: number }
  /** Somebody waits for a launch, and no server serves. */
  | { readonly type: 'launch.waiting' }
  /** The heartbeat monitor found that the serving one hangs, or the supervisor wants an end. */
  | ExitMessage;

/** What is known of the fork servers of a pool. Plain data. */
export interface ForkServerContext {
  /** How many servers were started. */
  readonly starts: number;
  /** Which of them serves, or served last; 0 for none. */
  readonly serving: number;
  /** Servers that were lost or could not be started, while none served, since one lived long enough. */
  readonly failures: number;
  /** Servers that served and were lost. */
  readonly losses: number;
  /** Why the last one was lost, or could not be started; until one serves. */
  readonly why: string | undefined;
  /** Whether a server is wanted that is started later than the last one was. */
  readonly isReplaceWanted: boolean;
  /** How this process ends. */
  readonly reason: ExitReason;
  /** Longest time until a started server takes launches, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** A server that has served so long has no failures behind it, in milliseconds. */
  readonly settleTimeMs: number;
  /** Pause before the second start in a row, in milliseconds; each further one is twice as long. */
  readonly backoffMs: number;
  /** Longest pause, in milliseconds. */
  readonly maxBackoffMs: number;
  /** How long servers may take to end when they are asked to, in milliseconds. */
  readonly stopTimeoutMs: number;
  /** How long the operating system may take to end them after SIGKILL, in milliseconds. */
  readonly killTimeoutMs: number;
}

/** What the process that looks after the fork servers of a pool is started with. */
export interface ForkServerChartInput extends Pick<
  ForkServerContext,
  | 'startupTimeoutMs'
  | 'settleTimeMs'
  | 'backoffMs'
  | 'maxBackoffMs'
  | 'stopTimeoutMs'
  | 'killTimeoutMs'
> {
  /** Where the launches wait, and servers are started; kept by the effects, not by the chart. */
  readonly desk: unknown;
}

/** How it ends. */
export interface ForkServerOutput {
  /** That of the supervisor. */
  readonly reason: ExitReason;
}

const isClean = {
  type: 'isClean',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;
const isSilence = { ...isClean, type: 'isSilence' } as const;
const isSilenceOfOneThatHadSettled = { ...isClean, type: 'isSilenceOfOneThatHadSettled' } as const;
const reasonOfExit = {
  type: 'rememberReason',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;
const failureOfEvent = ({
  event,
}: {
  readonly event: { readonly failure: ForkServerFailure };
}): ForkServerFailure => event.failure;
const eventItself = <Event extends ForkServerEvent>({ event }: { readonly event: Event }): Event =>
  event;
const isLast = {
  type: 'isLast',
  params: ({ event }: { readonly event: { readonly start: number } }) => event.start,
} as const;
const isPermanent = {
  type: 'isPermanent',
  params: eventItself<Extract<ForkServerEvent, { type: 'next.failed' }>>,
} as const;
const isLater = { ...isLast, type: 'isLater' } as const;
const isServing = { ...isLast, type: 'isServing' } as const;
const isServingAndHadSettled = { ...isLast, type: 'isServingAndHadSettled' } as const;
const serve = ['rememberServing', 'promoteNext'] as const;
// Nothing is said with it against the one that serves.
const failReplacement = { type: 'reportFailure', params: failureOfEvent } as const;
const failStart = [{ type: 'rememberFailure', params: failureOfEvent }, failReplacement] as const;
const failLateStart = ['rememberLate', 'discardNext'] as const;
const lose = [
  {
    type: 'reportDeath',
    params: ({ event }: { readonly event: { readonly why: string } }) => event.why,
  },
  {
    type: 'rememberLoss',
    params: ({ event }: { readonly event: { readonly why: string } }) => event.why,
  },
] as const;
const retire = <Why extends string>(why: Why) =>
  [
    { type: 'retireSilent', params: why },
    { type: 'rememberLoss', params: why },
  ] as const;
const suspicion = 'what it forked ended before it could say a word';
const retireSilent = retire('it answered no heartbeat in time');
const retireUnreachable = retire('it takes no connections');
const retireSuspected = [
  { type: 'retireSuspected', params: suspicion },
  { type: 'rememberLoss', params: suspicion },
] as const;
const start = ['countStart', 'startNext'] as const;

/** Effects that are told more than the event. */
const reports: {
  readonly reportFailure: (args: unknown, failure: ForkServerFailure) => never;
  readonly reportDeath: (args: unknown, why: string) => never;
  readonly retireSilent: (args: unknown, why: string) => never;
  readonly retireSuspected: (args: unknown, why: string) => never;
} = {
  reportFailure: provide('reportFailure'),
  reportDeath: provide('reportDeath'),
  retireSilent: provide('retireSilent'),
  retireSuspected: provide('retireSuspected'),
};

/**
 * Keeps one fork server serving for a pool (I7.1, I7.3): starts it, notices its end and its silence at once, starts another,
 * and has another take its place when somebody wants that. Those that do not serve any more live on behind this chart until
 * their last worker has ended.
 *
 * A server that cannot be started is tried again with longer and longer pauses; one that can never be, only when somebody
 * asks for a launch or for a replacement. Whoever waits is told why each time.
 */
export const forkServerMachine = setup({
  types: {
    context: {} as ForkServerContext,
    events: {} as ForkServerEvent,
    input: {} as ForkServerChartInput,
    output: {} as ForkServerOutput,
  },
  actions: {
    startNext: provide('startNext'),
    promoteNext: provide('promoteNext'),
    discardNext: provide('discardNext'),
    ...reports,
    stopServers: provide('stopServers'),
    killServers: provide('killServers'),
    countStart: assign({
      starts: ({ context }) => context.starts + 1,
      isReplaceWanted: false,
    }),
    rememberWish: assign({ isReplaceWanted: true }),
    rememberServing: assign({ serving: ({ context }) => context.starts, why: undefined }),
    rememberFailure: assign({
      failures: ({ context }) => context.failures + 1,
      why: (_, { reason }: ForkServerFailure) => reason,
    }),
    rememberLate: assign({
      failures: ({ context }) => context.failures + 1,
      why: ({ context }) => `it was not ready within ${String(context.startupTimeoutMs)} ms`,
    }),
    rememberLoss: assign({
      failures: ({ context }) => context.failures + 1,
      losses: ({ context }) => context.losses + 1,
      why: (_, why: string) => why,
    }),
    forgetFailures: assign({ failures: 0 }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    isClean: (_, reason: ExitReason) => isCleanExit(reason),
    isSilence: (_, reason: ExitReason) => heartbeatFaultOf(reason) !== undefined,
    isSilenceOfOneThatHadSettled: ({ context }, reason: ExitReason) =>
      context.failures === 0 && heartbeatFaultOf(reason) !== undefined,
    isLater: ({ context }, which: number) => which > context.starts,
    isLast: ({ context }, which: number) => which === context.starts,
    isPermanent: (
      { context },
      { start: which, failure }: { readonly start: number; readonly failure: ForkServerFailure },
    ) => which === context.starts && failure.permanent,
    isServing: ({ context }, which: number) => which === context.serving,
    isServingAndHadSettled: ({ context }, which: number) =>
      which === context.serving && context.failures === 0,
    isReplaceWanted: ({ context }) => context.isReplaceWanted,
  },
  delays: {
    startupTimeout: ({ context }) => context.startupTimeoutMs,
    settleTime: ({ context }) => context.settleTimeMs,
    backoff: ({ context }) =>
      Math.min(context.maxBackoffMs, context.backoffMs * 2 ** (context.failures - 1)),
    stopTimeout: ({ context }) => context.stopTimeoutMs,
    killTimeout: ({ context }) => context.killTimeoutMs,
  },
}).createMachine({
  id: 'forkServer',
  context: ({ input }) => ({
    startupTimeoutMs: input.startupTimeoutMs,
    settleTimeMs: input.settleTimeMs,
    backoffMs: input.backoffMs,
    maxBackoffMs: input.maxBackoffMs,
    stopTimeoutMs: input.stopTimeoutMs,
    killTimeoutMs: input.killTimeoutMs,
    starts: 0,
    serving: 0,
    failures: 0,
    losses: 0,
    why: undefined,
    isReplaceWanted: false,
    reason: exitReason.normal,
  }),
  initial: 'launching',
  on: {
    'replace.requested': { guard: isLater, actions: 'rememberWish' },
    EXIT: [
      // Of one that has been lost already in another way.
      { guard: isSilence },
      // Its supervisor has died: its successor needs its name at once. The effects end the servers when this process is gone.
      { target: '.stopped', actions: reasonOfExit },
    ],
  },
  states: {
    launching: { always: { target: 'starting', actions: start } },
    // None serves, and one is being started.
    starting: {
      on: {
        'next.ready': { guard: isLast, target: 'serving', actions: serve },
        'next.failed': [
          { guard: isPermanent, target: 'failed', actions: failStart },
          { guard: isLast, target: 'backingOff', actions: failStart },
        ],
        EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit },
      },
      after: { startupTimeout: { target: 'backingOff', actions: failLateStart } },
    },
    serving: {
      initial: 'alone',
      on: { EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit } },
      after: { settleTime: { actions: 'forgetFailures' } },
      states: {
        alone: {
          always: { guard: 'isReplaceWanted', target: 'replacing', actions: start },
          on: {
            'server.exited': [
              {
                guard: isServingAndHadSettled,
                target: '#forkServer.launching',
                actions: lose,
              },
              { guard: isServing, target: '#forkServer.backingOff', actions: lose },
            ],
            EXIT: [
              {
                guard: isSilenceOfOneThatHadSettled,
                target: '#forkServer.launching',
                actions: retireSilent,
              },
              { guard: isSilence, target: '#forkServer.backingOff', actions: retireSilent },
            ],
            'server.unreachable': [
              {
                guard: isServingAndHadSettled,
                target: '#forkServer.launching',
                actions: retireUnreachable,
              },
              {
                guard: isServing,
                target: '#forkServer.backingOff',
                actions: retireUnreachable,
              },
            ],
            // Once: if the next one does no better, it was not the server, and the workers say what it is.
            'server.suspected': {
              guard: isServingAndHadSettled,
              target: '#forkServer.launching',
              actions: retireSuspected,
            },
          },
        },
        // Another one is being started beside it.
        replacing: {
          on: {
            'next.ready': { guard: isLast, target: 'alone', actions: serve },
            'next.failed': { guard: isLast, target: 'alone', actions: failReplacement },
            'server.exited': { guard: isServing, target: '#forkServer.starting', actions: lose },
            EXIT: { guard: isSilence, target: '#forkServer.starting', actions: retireSilent },
            'server.unreachable': {
              guard: isServing,
              target: '#forkServer.starting',
              actions: retireUnreachable,
            },
          },
          after: { startupTimeout: { target: 'alone', actions: 'discardNext' } },
        },
      },
    },
    backingOff: {
      on: { EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit } },
      after: { backoff: 'launching' },
    },
    // Trying again cannot help before somebody has changed something.
    failed: {
      always: { guard: 'isReplaceWanted', target: 'launching' },
      on: {
        'launch.waiting': 'launching',
        EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit },
      },
    },
    stopping: {
      entry: 'stopServers',
      on: {
        'servers.gone': 'stopped',
        EXIT: { guard: isClean, actions: reasonOfExit },
      },
      after: { stopTimeout: 'killing' },
    },
    killing: {
      entry: 'killServers',
      on: {
        'servers.gone': 'stopped',
        EXIT: { guard: isClean, actions: reasonOfExit },
      },
      after: { killTimeout: 'stopped' },
    },
    stopped: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});
