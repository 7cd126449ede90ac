import { assign, setup } from 'xstate';
import {
  exitReason,
  type DownMessage,
  type ExitMessage,
  type ExitReason,
  type From,
} from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import { childOfPid } from './children.ts';
import { endByItself, type EndOfChild } from './reports.ts';
import { effect, heldWhileBusy, heldWhileStopping } from './requests.ts';
import { atHand, consumedExits, startStates, stopStates } from './supervisor-states.ts';
import type {
  Answer,
  Refusal,
  RetryMessage,
  StopMessage,
  SupervisorFact,
  SupervisorRequest,
} from './requests.ts';
import * as decide from './supervisor-context.ts';
import type { SupervisorContext } from './supervisor-context.ts';
import type { SupervisorOptions } from './supervisor-options.ts';

export type { SupervisorContext };

/** What a supervisor is told. */
export type SupervisorEvent =
  SupervisorFact | SupervisorRequest | RetryMessage | StopMessage | ExitMessage | DownMessage;

/** What a supervisor is started with. */
export type SupervisorInput = SupervisorOptions;

/** What a supervisor ends with. */
export interface SupervisorOutput {
  /** Its exit reason. */
  readonly reason: ExitReason;
}

const chart = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as SupervisorOutput,
    tags: {} as 'initialising',
  },
  delays: {
    shutdown: ({ context }) => {
      const limit = decide.childAtHand(context)?.shutdown;
      return typeof limit === 'number' ? limit : 0;
    },
  },
  guards: {
    isFaulty: ({ context }) => context.reason !== null,
    noneLeft: ({ context }) => context.at === null,
    isBrutal: ({ context }) => decide.childAtHand(context)?.shutdown === 'brutalKill',
    isPatient: ({ context }) => decide.childAtHand(context)?.shutdown === 'infinity',
    isParent: ({ context }, { pid }: { pid: number }) => pid === context.parent,
    isChild: ({ context }, { pid }: { pid: number }) =>
      childOfPid(context.children, pid) !== undefined,
    isAtHand: ({ context }, { pid }: { pid: number | undefined }) =>
      pid !== undefined && decide.childAtHand(context)?.pid === pid,
    isAmongStopped: ({ context }, { pid }: { pid: number }) =>
      decide.stoppedChild(context, pid) !== undefined,
    callsForRestart: ({ context }) => decide.callsForRestart(context),
    endsSupervisor: ({ context }) => decide.endsSupervisor(context),
    gaveUp: ({ context }) => decide.gaveUp(context),
    awaitsThisRetry: ({ context }, { serial, failures }: Omit<RetryMessage, 'type'>) => {
      const slot = decide.childAtHand({ ...context, at: serial });
      return slot?.status === 'restarting' && slot.failures === failures;
    },
    isUnknown: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id) === undefined,
    isRunning: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id)?.status === 'running',
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isNotStopped: ({ context }, { id }: { id: unknown }) =>
      decide.refusalOfStopped(context, id) !== undefined,
    isCall: ({ event }) => 'from' in event,
  },
  actions: {
    introduce: effect('introduce'),
    startChild: effect<{ serial: number }>('startChild'),
    askChild: effect<{ serial: number }>('askChild'),
    killChild: effect<{ serial: number }>('killChild'),
    readClock: effect('readClock'),
    retryLater: effect<{ serial: number; failures: number }>('retryLater'),
    noteStart: effect<{ serial: number; again: boolean }>('noteStart'),
    noteEnd: effect<EndOfChild>('noteEnd'),
    noteIgnored: effect<{ serial: number }>('noteIgnored'),
    noteFailure: effect<{ serial: number; reason: ExitReason }>('noteFailure'),
    noteGivingUp: effect<{ serial: number }>('noteGivingUp'),
    holdSpec: effect<{ serial: number; spec: unknown }>('holdSpec'),
    forgetSpec: effect<{ serial: number }>('forgetSpec'),
    holdCaller: effect<{ from: From }>('holdCaller'),
    answer: effect<{ from: From; answer: Answer }>('answer'),
    answerCaller: effect<{ answer: Answer }>('answerCaller'),
    answerList: effect<{ from: From }>('answerList'),
    answerCount: effect<{ from: From }>('answerCount'),
    answerSpec: effect<{ from: From; serial: number | null }>('answerSpec'),
    noteUnexpected: effect('noteUnexpected'),

    rememberParent: assign((_, { parent }: { parent: number }) => ({ parent })),
    rememberReason: assign((_, { reason }: { reason: ExitReason }) => ({ reason })),
    spanAll: assign(({ context }) => decide.spanAll(context)),
    spanGroup: assign(({ context }) => decide.spanGroup(context)),
    spanStarted: assign(({ context }) => ({ from: 0, upTo: context.at ?? -1 })),
    spanOne: assign(({ context }) => ({ from: context.at ?? 0, upTo: context.at ?? -1 })),
    letGo: assign(() => ({ at: null })),
    aimDown: assign(({ context }) => decide.aimDown(context)),
    aimUp: assign(({ context }) => decide.aimUp(context)),
    aimAt: assign((_, { serial }: { serial: number }) => ({ at: serial })),
    aimAtId: assign(({ context }, { id }: { id: unknown }) => ({
      at: decide.childOfId(context, id)?.serial ?? null,
    })),
    beginStart: assign(({ context }) => decide.beginStart(context)),
    rememberStart: assign(({ context }, { pid }: { pid: number }) =>
      decide.rememberStart(context, pid),
    ),
    rememberEnd: assign(({ context }, { pid, reason }: { pid: number; reason: ExitReason }) =>
      decide.rememberEnd(context, pid, reason),
    ),
    rememberStop: assign(({ context }, { pid, reason }: { pid: number; reason: ExitReason }) =>
      decide.rememberStop(context, pid, reason),
    ),
    settle: assign(({ context }) => decide.settle(context)),
    awaitRetry: assign(({ context }) => decide.awaitRetry(context)),
    dropChild: assign(({ context }) => decide.dropChild(context)),
    addRequested: assign(({ context }, { spec }: { spec: unknown }) =>
      decide.addRequested(context, spec),
    ),
    countAttempt: assign(({ context }, { atSecond }: { atSecond: number }) =>
      decide.countAttempt(context, atSecond),
    ),
  },
});

