import { lifeEvent, type ExitReason, type LifeEvent, type LifeNote } from '@snakepit/core';
import type { GivingUp } from './incident.ts';

/** What the events of supervisors tell of the lives of their children, and of their own. */
export const supervisorLifeEvents: readonly LifeEvent[] = [
  lifeEvent({
    event: 'snakepit.supervisor.child.started',
    note: (_, { supervisor, id, pid }) => ({ what: 'started', pid, child: { supervisor, id } }),
  }),
  lifeEvent({
    event: 'snakepit.supervisor.child.restarted',
    note: (_, { supervisor, id, pid }) => ({ what: 'restarted', pid, child: { supervisor, id } }),
  }),
  lifeEvent({
    event: 'snakepit.supervisor.child.backing_off',
    note: ({ delayMs }, { supervisor, id }) => ({
      what: 'backingOff',
      child: { supervisor, id },
      details: { delayMs },
    }),
  }),
  lifeEvent({
    event: 'snakepit.supervisor.report',
    note: (_, { supervisor, name, context, reason, offender: { id } }): LifeNote | undefined => {
      if (context === 'startError') {
        return { what: 'startFailed', child: { supervisor, id }, reason: exitOf(reason) };
      }
      if (context !== 'shutdown' && context !== 'childGivenUp') return undefined;
      const isAll = context === 'shutdown';
      const who = `supervisor ${name ?? supervisor.toString()}`;
      return {
        what: 'gaveUp',
        ...(isAll && { pid: supervisor }),
        child: { supervisor, id },
        details: { context, why: typeof reason === 'string' ? reason : reason.kind },
        incident: isAll
          ? `${who} gave up: too many restarts`
          : `${who} gave up its child ${JSON.stringify(id)}`,
      };
    },
  }),
];

function exitOf(reason: ExitReason | GivingUp): ExitReason | undefined {
  return typeof reason === 'string' ? undefined : reason;
}
