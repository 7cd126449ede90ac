import { defineErrors, exitReason, type ExitReason } from '@snakepit/core';
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
});

/** The reason that a supervisor with such options exits with. */
export function reasonOfFault(fault: StartFault): ExitReason {
  return exitReason.error(supervisorError('INVALID_SUPERVISOR', { fault }));
}
