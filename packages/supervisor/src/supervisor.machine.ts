import { exitReason } from '@snakepit/core';
import { allElse, done, ignored, refusedOr } from './requests.ts';
import * as restart from './restart-decisions.ts';
import * as decide from './supervisor-context.ts';
import type { SupervisorContext } from './supervisor-context.ts';
import { backingOffState, idleState } from './supervisor-idle.ts';
import { supervisorSetup } from './supervisor-setup.ts';
import type { SupervisorEvent, SupervisorInput, SupervisorOutput } from './supervisor-setup.ts';
import { atHand, startOf, startStates, stopStates } from './supervisor-states.ts';

export type { SupervisorContext, SupervisorEvent, SupervisorInput, SupervisorOutput };

const startedOnRequest = {
  target: '#supervisor.running.idle',
  actions: [
    { type: 'rememberStart', params: startOf },
    {
      type: 'noteStart',
      params: ({ context }: { context: SupervisorContext }) => ({
        ...atHand({ context }),
        again: false,
        asked: true,
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
export const supervisorMachine = supervisorSetup.createMachine({
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
          meta: { postpone: allElse },
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
          meta: { postpone: allElse },
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
                        again: false,
                      }),
                    },
                    {
                      type: 'rememberReason',
                      params: ({ context, event }) => ({
                        reason: decide.failedToStart(context, event.reason),
                      }),
                    },
                    'spanAll',
                  ],
                },
              },
            },
          },
        },
        rollback: {
          meta: { postpone: allElse },
          entry: 'letGo',
          initial: 'choosing',
          states: stopStates('#supervisor.failed'),
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
            {
              guard: 'endsSupervisor',
              target: '#supervisor.stopping',
              actions: ['settle', giveUpReason],
            },
            { target: 'idle', actions: 'settle' },
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
                  target: '#supervisor.stopping',
                  actions: [{ type: 'noteGivingUp', params: atHand }, 'settle', giveUpReason],
                },
                {
                  guard: 'isGivenUp',
                  target: '#supervisor.running.restarting.startingGroup',
                  actions: [{ type: 'noteGivenUp', params: atHand }, 'spanRest', 'giveUpChild'],
                },
                {
                  guard: 'mustWait',
                  target: '#supervisor.running.backingOff',
                  actions: [
                    'backOff',
                    {
                      type: 'waitToRestart',
                      params: ({ context }) => restart.waitAtHand(context),
                    },
                  ],
                },
                { target: '#supervisor.running.restarting', actions: 'spanGroup' },
              ],
            },
          },
        },
        restarting: {
          initial: 'stoppingGroup',
          meta: { postpone: allElse },
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
                            again: true,
                          }),
                        },
                        'awaitRetry',
                        { type: 'retryLater', params: atHand },
                      ],
                    },
                  },
                },
              },
            },
          },
        },
        serving: {
          meta: { postpone: allElse },
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
      meta: { postpone: allElse },
      entry: ['spanAll', 'letGo'],
      initial: 'choosing',
      states: stopStates('#supervisor.terminated'),
    },
    failed: { type: 'final' },
    terminated: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason ?? exitReason.normal }),
});
