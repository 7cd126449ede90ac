import { formatExitReason, isCleanExit, type ExitReason } from '../process/exit-reason.ts';
import { lifeEvent, type LifeEvent } from './life-record.ts';

/** What the core's own events tell of lives; of a start, who is supervised is told by its supervisor. @internal */
export const coreLifeEvents: readonly LifeEvent[] = [
  lifeEvent({
    event: 'snakepit.process.spawned',
    note: (_, { pid }) => ({ what: 'started', pid }),
  }),
  lifeEvent({
    event: 'snakepit.process.exited',
    note: (_, { pid, name, reason }) => ({
      what: 'exited',
      pid,
      reason,
      ...(isAbnormal(reason) && {
        incident: `${name ?? pid.toString()} ended: ${formatExitReason(reason)}`,
      }),
    }),
  }),
];

/** Whether something went wrong; who is killed, or not begun at all, was ended by somebody on purpose. */
function isAbnormal(reason: ExitReason): boolean {
  return !isCleanExit(reason) && !['killed', 'kill', 'alreadyStarted'].includes(reason.kind);
}
