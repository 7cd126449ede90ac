import { assign, setup } from 'xstate';
import {
  exitReason,
  type DownMessage,
  type ExitMessage,
  type ExitReason,
  type From,
} from '@snakepit/core';
import { childOfPid } from './children.ts';
import * as decide from './dynamic-context.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import type { DynamicSupervisorOptions } from './dynamic-options.ts';
import { endByItself, endOfDynamicStopped, type EndOfChild } from './reports.ts';
import { effect, heldWhileBusy, heldWhileStopping } from './requests.ts';
import type {
  Answer,
  DynamicRequest,
  Refusal,
  RetryMessage,
  StopMessage,
  SupervisorFact,
} from './requests.ts';

export type { DynamicSupervisorContext };

/** What a dynamic supervisor is told. */
export type DynamicSupervisorEvent =
  SupervisorFact | DynamicRequest | RetryMessage | StopMessage | ExitMessage | DownMessage;

/** What a dynamic supervisor is started with. */
export type DynamicSupervisorInput = DynamicSupervisorOptions;

/** What a dynamic supervisor ends with. */
export interface DynamicSupervisorOutput {
  /** Its exit reason. */
  readonly reason: ExitReason;
}

const chart = setup({
  types: {
    context: {} as DynamicSupervisorContext,
    events: {} as DynamicSupervisorEvent,
    input: {} as DynamicSupervisorInput,
    output: {} as DynamicSupervisorOutput,
    tags: {} as 'initialising',
  },
  delays: {
    shutdown: ({ context }) => {
      const limit = decide.childAtHand(context)?.shutdown;
      return typeof limit === 'number' ? limit : 0;
    },
    nextShutdown: ({ context }) => (context.limits[0] ?? 0) - context.elapsedMs,
  },
  guards: {
    isFaulty: ({ context }) => context.reason !== null,
    isBrutal: ({ context }) => decide.childAtHand(context)?.shutdown === 'brutalKill',
    isPatient: ({ context }) => decide.childAtHand(context)?.shutdown === 'infinity',
    isParent: ({ context }, { pid }: { pid: number }) => pid === context.parent,
    isChild: ({ context }, { pid }: { pid: number | undefined }) =>
      pid !== undefined && childOfPid(context.children, pid) !== undefined,
    isLastChild: ({ context }, { pid }: { pid: number | undefined }) =>
      context.children.slots.size === 1 &&
      pid !== undefined &&
      childOfPid(context.children, pid) !== undefined,
    isAtHand: ({ context }, { pid }: { pid: number | undefined }) =>
      pid !== undefined && decide.childAtHand(context)?.pid === pid,
    isEmpty: ({ context }) => context.children.slots.size === 0,
    hasLimits: ({ context }) => context.limits.length > 0,
    callsForRestart: ({ context }) => decide.callsForRestart(context),
    gaveUp: ({ context }) => decide.gaveUp(context),
    awaitsThisRetry: ({ context }, { serial, failures }: Omit<RetryMessage, 'type'>) => {
      const slot = decide.childAtHand({ ...context, at: serial });
      return slot?.status === 'restarting' && slot.failures === failures;
    },
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isUnknown: ({ context }, { pid }: { pid: number }) =>
      decide.childMeant(context, pid) === undefined,
    isCall: ({ event }) => 'from' in event,
  },
  actions: {
    introduce: effect('introduce'),
    startChild: effect<{ serial: number }>('startChild'),
    askChild: effect<{ serial: number }>('askChild'),
    killChild: effect<{ serial: number }>('killChild'),
    askAll: effect('askAll'),
    killOverdue: effect<{ limitMs: number }>('killOverdue'),
    readClock: effect('readClock'),
    retryLater: effect<{ serial: number; failures: number }>('retryLater'),
    noteStart: effect<{ serial: number; again: boolean }>('noteStart'),
    noteEnd: effect<EndOfChild>('noteEnd'),
    noteFailure: effect<{ serial: number; reason: ExitReason }>('noteFailure'),
    noteGivingUp: effect<{ serial: number }>('noteGivingUp'),
    holdSpec: effect<{ serial: number; spec: unknown }>('holdSpec'),
    forgetSpec: effect<{ serial: number }>('forgetSpec'),
    holdCaller: effect<{ from: From }>('holdCaller'),
    answer: effect<{ from: From; answer: Answer }>('answer'),
    answerCaller: effect<{ answer: Answer }>('answerCaller'),
    answerList: effect<{ from: From }>('answerList'),
    answerCount: effect<{ from: From }>('answerCount'),
    noteUnexpected: effect('noteUnexpected'),

    rememberParent: assign((_, { parent }: { parent: number }) => ({ parent })),
    rememberReason: assign((_, { reason }: { reason: ExitReason }) => ({ reason })),
    aimAt: assign((_, { serial }: { serial: number }) => ({ at: serial })),
    aimAtPid: assign(({ context }, { pid }: { pid: number }) => ({
      at: decide.childMeant(context, pid)?.serial ?? null,
    })),
    addRequested: assign(({ context }, { spec }: { spec: unknown }) =>
      decide.addRequested(context, spec),
    ),
    beginStart: assign(({ context }) => decide.beginStart(context)),
    rememberStart: assign(({ context }, { pid }: { pid: number }) =>
      decide.rememberStart(context, pid),
    ),
    rememberEnd: assign(({ context }, { pid, reason }: { pid: number; reason: ExitReason }) =>
      decide.rememberEnd(context, pid, reason),
    ),
    rememberStop: assign(({ context }, { pid }: { pid: number | undefined }) =>
      pid === undefined ? {} : decide.rememberStop(context, pid),
    ),
    awaitRetry: assign(({ context }) => decide.awaitRetry(context)),
    dropChild: assign(({ context }) => decide.dropChild(context)),
    countAttempt: assign(({ context }, { atSecond }: { atSecond: number }) =>
      decide.countAttempt(context, atSecond),
    ),
    beginStop: assign(({ context }) => decide.beginStop(context)),
    closeLimit: assign(({ context }) => decide.closeLimit(context)),
  },
});

