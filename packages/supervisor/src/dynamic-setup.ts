import { assign, setup } from 'xstate';
import { type DownMessage, type ExitMessage, type ExitReason } from '@snakepit/core';
import { childOfPid } from './children.ts';
import * as decide from './dynamic-context.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import type { DynamicSupervisorOptions } from './dynamic-options.ts';
import * as restart from './restart-decisions.ts';
import { sharedActions, sharedDelays, sharedGuards } from './shared-setup.ts';
import { effect } from './requests.ts';
import type {
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
    ...sharedDelays,
    nextShutdown: ({ context }) => (context.limits[0] ?? 0) - context.elapsedMs,
  },
  guards: {
    ...sharedGuards,
    isLastChild: ({ context }, { pid }: { pid: number | undefined }) =>
      context.children.slots.size === 1 &&
      pid !== undefined &&
      childOfPid(context.children, pid) !== undefined,
    isEmpty: ({ context }) => context.children.slots.size === 0,
    hasLimits: ({ context }) => context.limits.length > 0,
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isUnknown: ({ context }, { pid }: { pid: number | undefined }) =>
      decide.childMeant(context, pid) === undefined,
    isNotGivenUp: ({ context }, { pid }: { pid: number | undefined }) =>
      decide.refusalOfRevival(context, pid) !== undefined,
  },
  actions: {
    ...sharedActions,
    askAll: effect('askAll'),
    killOverdue: effect<{ limitMs: number }>('killOverdue'),

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
