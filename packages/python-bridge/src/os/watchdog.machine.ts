import { exitReason, isCleanExit, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { WatchedGroups } from './watchdog-groups.ts';
import type { WatchdogCommand } from './watchdog-process.ts';

/** What happens to the process that looks after the watchdog. */
export type WatchdogEvent =
  /** The watchdog reads what we write. */
  | { readonly type: 'watchdog.ready'; readonly osPid: number }
  /** It says that it cannot do its work here. */
  | { readonly type: 'watchdog.faulted'; readonly fault: string }
  /** It has ended, or could not be started at all. */
  | { readonly type: 'watchdog.exited'; readonly why: string }
  /** The supervisor wants an end. */
  | ExitMessage;

/** What is known of the watchdog. Plain data. */
export interface WatchdogContext {
  /** Number of its operating system process, while it runs. */
  readonly osPid: number | undefined;
  /** Watchdogs that were lost or could not be started since one lived long enough. */
  readonly failures: number;
  /** Watchdogs that have guarded and were lost. */
  readonly deaths: number;
  /** Why the last one was lost, or could not be started. */
  readonly why: string | undefined;
  /** What the watchdog says is wrong with this machine. */
  readonly fault: string | undefined;
  /** How this process ends. */
  readonly reason: ExitReason;
  /** Longest time until a started watchdog is ready, in milliseconds. */
  readonly startTimeoutMs: number;
  /** A watchdog that has lived so long has no failures behind it, in milliseconds. */
  readonly settleTimeMs: number;
  /** Pause before the second start in a row, in milliseconds; each further one is twice as long. */
  readonly backoffMs: number;
  /** Longest pause, in milliseconds. */
  readonly maxBackoffMs: number;
  /** How long the watchdog may take to leave when it is told to, in milliseconds. */
  readonly byeTimeoutMs: number;
  /** How long the operating system may take to end it after SIGKILL, in milliseconds. */
  readonly killTimeoutMs: number;
}

/** What the process that looks after the watchdog is started with. */
export interface WatchdogInput extends Pick<
  WatchdogContext,
  | 'startTimeoutMs'
  | 'settleTimeMs'
  | 'backoffMs'
  | 'maxBackoffMs'
  | 'byeTimeoutMs'
  | 'killTimeoutMs'
> {
  /** Id of the run, for events; like what follows it is kept by the effects, not by the chart. */
  readonly runId: string;
  /** Entry that every process of the run carries. */
  readonly marker: string;
  /** What is to be ended when the runtime is dead. */
  readonly groups: WatchedGroups;
  /** How a watchdog is started. */
  readonly command: WatchdogCommand;
}

/** How it ends. */
export interface WatchdogOutput {
  /** That of the supervisor. */
  readonly reason: ExitReason;
}

const isClean = {
  type: 'isClean',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;
const reasonOfExit = {
  type: 'rememberReason',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;
const whyOfExit = {
  type: 'rememberLoss',
  params: ({ event }: { readonly event: { readonly why: string } }) => event.why,
} as const;

/**
 * Keeps one watchdog running beside the runtime (R4.1, ADR-0015): starts it, notices its end at once, starts another, and lets
 * it go at the end.
 *
 * A watchdog that cannot be started is tried again for ever, with longer and longer pauses; the runtime goes on
 * without, because it is one layer of several, and the absence is reported.
 */
export const watchdogMachine = setup({
  types: {
    context: {} as WatchdogContext,
    events: {} as WatchdogEvent,
    input: {} as WatchdogInput,
    output: {} as WatchdogOutput,
  },
  actions: {
    startWatchdog: provide('startWatchdog'),
    killWatchdog: provide('killWatchdog'),
    sayBye: provide('sayBye'),
    reportStarted: provide('reportStarted'),
    reportUnavailable: provide('reportUnavailable'),
    reportDied: provide('reportDied'),
    reportFault: provide('reportFault'),
    reportStopped: provide('reportStopped'),
    rememberReady: assign({ osPid: (_, osPid: number) => osPid, why: undefined }),
    rememberFault: assign({ fault: (_, fault: string) => fault }),
    rememberLoss: assign({
      osPid: undefined,
      failures: ({ context }) => context.failures + 1,
      why: (_, why: string) => why,
    }),
    rememberLate: assign({
      failures: ({ context }) => context.failures + 1,
      why: ({ context }) => `it was not ready within ${String(context.startTimeoutMs)} ms`,
    }),
    countDeath: assign({ deaths: ({ context }) => context.deaths + 1 }),
    forgetFailures: assign({ failures: 0 }),
    forgetPid: assign({ osPid: undefined }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    isClean: (_, reason: ExitReason) => isCleanExit(reason),
    hadSettled: ({ context }) => context.failures === 0,
  },
  delays: {
    startTimeout: ({ context }) => context.startTimeoutMs,
    settleTime: ({ context }) => context.settleTimeMs,
    backoff: ({ context }) =>
      Math.min(context.maxBackoffMs, context.backoffMs * 2 ** (context.failures - 1)),
    byeTimeout: ({ context }) => context.byeTimeoutMs,
    killTimeout: ({ context }) => context.killTimeoutMs,
  },
}).createMachine({
  id: 'watchdog',
  context: ({ input }) => ({
    startTimeoutMs: input.startTimeoutMs,
    settleTimeMs: input.settleTimeMs,
    backoffMs: input.backoffMs,
    maxBackoffMs: input.maxBackoffMs,
    byeTimeoutMs: input.byeTimeoutMs,
    killTimeoutMs: input.killTimeoutMs,
    osPid: undefined,
    failures: 0,
    deaths: 0,
    why: undefined,
    fault: undefined,
    reason: exitReason.normal,
  }),
  initial: 'starting',
  // Its supervisor has died: its successor needs its name at once. The effects let the watchdog go when this process is gone.
  on: { EXIT: { target: '.stopped', actions: reasonOfExit } },
  states: {
    // Groups are written to it from its spawn on: what it reads later was sent in time.
    starting: {
      entry: 'startWatchdog',
      on: {
        'watchdog.ready': {
          target: 'guarding',
          actions: [
            { type: 'rememberReady', params: ({ event }) => event.osPid },
            { type: 'reportStarted' },
          ],
        },
        'watchdog.exited': { target: 'backingOff', actions: [whyOfExit, 'reportUnavailable'] },
        EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit },
      },
      after: {
        startTimeout: { target: 'discarding', actions: ['rememberLate', 'reportUnavailable'] },
      },
    },
    guarding: {
      on: {
        'watchdog.faulted': {
          actions: [
            { type: 'rememberFault', params: ({ event }) => event.fault },
            { type: 'reportFault' },
          ],
        },
        'watchdog.exited': [
          {
            guard: 'hadSettled',
            target: 'starting',
            actions: ['reportDied', whyOfExit, 'countDeath'],
          },
          { target: 'backingOff', actions: ['reportDied', whyOfExit, 'countDeath'] },
        ],
        EXIT: { guard: isClean, target: 'stopping', actions: reasonOfExit },
      },
      after: { settleTime: { actions: 'forgetFailures' } },
    },
    backingOff: {
      on: { EXIT: { guard: isClean, target: 'stopped', actions: reasonOfExit } },
      after: { backoff: 'starting' },
    },
    discarding: {
      entry: 'killWatchdog',
      on: {
        'watchdog.exited': 'backingOff',
        EXIT: { guard: isClean, target: 'killing', actions: reasonOfExit },
      },
      after: { killTimeout: 'backingOff' },
    },
    stopping: {
      entry: 'sayBye',
      on: {
        'watchdog.exited': { target: 'stopped', actions: ['forgetPid', 'reportStopped'] },
        EXIT: { guard: isClean, actions: reasonOfExit },
      },
      after: { byeTimeout: 'killing' },
    },
    killing: {
      entry: 'killWatchdog',
      on: {
        'watchdog.exited': { target: 'stopped', actions: ['forgetPid', 'reportStopped'] },
        EXIT: { guard: isClean, actions: reasonOfExit },
      },
      after: { killTimeout: 'stopped' },
    },
    stopped: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});
