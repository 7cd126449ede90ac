import { exitReason, type DownMessage, type ExitReason } from '@snakepit/core';
import * as decide from './dynamic-context.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import { backingOffState, idleState } from './dynamic-idle.ts';
import { dynamicSetup } from './dynamic-setup.ts';
import type {
  DynamicSupervisorEvent,
  DynamicSupervisorInput,
  DynamicSupervisorOutput,
} from './dynamic-setup.ts';
import { endOfDynamicStopped } from './reports.ts';
import { allElse, done, ignored, refusedOr } from './requests.ts';
import * as restart from './restart-decisions.ts';
import { startOf } from './supervisor-states.ts';

export type {
  DynamicSupervisorContext,
  DynamicSupervisorEvent,
  DynamicSupervisorInput,
  DynamicSupervisorOutput,
};

type Known = Pick<DynamicSupervisorContext, 'children' | 'at'>;

const atHand = ({ context }: { context: Known }) => ({ serial: context.at ?? -1 });
const pidOfDown = ({ event }: { event: DownMessage }) => ({ pid: event.pid?.id });
const stopped = [
  {
    type: 'noteEnd',
    params: ({ context, event }: { context: Known; event: DownMessage }) =>
      endOfDynamicStopped(context.children, event.pid?.id, event.reason),
  },
  { type: 'rememberStop', params: pidOfDown },
] as const;

const oneStopped = {
  DOWN: {
    guard: { type: 'isAtHand', params: pidOfDown },
    target: '#dynamicSupervisor.running.idle',
    actions: [...stopped, { type: 'answerCaller', params: { answer: done } }],
  },
} as const;

const lostWhileStopping = {
  DOWN: [
    {
      guard: { type: 'isLastChild', params: pidOfDown },
      target: '#dynamicSupervisor.terminated',
      actions: stopped,
    },
    { guard: { type: 'isChild', params: pidOfDown }, actions: stopped },
  ],
} as const;

const startedOnRequest = {
  target: 'idle',
  actions: [
    { type: 'rememberStart', params: startOf },
    {
      type: 'noteStart',
      params: ({ context }: { context: Known }) => ({
        ...atHand({ context }),
        again: false,
        asked: true,
      }),
    },
    {
      type: 'answerCaller',
      params: ({ context }: { context: Known }) => ({
        answer: { kind: 'started' as const, serial: context.at ?? -1 },
      }),
    },
  ],
} as const;

const ignoredOnRequest = {
  target: 'idle',
  actions: [
    { type: 'answerCaller', params: { answer: ignored } },
    { type: 'forgetSpec', params: atHand },
    'dropChild',
  ],
} as const;

const refuseToCaller = {
  type: 'answerCaller',
  params: ({ event }: { event: { reason: ExitReason } }) => ({
    answer: refusedOr({ kind: 'startFailed', reason: event.reason, serial: null }),
  }),
} as const;

const giveUpReason = { type: 'rememberReason', params: { reason: exitReason.shutdown } } as const;

