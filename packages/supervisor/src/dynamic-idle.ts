import { exitReason, type ExitMessage, type From } from '@snakepit/core';
import * as decide from './dynamic-context.ts';
import { dynamicSetup } from './dynamic-setup.ts';
import { endByItself } from './reports.ts';
import { done, refusedOr } from './requests.ts';

const atHand = ({ context }: { context: { at: number | null } }) => ({ serial: context.at ?? -1 });
const pidOfExit = ({ event }: { event: ExitMessage }) => ({ pid: event.from.id });
const callerOf = ({ event }: { event: { from: From } }) => ({ from: event.from });

const notByPid = {
  actions: {
    type: 'answer',
    params: ({ event }: { event: { from: From } }) => ({
      from: event.from,
      answer: refusedOr({ kind: 'noChildIds' }),
    }),
  },
} as const;

/** A dynamic supervisor at rest takes what comes, one thing after another. */
const atRest = dynamicSetup.createStateConfig({
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
        guard: { type: 'awaitsRetry', params: ({ event }) => ({ serial: event.serial }) },
        target: 'yielding',
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
            // Plain JavaScript, and what is asked as of an ordinary supervisor, may bring an id instead.
            answer: refusedOr({ kind: typeof event.pid === 'number' ? 'notFound' : 'noChildIds' }),
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
    'child.restart': notByPid,
    'child.delete': notByPid,
    'child.describe': notByPid,
    'child.revive': [
      {
        guard: { type: 'isNotGivenUp', params: ({ event }) => ({ pid: event.pid }) },
        actions: {
          type: 'answer',
          params: ({ context, event }) => ({
            from: event.from,
            answer: refusedOr(decide.refusalOfRevival(context, event.pid)),
          }),
        },
      },
      {
        target: 'revivingOne',
        actions: [
          { type: 'holdCaller', params: callerOf },
          { type: 'aimAtPid', params: ({ event }) => ({ pid: event.pid }) },
          'forgive',
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
});

/** At rest, and no restart is due. */
export const idleState = dynamicSetup.createStateConfig({
  // What comes of a wait that was cut short is void.
  on: { ...atRest.on, 'backoff.over': {} },
  always: { guard: 'somebodyWaits', target: 'backingOff' },
});

/** At rest, and the restart of at least one child waits for its time. */
export const backingOffState = dynamicSetup.createStateConfig({
  on: {
    ...atRest.on,
    'backoff.over': [
      {
        guard: { type: 'isWaiting', params: ({ event }) => event },
        target: 'restartingOne',
        actions: { type: 'aimAt', params: ({ event }) => ({ serial: event.serial }) },
      },
      {},
    ],
  },
  always: { guard: 'nobodyWaits', target: 'idle' },
});
