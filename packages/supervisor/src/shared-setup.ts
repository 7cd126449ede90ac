import { isFrom, type ExitReason, type From } from '@snakepit/core';
import { childAt, childOfPid } from './children.ts';
import type { EndOfChild } from './reports.ts';
import { effect, type Answer } from './requests.ts';
import * as restart from './restart-decisions.ts';
import { callsForRestart, childAtHand, type RestartContext } from './restart-decisions.ts';

/** What both kinds of supervisor are asked about. */
interface Scope {
  readonly context: RestartContext & {
    readonly parent: number | null;
    readonly clean: boolean;
    readonly reason: ExitReason | null;
  };
}

/** Delays of both kinds of supervisor. */
export const sharedDelays = {
  shutdown: ({ context }: Scope): number => {
    const limit = childAtHand(context)?.shutdown;
    return typeof limit === 'number' ? limit : 0;
  },
};

/** What both kinds of supervisor ask. */
export const sharedGuards = {
  isFaulty: ({ context }: Scope): boolean => context.reason !== null,
  isBrutal: ({ context }: Scope): boolean => childAtHand(context)?.shutdown === 'brutalKill',
  isPatient: ({ context }: Scope): boolean => childAtHand(context)?.shutdown === 'infinity',
  isParent: ({ context }: Scope, { pid }: { readonly pid: number }): boolean =>
    pid === context.parent,
  isChild: ({ context }: Scope, { pid }: { readonly pid: number | undefined }): boolean =>
    pid !== undefined && childOfPid(context.children, pid) !== undefined,
  isAtHand: ({ context }: Scope, { pid }: { readonly pid: number | undefined }): boolean =>
    pid !== undefined && childAtHand(context)?.pid === pid,
  callsForRestart: ({ context }: Scope): boolean => callsForRestart(context),
  gaveUp: ({ context }: Scope): boolean => restart.gaveUp(context),
  isGivenUp: ({ context }: Scope): boolean => restart.isGivenUp(context),
  mustWait: ({ context }: Scope): boolean => context.backoff !== null,
  somebodyWaits: ({ context }: Scope): boolean => context.children.backingOff > 0,
  nobodyWaits: ({ context }: Scope): boolean => context.children.backingOff === 0,
  isWaiting: (
    { context }: Scope,
    wait: { readonly serial: number; readonly wait: number },
  ): boolean => restart.isWaiting(context, wait),
  awaitsRetry: ({ context }: Scope, { serial }: { readonly serial: number }): boolean =>
    childAt(context.children, serial)?.status === 'restarting',
  isCall: ({ event }: { readonly event: object }): boolean => 'from' in event && isFrom(event.from),
};

/** What both kinds of supervisor have done for them. */
export const sharedActions = {
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
  noteUnexpected: effect('noteUnexpected'),
};
