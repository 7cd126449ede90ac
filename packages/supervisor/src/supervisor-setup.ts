import { assign, setup } from 'xstate';
import { type DownMessage, type ExitMessage, type ExitReason, type From } from '@snakepit/core';
import * as restart from './restart-decisions.ts';
import { sharedActions, sharedDelays, sharedGuards } from './shared-setup.ts';
import { effect } from './requests.ts';
import type {
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
  delays: sharedDelays,
  guards: {
    ...sharedGuards,
    noneLeft: ({ context }) => context.at === null,
    endsSupervisor: ({ context }) => decide.endsSupervisor(context),
    isUnknown: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id) === undefined,
    isRunning: ({ context }, { id }: { id: unknown }) =>
      decide.childOfId(context, id)?.status === 'running',
    isUnfit: ({ context }, { spec }: { spec: unknown }) =>
      decide.refusalOfSpec(context, spec) !== undefined,
    isNotStopped: ({ context }, { id }: { id: unknown }) =>
      decide.refusalOfStopped(context, id) !== undefined,
  },
  actions: {
    ...sharedActions,
    answerSpec: effect<{ from: From; serial: number | null }>('answerSpec'),

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
