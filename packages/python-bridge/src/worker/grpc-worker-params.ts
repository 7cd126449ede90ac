import type { ExitMessage, ExitReason } from '@snakepit/core';
import { provide } from '../unprovided-effect.ts';
import type { WorkerFailure } from './failure-cause.ts';
import type { GracefulShutdownInput } from './graceful-shutdown.machine.ts';
import type { DrainEnd } from './worker-life.ts';

// What the actions and guards of a worker's chart take from events.

const noteSicknessLater: (args: unknown, exit: ExitReason) => never = provide('noteSickness');
const noteStuckLater: (args: unknown, within: { readonly tool: string }) => never =
  provide('noteStuck');
const reportDrainingLater: (args: unknown, how: { readonly then: DrainEnd }) => never =
  provide('reportDraining');

/** Effects that take something from events, until they are provided. */
export const unprovided = {
  noteSickness: noteSicknessLater,
  noteStuck: noteStuckLater,
  reportDraining: reportDrainingLater,
};

/** Why somebody ended. */
export const reasonOfExit = {
  type: 'rememberReason',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

/** What failed. */
export const failureOfEvent = {
  type: 'rememberFailure',
  params: ({ event }: { readonly event: { readonly failure: WorkerFailure } }) => event.failure,
} as const;

/** Whether an end was in order. */
export const isCleanExitEvent = {
  type: 'isClean',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

/** How long calls may go on. */
export const drainTimeOfEvent = {
  type: 'rememberDrainTime',
  params: ({ event }: { readonly event: { readonly drainTimeoutMs?: number } }) =>
    event.drainTimeoutMs,
} as const;

/** That it drains, and what is then. */
export const drainTo = (then: DrainEnd) => ({ type: 'reportDraining', params: { then } }) as const;

/** Where its shutdown begins. */
export const beginWith = (begin: GracefulShutdownInput['begin']) =>
  ({ type: 'rememberBegin', params: begin }) as const;

/** What the end of its monitor says of it. */
export const sicknessOfExit = { ...reasonOfExit, type: 'rememberSickness' } as const;

/** The same, for its calls. */
export const noteSickness = { ...reasonOfExit, type: 'noteSickness' } as const;

/** Which tool it is stuck in. */
export const toolOf = ({
  event,
}: {
  readonly event: { readonly tool: string };
}): { readonly tool: string } => ({
  tool: event.tool,
});

/** Whether its monitor found it sick. */
export const isSickExit = {
  type: 'isSick',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

/** The names of its start. */
export const reservationOfEvent = {
  type: 'rememberReservation',
  params: ({ event }: { readonly event: { readonly incarnation: string } }) => event.incarnation,
} as const;

/** Number of its operating system process. */
export const processOfEvent = {
  type: 'rememberProcess',
  params: ({ event }: { readonly event: { readonly osPid: number | undefined } }) => event.osPid,
} as const;
