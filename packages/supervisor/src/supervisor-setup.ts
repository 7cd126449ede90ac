import { assign, setup } from 'xstate';
import {
  isFrom,
  type DownMessage,
  type ExitMessage,
  type ExitReason,
  type From,
} from '@snakepit/core';
import { childAt, childOfPid } from './children.ts';
import type { EndOfChild } from './reports.ts';
import * as restart from './restart-decisions.ts';
import { effect } from './requests.ts';
import type {
  Answer,
  RetryMessage,
  BackoffMessage,
  StopMessage,
  SupervisorFact,
  SupervisorRequest,
} from './requests.ts';
import * as decide from './supervisor-context.ts';
import type { SupervisorContext } from './supervisor-context.ts';
import type { SupervisorOptions } from './supervisor-options.ts';

/** What a supervisor is told. */
export type SupervisorEvent =
  | SupervisorFact
  | SupervisorRequest
  | RetryMessage
  | BackoffMessage
  | StopMessage
  | ExitMessage
  | DownMessage;

/** What a supervisor is started with. */
export type SupervisorInput = SupervisorOptions;

/** What a supervisor ends with. */
export interface SupervisorOutput {
  /** Its exit reason. */
  readonly reason: ExitReason;
}

/** What a supervisor can ask, remember and do; the chart says when. */
export const supervisorSetup = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- the type is inferred from it
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
    callsForRestart: ({ context }) => decide.callsForRestart(context),
    endsSupervisor: ({ context }) => decide.endsSupervisor(context),
    gaveUp: ({ context }) => restart.gaveUp(context),
    isGivenUp: ({ context }) => restart.isGivenUp(context),
    mustWait: ({ context }) => context.backoff !== null,
    somebodyWaits: ({ context }) => context.children.backingOff > 0,
    nobodyWaits: ({ context }) => context.children.backingOff === 0,
    isWaiting: ({ context }, wait: { serial: number; wait: number }) =>
      restart.isWaiting(context, wait),
    awaitsRetry: ({ context }, { serial }: { serial: number }) =>
      childAt(context.children, serial)?.status === 'restarting',
    isUnknown: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id) === undefined,
    isRunning: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id)?.status === 'running',
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isNotStopped: ({ context }, { id }: { id: unknown }) =>
      decide.refusalOfStopped(context, id) !== undefined,
    isCall: ({ event }) => 'from' in event && isFrom(event.from),
  },
  actions: {
    introduce: effect('introduce'),
    startChild: effect<{ serial: number }>('startChild'),
    askChild: effect<{ serial: number }>('askChild'),
    killChild: effect<{ serial: number }>('killChild'),
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
    answerSpec: effect<{ from: From; serial: number | null }>('answerSpec'),
    noteUnexpected: effect('noteUnexpected'),

    rememberParent: assign((_, { parent }: { parent: number }) => ({ parent })),
    rememberReason: assign((_, { reason }: { reason: ExitReason }) => ({ reason })),
    spanAll: assign(({ context }) => decide.spanAll(context)),
    spanGroup: assign(({ context }) => decide.spanGroup(context)),
    spanRest: assign(({ context }) => decide.spanRest(context)),
    spanOne: assign(({ context }) => ({ from: context.at ?? 0, upTo: context.at ?? -1 })),
    letGo: assign(() => ({ at: null })),
    aimDown: assign(({ context }) => decide.aimDown(context)),
    aimUp: assign(({ context }) => decide.aimUp(context)),
    aimAt: assign((_, { serial }: { serial: number }) => ({ at: serial })),
    aimAtId: assign(({ context }, { id }: { id: unknown }) => ({
      at: decide.childOfId(context, id)?.serial ?? null,
    })),
    beginStart: assign(({ context }) => decide.beginStart(context)),
    rememberStart: assign(({ context }, { pid, atMs }: { pid: number; atMs: number }) =>
      decide.rememberStart(context, pid, atMs),
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
    countAttempt: assign(({ context }, { atSecond, atMs }: { atSecond: number; atMs: number }) =>
      restart.countAttempt(context, atSecond, atMs),
    ),
    backOff: assign(({ context }) => restart.backOff(context)),
    giveUpChild: assign(({ context }) => restart.giveUpChild(context)),
    forgive: assign(({ context }) => restart.forgive(context)),
  },
});