type Known = Pick<DynamicSupervisorContext, 'children' | 'at'>;

const atHand = ({ context }: { context: Known }) => ({ serial: context.at ?? -1 });
const pidOfExit = ({ event }: { event: ExitMessage }) => ({ pid: event.from.id });
const pidOfDown = ({ event }: { event: DownMessage }) => ({ pid: event.pid?.id });
const callerOf = ({ event }: { event: { from: From } }) => ({ from: event.from });
const done: Answer = { kind: 'done' };

const stopped = [
  {
    type: 'noteEnd',
    params: ({ context, event }: { context: Known; event: DownMessage }) =>
      endOfDynamicStopped(context.children, event.pid?.id, event.reason),
  },
  { type: 'rememberStop', params: pidOfDown },
] as const;

/** The EXIT of a child that had died by itself before it was asked to (OTP SHD-005). */
const diedBefore = [
  {
    type: 'noteEnd',
    params: ({ context, event }: { context: Known; event: ExitMessage }) =>
      endOfDynamicStopped(context.children, event.from.id, event.reason),
  },
  { type: 'rememberStop', params: pidOfExit },
] as const;

const oneStopped = {
  DOWN: {
    guard: { type: 'isAtHand', params: pidOfDown },
    target: '#dynamicSupervisor.running.idle',
    actions: [...stopped, { type: 'answerCaller', params: { answer: done } }],
  },
} as const;

const lostWhileStopping = {
  EXIT: [
    {
      guard: { type: 'isLastChild', params: pidOfExit },
      target: '#dynamicSupervisor.terminated',
      actions: diedBefore,
    },
    { guard: { type: 'isChild', params: pidOfExit }, actions: diedBefore },
  ],
  DOWN: [
    {
      guard: { type: 'isLastChild', params: pidOfDown },
      target: '#dynamicSupervisor.terminated',
      actions: stopped,
    },
    { guard: { type: 'isChild', params: pidOfDown }, actions: stopped },
  ],
} as const;

const giveUpReason = { type: 'rememberReason', params: { reason: exitReason.shutdown } } as const;

