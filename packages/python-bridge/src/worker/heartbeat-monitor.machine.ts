import { exitReason, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import type { WorkerBeats } from '../hosts/worker-host.ts';

/** What happens to a heartbeat monitor. */
export type HeartbeatMonitorEvent =
  /** The worker answered a ping. */
  | { readonly type: 'pong.received'; readonly seq: number; readonly latencyMs: number }
  /** A ping had no answer in time, and our own event loop was not the reason. */
  | { readonly type: 'miss.confirmed' }
  /** A ping had no answer in time, but our own event loop had stood still: the verdict would be about us. */
  | { readonly type: 'miss.excused' }
  /** Nothing was heard for too long, and our own event loop was not the reason. */
  | { readonly type: 'silence.confirmed' }
  /** Nothing was heard for too long, but for a part of it our own event loop had stood still. */
  | { readonly type: 'silence.excused' };

/** What a heartbeat monitor knows. */
export interface HeartbeatMonitorContext {
  /** Which worker, for events. */
  readonly workerId: string;
  /** Its pool. */
  readonly pool: string;
  /** Milliseconds between two pings. */
  readonly pingIntervalMs: number;
  /** Milliseconds without an answer after which the worker is unhealthy whatever the count. */
  readonly timeoutThresholdMs: number;
  /** Misses in a row that make the worker unhealthy. */
  readonly maxMissed: number;
  /** Misses in a row so far. */
  readonly missed: number;
  /** Number of the last ping. */
  readonly seq: number;
  /** How long the last answer took, in milliseconds. */
  readonly latencyMs: number | undefined;
}

/** What a heartbeat monitor is started with. */
export interface HeartbeatMonitorInput extends Pick<
  HeartbeatMonitorContext,
  'workerId' | 'pool' | 'pingIntervalMs' | 'timeoutThresholdMs' | 'maxMissed'
> {
  /** Where the pings go; kept by the effects, not by the chart. */
  readonly beats: WorkerBeats;
}

/** How a heartbeat monitor ends by itself: always abnormally, so that the worker is replaced. */
export interface HeartbeatMonitorOutput {
  /** `custom('heartbeatTimeout')` (ADR-0004). */
  readonly reason: ExitReason;
}

/** The reason with which a monitor, and then its worker, ends when the worker is unhealthy. */
export const heartbeatTimeout: ExitReason = exitReason.custom('heartbeatTimeout');

/**
 * Finds a worker that hangs (R2.2): `maxMissed` misses in a row, or `timeoutThreshold` since the last answer.
 *
 * A miss is a ping without a pong within one interval. Before it counts it is judged, because the verdict must be about
 * the worker and not about us: after a stall of our own event loop the worker first gets a fresh ping.
 */
export const heartbeatMonitorMachine = setup({
  types: {
    context: {} as HeartbeatMonitorContext,
    events: {} as HeartbeatMonitorEvent,
    input: {} as HeartbeatMonitorInput,
    output: {} as HeartbeatMonitorOutput,
  },
  actions: {
    sendPing: provide('sendPing'),
    noteStall: provide('noteStall'),
    judgeMiss: provide('judgeMiss'),
    judgeSilence: provide('judgeSilence'),
    reportPong: provide('reportPong'),
    reportMiss: provide('reportMiss'),
    reportUnhealthy: provide('reportUnhealthy'),
    numberPing: assign({ seq: ({ context }) => context.seq + 1 }),
    countMiss: assign({ missed: ({ context }) => context.missed + 1 }),
    rememberPong: assign({ missed: 0, latencyMs: (_, latencyMs: number) => latencyMs }),
  },
  guards: {
    hasBudgetLeft: ({ context }) => context.missed + 1 < context.maxMissed,
  },
  delays: {
    pingInterval: ({ context }) => context.pingIntervalMs,
    timeoutThreshold: ({ context }) => context.timeoutThresholdMs,
  },
}).createMachine({
  id: 'heartbeatMonitor',
  context: ({ input }) => ({
    workerId: input.workerId,
    pool: input.pool,
    pingIntervalMs: input.pingIntervalMs,
    timeoutThresholdMs: input.timeoutThresholdMs,
    maxMissed: input.maxMissed,
    missed: 0,
    seq: 0,
    latencyMs: undefined,
  }),
  initial: 'watching',
  states: {
    watching: {
      initial: 'pinging',
      // Entered anew by every pong, so this is the time since the last one.
      after: { timeoutThreshold: 'judgingSilence' },
      on: {
        'pong.received': {
          target: '.healthy',
          reenter: true,
          actions: [
            { type: 'rememberPong', params: ({ event }) => event.latencyMs },
            { type: 'reportPong' },
          ],
        },
      },
      states: {
        pinging: {
          entry: ['numberPing', 'sendPing'],
          after: { pingInterval: 'judgingMiss' },
        },
        healthy: { after: { pingInterval: { target: 'pinging', actions: 'noteStall' } } },
        // The verdict comes within a turn of the event loop, after what was on its way has been read.
        judgingMiss: {
          entry: 'judgeMiss',
          on: {
            'miss.confirmed': [
              {
                guard: 'hasBudgetLeft',
                target: 'missed',
                actions: ['countMiss', 'reportMiss'],
              },
              {
                target: '#heartbeatMonitor.unhealthy',
                actions: ['countMiss', 'reportMiss'],
              },
            ],
            'miss.excused': '#heartbeatMonitor.watching',
          },
        },
        missed: {
          entry: ['numberPing', 'sendPing'],
          after: { pingInterval: 'judgingMiss' },
        },
      },
    },
    // As above.
    judgingSilence: {
      entry: 'judgeSilence',
      on: {
        'pong.received': {
          target: 'watching.healthy',
          actions: [
            { type: 'rememberPong', params: ({ event }) => event.latencyMs },
            { type: 'reportPong' },
          ],
        },
        'silence.confirmed': 'unhealthy',
        'silence.excused': 'watching',
      },
    },
    unhealthy: { type: 'final', entry: 'reportUnhealthy' },
  },
  output: { reason: heartbeatTimeout },
});
