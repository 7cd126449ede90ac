import { exitReason, type From } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import { endByItself } from './reports.ts';
import { done, refusedOr } from './requests.ts';
import * as decide from './supervisor-context.ts';
import { supervisorSetup } from './supervisor-setup.ts';
import { atHand } from './supervisor-states.ts';

const idOf = ({ event }: { event: { id: ChildId } }) => ({ id: event.id });
const callerOf = ({ event }: { event: { from: From } }) => ({ from: event.from });

/** A supervisor at rest takes what comes, one thing after another (OTP SUP-010). */
const atRest = supervisorSetup.createStateConfig({
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
          { type: 'cancelWait', params: atHand },
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
          'forgive',
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
});

/** At rest, and no restart is due. */
export const idleState = supervisorSetup.createStateConfig({
  // What comes of a wait that was cut short is void.
  on: { ...atRest.on, 'backoff.over': {} },
  always: { guard: 'somebodyWaits', target: 'backingOff' },
});

/** At rest, and the restart of at least one child waits for its time. */
export const backingOffState = supervisorSetup.createStateConfig({
  on: {
    ...atRest.on,
    'backoff.over': [
      {
        guard: { type: 'isWaiting', params: ({ event }) => event },
        target: 'restarting',
        actions: [
          { type: 'aimAt', params: ({ event }) => ({ serial: event.serial }) },
          'spanGroup',
        ],
      },
      {},
    ],
  },
  always: { guard: 'nobodyWaits', target: 'idle' },
});