/** A dynamic supervisor: children come and go on request, and all stop at once. */
export const dynamicSupervisorMachine = chart.createMachine({
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
          meta: { postpone: heldWhileBusy },
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
        idle: {
          on: {
            EXIT: [
              {
                guard: { type: 'isParent', params: pidOfExit },
                target: '#dynamicSupervisor.stopping',
                actions: {
                  type: 'rememberReason',
                  params: ({ event }) => ({ reason: event.reason }),
                },
              },
              {
                guard: { type: 'isChild', params: pidOfExit },
                target: 'classifying',
                actions: [
                  {
                    type: 'noteEnd',
                    params: ({ context, event }) =>
                      endByItself(context.children, event.from.id, event.reason),
                  },
                  {
                    type: 'rememberEnd',
                    params: ({ event }) => ({ pid: event.from.id, reason: event.reason }),
                  },
                ],
              },
              {},
            ],
            // What is left of a monitor whose child's own EXIT came first.
            DOWN: {},
            'child.retry': [
              {
                guard: { type: 'awaitsThisRetry', params: ({ event }) => event },
                target: 'checkingIntensity',
                actions: { type: 'aimAt', params: ({ event }) => ({ serial: event.serial }) },
              },
              {},
            ],
            'child.start': [
              {
                guard: { type: 'isUnfit', params: ({ event }) => ({ spec: event.spec }) },
                actions: {
                  type: 'answer',
                  params: ({ context, event }) => ({
                    from: event.from,
                    answer: refusedOr(decide.refusalOfSpec(context, event.spec)),
                  }),
                },
              },
              {
                target: 'startingOne',
                actions: [
                  { type: 'holdCaller', params: callerOf },
                  { type: 'addRequested', params: ({ event }) => ({ spec: event.spec }) },
                  {
                    type: 'holdSpec',
                    params: ({ context, event }) => ({ ...atHand({ context }), spec: event.spec }),
                  },
                ],
              },
            ],
            'child.terminate': [
              {
                guard: { type: 'isUnknown', params: ({ event }) => ({ pid: event.pid }) },
                actions: {
                  type: 'answer',
                  params: ({ event }) => ({
                    from: event.from,
                    answer: refusedOr({ kind: 'notFound' }),
                  }),
                },
              },
              {
                guard: { type: 'isChild', params: ({ event }) => ({ pid: event.pid }) },
                target: 'stoppingOne',
                actions: [
                  { type: 'holdCaller', params: callerOf },
                  { type: 'aimAtPid', params: ({ event }) => ({ pid: event.pid }) },
                ],
              },
              {
                actions: [
                  { type: 'aimAtPid', params: ({ event }) => ({ pid: event.pid }) },
                  { type: 'forgetSpec', params: atHand },
                  'dropChild',
                  { type: 'answer', params: ({ event }) => ({ from: event.from, answer: done }) },
                ],
              },
            ],
            'children.list': { actions: { type: 'answerList', params: callerOf } },
            'children.count': { actions: { type: 'answerCount', params: callerOf } },
            'supervisor.stop': {
              target: '#dynamicSupervisor.stopping',
              actions: {
                type: 'rememberReason',
                params: ({ event }) => ({ reason: event.reason }),
              },
            },
            '*': [
              {
                guard: 'isCall',
                target: '#dynamicSupervisor.stopping',
                actions: {
                  type: 'rememberReason',
                  params: ({ event }) => ({
                    reason: exitReason.custom({ kind: 'badCall', request: event.type }),
                  }),
                },
              },
              { actions: 'noteUnexpected' },
            ],
          },
        },
        classifying: {
          always: [
            { guard: 'callsForRestart', target: 'checkingIntensity' },
            { target: 'idle', actions: [{ type: 'forgetSpec', params: atHand }, 'dropChild'] },
          ],
        },
        checkingIntensity: {
          meta: { postpone: heldWhileBusy },
          initial: 'readingClock',
          states: {
            readingClock: {
              entry: 'readClock',
              on: {
                'second.read': {
                  target: 'weighing',
                  actions: {
                    type: 'countAttempt',
                    params: ({ event }) => ({ atSecond: event.atSecond }),
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
                { target: '#dynamicSupervisor.running.restartingOne' },
              ],
            },
          },
        },
        restartingOne: {
          meta: { postpone: heldWhileBusy },
          entry: ['beginStart', { type: 'startChild', params: atHand }],
          on: {
            'child.started': {
              target: 'idle',
              actions: [
                { type: 'rememberStart', params: ({ event }) => ({ pid: event.pid }) },
                {
                  type: 'noteStart',
                  params: ({ context }) => ({ ...atHand({ context }), again: true }),
                },
              ],
            },
            'child.ignored': {
              target: 'idle',
              actions: [{ type: 'forgetSpec', params: atHand }, 'dropChild'],
            },
            'child.failed': {
              target: 'idle',
              actions: [
                {
                  type: 'noteFailure',
                  params: ({ context, event }) => ({
                    ...atHand({ context }),
                    reason: event.reason,
                  }),
                },
                'awaitRetry',
                {
                  type: 'retryLater',
                  params: ({ context }) => ({
                    ...atHand({ context }),
                    failures: decide.childAtHand(context)?.failures ?? 0,
                  }),
                },
              ],
            },
          },
        },
        startingOne: {
          meta: { postpone: heldWhileBusy },
          entry: ['beginStart', { type: 'startChild', params: atHand }],
          on: {
            'child.started': {
              target: 'idle',
              actions: [
                { type: 'rememberStart', params: ({ event }) => ({ pid: event.pid }) },
                {
                  type: 'noteStart',
                  params: ({ context }) => ({ ...atHand({ context }), again: false }),
                },
                {
                  type: 'answerCaller',
                  params: ({ context }) => ({
                    answer: { kind: 'started' as const, serial: context.at ?? -1 },
                  }),
                },
              ],
            },
            'child.ignored': {
              target: 'idle',
              actions: [
                { type: 'answerCaller', params: { answer: { kind: 'ignored' } } },
                { type: 'forgetSpec', params: atHand },
                'dropChild',
              ],
            },
            'child.failed': {
              target: 'idle',
              actions: [
                {
                  type: 'answerCaller',
                  params: ({ event }) => ({
                    answer: refusedOr({ kind: 'startFailed', reason: event.reason, serial: null }),
                  }),
                },
                { type: 'forgetSpec', params: atHand },
                'dropChild',
              ],
            },
          },
        },
        stoppingOne: {
          meta: { postpone: heldWhileBusy },
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
      meta: { postpone: heldWhileStopping },
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

function refusedOr(refusal: Refusal | undefined): Answer {
  return refusal === undefined ? done : { kind: 'refused', refusal };
}
