import type { AnyStateMachine } from 'xstate';
import { snapshotFunctions, type Snapshot } from '../xstate-internals.ts';
import type { Configuration } from './configuration.ts';

/** What of a snapshot is not told by the states that the machine is in. */
export type SnapshotData = Pick<
  Snapshot,
  'status' | 'output' | 'error' | 'context' | 'children' | 'historyValue'
>;

/** A snapshot as XState makes them, property by property; users, viewers and XState's own functions can read it. */
export function snapshotOf(
  machine: AnyStateMachine,
  { nodes, value, tags }: Configuration,
  data: SnapshotData,
): Snapshot {
  return {
    status: data.status,
    output: data.output,
    error: data.error,
    machine,
    context: data.context,
    _nodes: nodes,
    value,
    tags,
    children: data.children,
    historyValue: data.historyValue,
    matches: snapshotFunctions.matches,
    hasTag: snapshotFunctions.hasTag,
    can: snapshotFunctions.can,
    getMeta: snapshotFunctions.getMeta,
    toJSON: snapshotFunctions.toJSON,
  };
}
