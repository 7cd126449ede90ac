import { assign, setup } from 'xstate';
import {
  isFrom,
  type DownMessage,
  type ExitMessage,
  type ExitReason,
  type From,
} from '@snakepit/core';
import { childAt, childOfPid } from './children.ts';
import * as decide from './dynamic-context.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import type { DynamicSupervisorOptions } from './dynamic-options.ts';
import type { EndOfChild } from './reports.ts';
import * as restart from './restart-decisions.ts';
import { effect } from './requests.ts';
import type {
  Answer,
  DynamicRequest,
  RetryMessage,
  BackoffMessage,
  StopMessage,
  SupervisorFact,
} from './requests.ts';

/** What a dynamic supervisor is told. */
export type DynamicSupervisorEvent =
  | SupervisorFact
  | DynamicRequest
  | RetryMessage
  | BackoffMessage
  | StopMessage
  | ExitMessage
  | DownMessage;

/** What a dynamic supervisor is started with. */
export type DynamicSupervisorInput = DynamicSupervisorOptions;

/** What a dynamic supervisor ends with. */
export interface DynamicSupervisorOutput {
  /** Its exit reason. */
  readonly reason: ExitReason;
}

/** What a dynamic supervisor can ask, remember and do; the chart says when. */
export const dynamicSetup = setup({
  types: {
    context: {} as DynamicSupervisorContext,
    events: {} as DynamicSupervisorEvent,
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- the type is inferred from it
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
    gaveUp: ({ context }) => restart.gaveUp(context),
    isGivenUp: ({ context }) => restart.isGivenUp(context),
    mustWait: ({ context }) => context.backoff !== null,
    somebodyWaits: ({ context }) => context.children.backingOff > 0,
    nobodyWaits: ({ context }) => context.children.backingOff === 0,
    isWaiting: ({ context }, wait: { serial: number; wait: number }) =>
      restart.isWaiting(context, wait),
    awaitsRetry: ({ context }, { serial }: { serial: number }) =>
      childAt(context.children, serial)?.status === 'restarting',
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isUnknown: ({ context }, { pid }: { pid: number | undefined }) =>
      decide.childMeant(context, pid) === undefined,
    isNotGivenUp: ({ context }, { pid }: { pid: number | undefined }) =>
      decide.refusalOfRevival(context, pid) !== undefined,
    isCall: ({ event }) => 'from' in event && isFrom(event.from),
  },
  actions: {
    introduce: effect('introduce'),
    startChild: effect<{ serial: number }>('startChild'),
    askChild: effect<{ serial: number }>('askChild'),
    killChild: effect<{ serial: number }>('killChild'),
    askAll: effect('askAll'),
    killOverdue: effect<{ limitMs: number }>('killOverdue'),
    readClock: effect('readClock'),
    retryLater: effect<{ serial: number }>('retryLater'),
    yieldTurn: effect('yieldTurn'),
    waitToRestart: effect<restart.Wait>('waitToRestart'),
    cancelWait: effect<{ serial: number }>('cancelWait'),
    noteStart: effect<{ serial: number; again: boolean; asked: boolean }>('noteStart'),
    noteEnd: effect<EndOfChild>('noteEnd'),
    noteIgnored: effect<{ serial: number }>('noteIgnored'),
    noteFailure: effect<{ serial: number; reason: ExitReason; again: boolean }>('noteFailure'),
    noteGivingUp: effect<{ serial: number }>('noteGivingUp'),
    noteGivenUp: effect<{ serial: number }>('noteGivenUp'),
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
    aimAtPid: assign(({ context }, { pid }: { pid: number | undefined }) => ({
      at: decide.childMeant(context, pid)?.serial ?? null,
    })),
    addRequested: assign(({ context }, { spec }: { spec: unknown }) =>
      decide.addRequested(context, spec),
    ),
    beginStart: assign(({ context }) => decide.beginStart(context)),
    rememberStart: assign(({ context }, { pid, atMs }: { pid: number; atMs: number }) =>
      decide.rememberStart(context, pid, atMs),
    ),
    rememberEnd: assign(({ context }, { pid, reason }: { pid: number; reason: ExitReason }) =>
      decide.rememberEnd(context, pid, reason),
    ),
    rememberStop: assign(({ context }, { pid }: { pid: number | undefined }) =>
      pid === undefined ? {} : decide.rememberStop(context, pid),
    ),
    awaitRetry: assign(({ context }) => decide.awaitRetry(context)),
    dropChild: assign(({ context }) => decide.dropChild(context)),
    countAttempt: assign(({ context }, { atSecond, atMs }: { atSecond: number; atMs: number }) =>
      restart.countAttempt(context, atSecond, atMs),
    ),
    backOff: assign(({ context }) => decide.backOff(context)),
    giveUpChild: assign(({ context }) => decide.giveUpChild(context)),
    forgive: assign(({ context }) => restart.forgive(context)),
    beginStop: assign(({ context }) => decide.beginStop(context)),
    closeLimit: assign(({ context }) => decide.closeLimit(context)),
  },
});