/** A dynamic supervisor: children come and go on request, and all stop at once. */
export const dynamicSupervisorMachine = dynamicSetup.createMachine({
  id: 'dynamicSupervisor',
  context: ({ input }) => decide.openingContext(input),
  initial: 'starting',
  states: {
    starting: {
      tags: 'initialising',
      initial: 'validating',
      states: {
        validating: {
          always: [{ guard: 'isFaulty', target: '#dynamicSupervisor.failed' }, 'introducing'],
        },
        introducing: {
          meta: { postpone: allElse },
          entry: 'introduce',
          on: {
            'parent.known': {
              target: '#dynamicSupervisor.running',
              actions: {
                type: 'rememberParent',
                params: ({ event }) => ({ parent: event.parent }),
              },
            },
          },
        },
      },
    },
    running: {
      initial: 'idle',
      states: {
        idle: idleState,
        backingOff: backingOffState,
        classifying: {
          always: [
            { guard: 'callsForRestart', target: 'checkingIntensity' },
            { target: 'idle', actions: [{ type: 'forgetSpec', params: atHand }, 'dropChild'] },
          ],
        },
        // What blocks a start could never go away if retries left timers and I/O no turn (STR-019).
        yielding: {
          meta: { postpone: allElse },
          entry: 'yieldTurn',
          on: { 'turn.came': 'checkingIntensity' },
        },
        checkingIntensity: {
          meta: { postpone: allElse },
          initial: 'readingClock',
          states: {
            readingClock: {
              entry: 'readClock',
              on: {
                'second.read': {
                  target: 'weighing',
                  actions: {
                    type: 'countAttempt',
                    params: ({ event: { atSecond, atMs } }) => ({ atSecond, atMs }),
                  },
                },
              },
            },
            weighing: {
              always: [
                {
                  guard: 'gaveUp',
                  target: '#dynamicSupervisor.stopping',
                  actions: [{ type: 'noteGivingUp', params: atHand }, giveUpReason],
                },
                {
                  guard: 'isGivenUp',
                  target: '#dynamicSupervisor.running.idle',
                  actions: [{ type: 'noteGivenUp', params: atHand }, 'giveUpChild'],
                },
                {
                  guard: 'mustWait',
                  target: '#dynamicSupervisor.running.backingOff',
                  actions: [
                    'backOff',
                    {
                      type: 'waitToRestart',
                      params: ({ context }) => restart.waitAtHand(context),
                    },
                  ],
                },
                { target: '#dynamicSupervisor.running.restartingOne' },
              ],
            },
          },
        },
        restartingOne: {
          meta: { postpone: allElse },
          entry: ['beginStart', { type: 'startChild', params: atHand }],
          on: {
            'child.started': {
              target: 'idle',
              actions: [
                { type: 'rememberStart', params: startOf },
                {
                  type: 'noteStart',
                  params: ({ context }) => ({ ...atHand({ context }), again: true, asked: false }),
                },
              ],
            },
            'child.ignored': {
              target: 'idle',
              actions: [
                { type: 'noteIgnored', params: atHand },
                { type: 'forgetSpec', params: atHand },
                'dropChild',
              ],
            },
            'child.failed': {
              target: 'idle',
              actions: [
                {
                  type: 'noteFailure',
                  params: ({ context, event }) => ({
                    ...atHand({ context }),
                    reason: event.reason,
                    again: true,
                  }),
                },
                'awaitRetry',
                { type: 'retryLater', params: atHand },
              ],
            },
          },
        },
        startingOne: {
          meta: { postpone: allElse },
          entry: ['beginStart', { type: 'startChild', params: atHand }],
          on: {
            'child.started': startedOnRequest,
            'child.ignored': ignoredOnRequest,
            'child.failed': {
              target: 'idle',
              actions: [refuseToCaller, { type: 'forgetSpec', params: atHand }, 'dropChild'],
            },
          },
        },
        revivingOne: {
          meta: { postpone: allElse },
          entry: ['beginStart', { type: 'startChild', params: atHand }],
          on: {
            'child.started': startedOnRequest,
            'child.ignored': ignoredOnRequest,
            'child.failed': { target: 'idle', actions: [refuseToCaller, 'giveUpChild'] },
          },
        },
        stoppingOne: {
          meta: { postpone: allElse },
          initial: 'choosing',
          states: {
            choosing: {
              always: [
                { guard: 'isBrutal', target: 'killing' },
                { guard: 'isPatient', target: 'askedWithoutLimit' },
                { target: 'asked' },
              ],
            },
            asked: {
              entry: { type: 'askChild', params: atHand },
              after: { shutdown: 'killing' },
              on: oneStopped,
            },
            // A supervisor child needs all the time that its own children need (SHD-003).
            askedWithoutLimit: { entry: { type: 'askChild', params: atHand }, on: oneStopped },
            // Nothing survives a kill, so the wait for the end needs no limit (SHD-002).
            killing: { entry: { type: 'killChild', params: atHand }, on: oneStopped },
          },
        },
      },
    },
    stopping: {
      meta: { postpone: allElse },
      entry: ['beginStop', 'askAll'],
      initial: 'choosing',
      on: lostWhileStopping,
      states: {
        choosing: {
          always: [
            { guard: 'isEmpty', target: '#dynamicSupervisor.terminated' },
            { guard: 'hasLimits', target: 'waiting' },
            { target: 'waitingWithoutLimit' },
          ],
        },
        waiting: {
          after: {
            nextShutdown: {
              target: 'choosing',
              actions: [
                {
                  type: 'killOverdue',
                  params: ({ context }) => ({ limitMs: context.limits[0] ?? 0 }),
                },
                'closeLimit',
              ],
            },
          },
        },
        // Left are those that were killed, and those that are given all the time they need (SHD-002, SHD-003).
        waitingWithoutLimit: {},
      },
    },
    failed: { type: 'final' },
    terminated: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason ?? exitReason.normal }),
});
