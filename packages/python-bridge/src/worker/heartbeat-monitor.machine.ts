import type { ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { WorkerStatistics } from '../bridge/worker-client.ts';
import type { Pong, WorkerBeats } from '../hosts/worker-host.ts';
import { heartbeatTimeout, type HeartbeatFault, type HeartbeatPath } from './heartbeat-fault.ts';
import type { SharedMoments } from './shared-moments.ts';

/** What happens to a heartbeat monitor. Time comes as events, too: one timer serves both paths. */
export type HeartbeatMonitorEvent =
  /** The worker answered a ping on the beat channel. */
  | {
      readonly type: 'pong.received';
      readonly latencyMs: number;
      readonly atMs: number;
      readonly pong: Pong;
    }
  /** Its server answered a ping. */
  | {
      readonly type: 'probe.answered';
      readonly latencyMs: number;
      readonly atMs: number;
      readonly statistics: WorkerStatistics | undefined;
    }
  /** Its server refused a ping, cannot be reached, or says that it is not well. */
  | { readonly type: 'probe.failed'; readonly error: Error }
  /** A refused ping may be tried again. */
  | { readonly type: 'retry.due' }
  /** An interval is over, and our own event loop was there for all of it. */
  | {
      readonly type: 'interval.passed';
      /** Whether calls have succeeded meanwhile: then the serving path needs no ping to show that it serves. */
      readonly served: boolean;
      readonly atMs: number;
    }
  /** For a part of the time our own event loop had stood still: a verdict would be about us. */
  | { readonly type: 'interval.excused' }
  /** A path has been silent for too long, and our own event loop was not the reason. */
  | { readonly type: 'silence.confirmed'; readonly path: HeartbeatPath };

/** What is known of one path. */
export interface PathHealth {
  /** Misses in a row so far. */
  readonly missed: number;
  /** How long the last answer took, in milliseconds. */
  readonly latencyMs: number | undefined;
  /** When it came, or when a call had shown that the path serves, by the clock of the system. */
  readonly answeredAtMs: number | undefined;
}

/** What a heartbeat monitor knows. */
export interface HeartbeatMonitorContext {
  /** Which worker, for events. */
  readonly workerId: string;
  /** Its pool. */
  readonly pool: string;
  /** Milliseconds between two pings. */
  readonly pingIntervalMs: number;
  /** Milliseconds without an answer on a path after which the worker is unhealthy whatever the count. */
  readonly timeoutThresholdMs: number;
  /** Misses in a row on one path that make the worker unhealthy. */
  readonly maxMissed: number;
  /** Milliseconds that a call may execute before its worker is replaced; Infinity for ever. */
  readonly busyTimeoutMs: number;
  /** The beat channel. */
  readonly beats: PathHealth;
  /** The server that takes the calls. */
  readonly serving: PathHealth;
  /** What its server said of itself last. */
  readonly statistics: WorkerStatistics | undefined;
  /** Why it is unhealthy, once it is. */
  readonly fault: HeartbeatFault | undefined;
}

/** The server of a worker, as its monitor sees it. */
export interface ServingPath {
  /** How many calls have succeeded; only its change matters. */
  readonly succeeded: number;
  /**
   * Asks whether it answers.
   *
   * @throws SnakepitError when it did not, in this time.
   */
  ping(limits: { readonly deadlineMs: number }): Promise<{
    readonly success: boolean;
    readonly statistics: WorkerStatistics | undefined;
  }>;
}

/** What a heartbeat monitor is started with. */
export interface HeartbeatMonitorInput extends Pick<
  HeartbeatMonitorContext,
  'workerId' | 'pool' | 'pingIntervalMs' | 'timeoutThresholdMs' | 'maxMissed' | 'busyTimeoutMs'
> {
  /** Where the beats go; kept by the effects, not by the chart. */
  readonly beatChannel: WorkerBeats;
  /** Where the other pings go; likewise. */
  readonly server: ServingPath;
  /** When it wakes up, shared with the monitors of other workers; likewise. */
  readonly moments: SharedMoments;
}

/** How a heartbeat monitor ends by itself: always abnormally, so that the worker is replaced. */
export interface HeartbeatMonitorOutput {
  /** One of {@link heartbeatTimeout} (ADR-0014). */
  readonly reason: ExitReason;
}

const unheard: PathHealth = { missed: 0, latencyMs: undefined, answeredAtMs: undefined };

interface Answer {
  readonly path: HeartbeatPath;
  readonly latencyMs: number;
  readonly atMs: number;
}

interface Miss {
  readonly path: HeartbeatPath;
  readonly error?: Error;
}

/** Effects that are told more than the event. */
const reports: {
  readonly reportAnswer: (args: unknown, answer: Answer) => never;
  readonly reportMiss: (args: unknown, miss: Miss) => never;
} = { reportAnswer: provide('reportAnswer'), reportMiss: provide('reportMiss') };

const answerOn = (path: HeartbeatPath) => ({
  params: ({
    event: { latencyMs, atMs },
  }: {
    readonly event: { readonly latencyMs: number; readonly atMs: number };
  }): Answer => ({ path, latencyMs, atMs }),
});

const missOn = (path: HeartbeatPath) =>
  [
    { type: 'countMiss', params: path },
    { type: 'reportMiss', params: { path } },
  ] as const;

const hasBudgetOn = (path: HeartbeatPath) => ({ type: 'hasBudgetLeft', params: path }) as const;

const blame = (fault: HeartbeatFault) => ({ type: 'blame', params: fault }) as const;

const isServed = {
  type: 'isServed',
  params: ({ event }: { readonly event: { readonly served: boolean } }) => event.served,
} as const;

const isServedAndMayRest = { ...isServed, type: 'isServedAndMayRest' } as const;

const rememberServed = {
  type: 'rememberServed',
  params: ({ event }: { readonly event: { readonly atMs: number } }) => event.atMs,
} as const;

const refusal = [
  { type: 'countMiss', params: 'serving' },
  {
    type: 'reportMiss',
    params: ({ event }: { readonly event: { readonly error: Error } }) =>
      ({ path: 'serving', error: event.error }) as const,
  },
] as const;

const loopOf = {
  type: 'isLoopStuck',
  params: ({ event }: { readonly event: { readonly pong: Pong } }) => event.pong.loopLagMs,
} as const;

function hasBudgetLeft(context: HeartbeatMonitorContext, path: HeartbeatPath): boolean {
  return context[path].missed + 1 < context.maxMissed;
}

/** Whether the serving path may be left alone for an interval: else the threshold could come before the next answer. */
function mayRest({ timeoutThresholdMs, pingIntervalMs }: HeartbeatMonitorContext): boolean {
  return timeoutThresholdMs >= 3 * pingIntervalMs;
}

/** An event loop that is stuck answers no call: as good as a ping without an answer, where none is on its way. */
const stuckLoop = [
  {
    guard: { ...loopOf, type: 'isLoopStuckWithBudget' },
    target: 'asking',
    actions: missOn('serving'),
  },
  { guard: loopOf, target: 'silent', actions: [...missOn('serving'), blame('serving')] },
] as const;

/**
 * Finds a worker that hangs (R2.2), by two kinds of pings: *beats*, which a thread of the worker answers whatever its tools
 * do, each interval; and pings to the *server*, the way calls go, every second interval, left out where calls succeed anyway.
 *
 * Unhealthy is a worker with `maxMissed` misses in a row, or `timeoutThreshold` without an answer, on either path. A miss is
 * a ping without an answer within an interval, or refused; a refused one is tried again with exponential backoff (R10.1).
 * After a stall of our own event loop both paths first get a fresh ping: the verdict must be about the worker.
 */
export const heartbeatMonitorMachine = setup({
  types: {
    context: {} as HeartbeatMonitorContext,
    events: {} as HeartbeatMonitorEvent,
    input: {} as HeartbeatMonitorInput,
    output: {} as HeartbeatMonitorOutput,
  },
  actions: {
    ...{ sendBeat: provide('sendBeat'), sendProbe: provide('sendProbe') },
    ...{ scheduleRetry: provide('scheduleRetry'), ...reports },
    reportUnhealthy: provide('reportUnhealthy'),
    rememberAnswer: assign((_, { path, latencyMs, atMs }: Answer) => ({
      [path]: { missed: 0, latencyMs, answeredAtMs: atMs },
    })),
    rememberServed: assign({
      serving: ({ context }, atMs: number) => ({
        ...context.serving,
        missed: 0,
        answeredAtMs: atMs,
      }),
    }),
    rememberStatistics: assign({
      statistics: (_, statistics: WorkerStatistics | undefined) => statistics,
    }),
    countMiss: assign(({ context }, path: HeartbeatPath) => ({
      [path]: { ...context[path], missed: context[path].missed + 1 },
    })),
    blame: assign({ fault: (_, fault: HeartbeatFault) => fault }),
  },
  guards: {
    isBlamed: ({ context }) => context.fault !== undefined,
    hasBudgetLeft: ({ context }, path: HeartbeatPath) => hasBudgetLeft(context, path),
    isOverdue: ({ context }, oldestCallMs: number) => oldestCallMs > context.busyTimeoutMs,
    isLoopStuck: ({ context }, loopLagMs: number) => loopLagMs > context.timeoutThresholdMs,
    isLoopStuckWithBudget: ({ context }, loopLagMs: number) =>
      loopLagMs > context.timeoutThresholdMs && hasBudgetLeft(context, 'serving'),
    mayRest: ({ context }) => mayRest(context),
    isServed: (_, served: boolean) => served,
    isServedAndMayRest: ({ context }, served: boolean) => served && mayRest(context),
  },
}).createMachine({
  id: 'heartbeatMonitor',
  context: ({ input }) => ({
    workerId: input.workerId,
    pool: input.pool,
    pingIntervalMs: input.pingIntervalMs,
    timeoutThresholdMs: input.timeoutThresholdMs,
    maxMissed: input.maxMissed,
    busyTimeoutMs: input.busyTimeoutMs,
    beats: unheard,
    serving: unheard,
    statistics: undefined,
    fault: undefined,
  }),
  initial: 'watching',
  states: {
    watching: {
      type: 'parallel',
      // Both regions may take the same event: whoever finds a fault notes it, and only here is the conclusion drawn.
      always: { guard: 'isBlamed', target: 'unhealthy' },
      on: {
        'silence.confirmed': {
          target: 'unhealthy',
          actions: { type: 'blame', params: ({ event }) => event.path },
        },
      },
      states: {
        beats: {
          initial: 'asking',
          on: {
            'pong.received': [
              {
                guard: { type: 'isOverdue', params: ({ event }) => event.pong.oldestCallMs },
                target: '.answered',
                actions: [{ type: 'rememberAnswer', ...answerOn('beats') }, blame('busy')],
              },
              {
                target: '.answered',
                actions: [
                  { type: 'rememberAnswer', ...answerOn('beats') },
                  { type: 'reportAnswer', ...answerOn('beats') },
                ],
              },
            ],
            'interval.excused': '.asking',
          },
          states: {
            asking: {
              entry: 'sendBeat',
              on: {
                'interval.passed': [
                  {
                    guard: hasBudgetOn('beats'),
                    target: 'asking',
                    reenter: true,
                    actions: missOn('beats'),
                  },
                  { target: 'silent', actions: [...missOn('beats'), blame('beats')] },
                ],
              },
            },
            answered: { on: { 'interval.passed': 'asking' } },
            silent: {},
          },
        },
        serving: {
          // The worker is ready because its first call has gone through.
          initial: 'proven',
          on: {
            'probe.answered': {
              target: '.proven',
              actions: [
                { type: 'rememberAnswer', ...answerOn('serving') },
                { type: 'rememberStatistics', params: ({ event }) => event.statistics },
                { type: 'reportAnswer', ...answerOn('serving') },
              ],
            },
            'interval.excused': '.asking',
          },
          states: {
            proven: {
              on: {
                'interval.passed': [{ guard: 'mayRest', target: 'resting' }, { target: 'asking' }],
                'pong.received': stuckLoop,
              },
            },
            resting: {
              on: {
                'interval.passed': [
                  { guard: isServed, actions: rememberServed },
                  { target: 'asking' },
                ],
                'pong.received': stuckLoop,
              },
            },
            asking: {
              entry: 'sendProbe',
              on: {
                'interval.passed': [
                  { guard: isServedAndMayRest, target: 'resting', actions: rememberServed },
                  { guard: isServed, target: 'asking', reenter: true, actions: rememberServed },
                  {
                    guard: hasBudgetOn('serving'),
                    target: 'asking',
                    reenter: true,
                    actions: missOn('serving'),
                  },
                  { target: 'silent', actions: [...missOn('serving'), blame('serving')] },
                ],
                'probe.failed': [
                  {
                    guard: hasBudgetOn('serving'),
                    target: 'backingOff',
                    actions: refusal,
                  },
                  { target: 'silent', actions: [...refusal, blame('serving')] },
                ],
              },
            },
            backingOff: {
              entry: 'scheduleRetry',
              on: {
                'retry.due': 'asking',
                'interval.passed': { guard: isServed, target: 'asking', actions: rememberServed },
              },
            },
            silent: {},
          },
        },
      },
    },
    unhealthy: { type: 'final', entry: 'reportUnhealthy' },
  },
  output: ({ context }) => ({ reason: heartbeatTimeout[context.fault ?? 'beats'] }),
});
