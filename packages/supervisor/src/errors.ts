import { defineErrors, exitReason, type ExitReason } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import { showValue } from './plain-values.ts';
import type { StartFault } from './supervisor-options.ts';

/** The failures of this package; everything else is an outcome or an exit reason. */
export const supervisorError = defineErrors({
  INVALID_SUPERVISOR: {
    message: ({ fault }: { fault: StartFault }) =>
      `a supervisor cannot start: ${fault.fault.message}`,
    remedy: ({ fault }: { fault: StartFault }) =>
      fault.kind === 'startSpec'
        ? 'correct that child spec; no child was started'
        : 'correct that option; no child was started',
  },
  MAX_CHILDREN: {
    message: ({ supervisor, limit }: { supervisor: string; limit: number }) =>
      `task supervisor ${supervisor} has as many tasks as it may: ${String(limit)}`,
    remedy: () =>
      'raise its maxChildren, or begin fewer tasks at once (of a stream: maxConcurrency)',
  },
  APPLICATION_TERMINATED: {
    message: ({
      application,
      type,
      reason,
    }: {
      application: string;
      type: string;
      reason: string;
    }) => `the ${type} application "${application}" ended, and everything with it: ${reason}`,
    remedy: () => 'see the reports of its supervisor above for what ended it',
  },
  APPLICATIONS_LOST: {
    message: ({ reason }: { reason: string }) =>
      `the process that keeps the applications ended before it had stopped them, and everything with it: ${reason}`,
    remedy: () =>
      'leave that process alone, and give system.stop({ timeout }) more time than all of them need to stop',
  },
  BAD_APPLICATION_START: {
    message: ({ application, what }: { application: string; what: string; value: unknown }) =>
      `start of the application "${application}" ${what}`,
    remedy: () =>
      'return [Supervisor, { … }], or { top: [Supervisor, { … }], state } for what prepStop is to get',
  },
  INVALID_ARGUMENT: {
    message: ({ argument, fault }: { argument: string; fault: string; remedy: string }) =>
      `${argument} cannot be used: ${fault}`,
    remedy: ({ remedy }: { argument: string; fault: string; remedy: string }) => remedy,
  },
  OWN_CHILD: {
    message: ({ id }: { id: ChildId }) =>
      `the start function of child ${showValue(id)} gave the supervisor itself`,
    remedy: () => 'give the pid of the process that it started: { ok: true, pid }',
  },
});

/** Codes of the errors that this package throws. */
export type SupervisorErrorCode = Parameters<typeof supervisorError>[0];

/** The reason that a supervisor with such options exits with. */
export function reasonOfFault(fault: StartFault): ExitReason {
  return exitReason.error(supervisorError('INVALID_SUPERVISOR', { fault }));
}