const idOf = ({ event }: { event: { id: ChildId } }) => ({ id: event.id });
const callerOf = ({ event }: { event: { from: From } }) => ({ from: event.from });
const done: Answer = { kind: 'done' };
const ignored: Answer = { kind: 'ignored' };

const startedOnRequest = {
  target: '#supervisor.running.idle',
  actions: [
    {
      type: 'rememberStart',
      params: ({ event }: { event: { pid: number } }) => ({ pid: event.pid }),
    },
    {
      type: 'noteStart',
      params: ({ context }: { context: SupervisorContext }) => ({
        ...atHand({ context }),
        again: false,
      }),
    },
    {
      type: 'answerCaller',
      params: ({ context }: { context: SupervisorContext }) => ({
        answer: { kind: 'started' as const, serial: context.at ?? -1 },
      }),
    },
  ],
} as const;

const ignoredOnRequest = {
  target: '#supervisor.running.idle',
  actions: [
    { type: 'noteIgnored', params: atHand },
    'settle',
    { type: 'answerCaller', params: { answer: ignored } },
  ],
} as const;

const giveUpReason = { type: 'rememberReason', params: { reason: exitReason.shutdown } } as const;

/** A supervisor: decides by the rules of OTP; what it decides is done by named effects. */
export const supervisorMachine = chart.createMachine({
  id: 'supervisor',
  context: ({ input }) => decide.openingContext(input),
  initial: 'starting',
  states: {
    starting: {
      tags: 'initialising',
      initial: 'validating',
      states: {
        validating: {
          always: [{ guard: 'isFaulty', target: '#supervisor.failed' }, 'introducing'],
        },
        introducing: {
          meta: { postpone: heldWhileBusy },
          entry: 'introduce',
          on: {
            'parent.known': {
              target: 'startingChildren',
              actions: [
                { type: 'rememberParent', params: ({ event }) => ({ parent: event.parent }) },
                'spanAll',
              ],
            },
          },
        },
        startingChildren: {
          meta: { postpone: heldWhileBusy },
          entry: 'letGo',
          initial: 'choosing',
          states: {
            choosing: {
              entry: 'aimUp',
              always: [{ guard: 'noneLeft', target: '#supervisor.running' }, 'startingChild'],
            },
            startingChild: {
              ...startStates('choosing', false),
              on: {
                ...startStates('choosing', false).on,
                'child.failed': {
                  target: '#supervisor.starting.rollback',
                  actions: [
                    {
                      type: 'noteFailure',
                      params: ({ context, event }) => ({
                        ...atHand({ context }),
                        reason: event.reason,
                      }),
                    },
                    {
                      type: 'rememberReason',
                      params: ({ context, event }) => ({
                        reason: decide.failedToStart(context, event.reason),
                      }),
                    },
                    'spanStarted',
                  ],
                },
              },
            },
          },
        },
        rollback: {
          meta: { postpone: heldWhileStopping },
          entry: 'letGo',
          initial: 'choosing',
          states: stopStates('#supervisor.failed'),
          on: { EXIT: consumedExits('#supervisor.starting.rollback.choosing') },
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
                guard: { type: 'isParent', params: ({ event }) => ({ pid: event.from.id }) },
                target: '#supervisor.stopping',
                actions: {
                  type: 'rememberReason',
                  params: ({ event }) => ({ reason: event.reason }),
                },
              },
              {
                guard: { type: 'isChild', params: ({ event }) => ({ pid: event.from.id }) },
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
                target: 'serving.startingChild',
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
                guard: { type: 'isUnknown', params: idOf },
                actions: {
                  type: 'answer',
                  params: ({ event }) => ({
                    from: event.from,
                    answer: refusedOr({ kind: 'notFound' }),
                  }),
                },
              },
              {
                guard: { type: 'isRunning', params: idOf },
                target: 'serving.stoppingChild',
                actions: [
                  { type: 'holdCaller', params: callerOf },
                  { type: 'aimAtId', params: idOf },
                  'spanOne',
                ],
              },
              {
                actions: [
                  { type: 'aimAtId', params: idOf },
                  'settle',
                  { type: 'answer', params: ({ event }) => ({ from: event.from, answer: done }) },
                ],
              },
            ],
            'child.restart': [
              {
                guard: { type: 'isNotStopped', params: idOf },
                actions: {
                  type: 'answer',
                  params: ({ context, event }) => ({
                    from: event.from,
                    answer: refusedOr(decide.refusalOfStopped(context, event.id)),
                  }),
                },
              },
              {
                target: 'serving.restartingChild',
                actions: [
                  { type: 'holdCaller', params: callerOf },
                  { type: 'aimAtId', params: idOf },
                ],
              },
            ],
            'child.delete': [
              {
                guard: { type: 'isNotStopped', params: idOf },
                actions: {
                  type: 'answer',
                  params: ({ context, event }) => ({
                    from: event.from,
                    answer: refusedOr(decide.refusalOfStopped(context, event.id)),
                  }),
                },
              },
              {
                actions: [
                  { type: 'aimAtId', params: idOf },
                  { type: 'forgetSpec', params: atHand },
                  'dropChild',
                  { type: 'answer', params: ({ event }) => ({ from: event.from, answer: done }) },
                ],
              },
            ],
            'child.describe': {
              actions: {
                type: 'answerSpec',
                params: ({ context, event }) => ({
                  from: event.from,
                  serial: decide.childOfId(context, event.id)?.serial ?? null,
                }),
              },
            },
            'children.list': { actions: { type: 'answerList', params: callerOf } },
            'children.count': { actions: { type: 'answerCount', params: callerOf } },
            'supervisor.stop': {
              target: '#supervisor.stopping',
              actions: {
                type: 'rememberReason',
                params: ({ event }) => ({ reason: event.reason }),
              },
            },
            '*': [
              {
                guard: 'isCall',
                target: '#supervisor.stopping',
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
            {
              guard: 'endsSupervisor',
              target: '#supervisor.stopping',
              actions: ['settle', giveUpReason],
            },
            { target: 'idle', actions: 'settle' },
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
                  target: '#supervisor.stopping',
                  actions: [{ type: 'noteGivingUp', params: atHand }, 'settle', giveUpReason],
                },
                { target: '#supervisor.running.restarting', actions: 'spanGroup' },
              ],
            },
          },
        },
        restarting: {
          initial: 'stoppingGroup',
          meta: { postpone: heldWhileBusy },
          states: {
            stoppingGroup: {
              entry: 'letGo',
              initial: 'choosing',
              states: stopStates('#supervisor.running.restarting.startingGroup'),
            },
            startingGroup: {
              entry: 'letGo',
              initial: 'choosing',
              states: {
                choosing: {
                  entry: 'aimUp',
                  always: [
                    { guard: 'noneLeft', target: '#supervisor.running.idle' },
                    'startingChild',
                  ],
                },
                startingChild: {
                  ...startStates('choosing', true),
                  on: {
                    ...startStates('choosing', true).on,
                    'child.failed': {
                      target: '#supervisor.running.idle',
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
              },
            },
          },
        },
        serving: {
          meta: { postpone: heldWhileBusy },
          initial: 'startingChild',
          states: {
            startingChild: {
              entry: ['beginStart', { type: 'startChild', params: atHand }],
              on: {
                'child.started': startedOnRequest,
                'child.ignored': ignoredOnRequest,
                'child.failed': {
                  target: '#supervisor.running.idle',
                  actions: [
                    {
                      type: 'answerCaller',
                      params: ({ context, event }) => ({
                        answer: refusedOr({
                          kind: 'startFailed',
                          reason: event.reason,
                          serial: context.at,
                        }),
                      }),
                    },
                    { type: 'forgetSpec', params: atHand },
                    'dropChild',
                  ],
                },
              },
            },
            restartingChild: {
              entry: ['beginStart', { type: 'startChild', params: atHand }],
              on: {
                'child.started': startedOnRequest,
                'child.ignored': ignoredOnRequest,
                'child.failed': {
                  target: '#supervisor.running.idle',
                  actions: [
                    'settle',
                    {
                      type: 'answerCaller',
                      params: ({ event }) => ({
                        answer: refusedOr({
                          kind: 'startFailed',
                          reason: event.reason,
                          serial: null,
                        }),
                      }),
                    },
                  ],
                },
              },
            },
            stoppingChild: {
              entry: 'letGo',
              initial: 'choosing',
              states: stopStates('#supervisor.running.serving.stopped'),
            },
            stopped: {
              always: {
                target: '#supervisor.running.idle',
                actions: { type: 'answerCaller', params: { answer: done } },
              },
            },
          },
        },
      },
    },
    stopping: {
      meta: { postpone: heldWhileStopping },
      entry: ['spanAll', 'letGo'],
      initial: 'choosing',
      states: stopStates('#supervisor.terminated'),
      on: { EXIT: consumedExits('#supervisor.stopping.choosing') },
    },
    failed: { type: 'final' },
    terminated: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason ?? exitReason.normal }),
});

function refusedOr(refusal: Refusal | undefined): Answer {
  return refusal === undefined ? done : { kind: 'refused', refusal };
}
