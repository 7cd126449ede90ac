import type { SupervisedChild, Supervision } from '@snakepit/core';
import type { ChildHandles } from './child-handles.ts';
import { childOfPid, type ChildSlot } from './children.ts';
import type { DynamicSupervisorContext } from './dynamic-context.ts';
import { tableValues } from './ordered-table.ts';
import { childAtHand } from './restart-decisions.ts';
import { standingOf } from './restart-window.ts';
import type { SupervisorContext } from './supervisor-context.ts';

/** What can be asked of a supervisor of either kind by those who look: from its chart's context and what it holds. */
export function supervisionOf(
  context: SupervisorContext | DynamicSupervisorContext,
  handles: ChildHandles,
): Supervision {
  const { children, window } = context;
  const show = (slot: ChildSlot): SupervisedChild => shownChild(slot, handles);
  return {
    strategy: 'strategy' in context ? context.strategy : 'dynamic',
    maxRestarts: window.intensity,
    maxSeconds: window.period,
    restarts: [...window.stamps].reverse(),
    gaveUp: standingOf(window) === 'exceeded',
    children: () => Array.from(tableValues(children.slots), show),
    childOf: (pid) => {
      const slot = childOfPid(children, pid) ?? startingChild(context);
      return slot && show(slot);
    },
  };
}

/** One at a time is started; its process is not known yet. */
function startingChild(
  context: SupervisorContext | DynamicSupervisorContext,
): ChildSlot | undefined {
  const slot = childAtHand(context);
  return slot?.status === 'starting' ? slot : undefined;
}

function shownChild(slot: ChildSlot, handles: ChildHandles): SupervisedChild {
  const { serial, pid, status, starts, lastExit, restart, shutdown, type, significant } = slot;
  return {
    id: handles.spec(serial)?.id,
    segment: handles.segment(serial),
    pid: pid ?? undefined,
    status,
    starts,
    lastExit: lastExit ?? undefined,
    restart,
    shutdown,
    type,
    significant,
  };
}
