/**
 * What is known of each of very many workers, as part of a chart's context: a new one is made for each change, of which
 * only a small part is copied. Plain data: records of some workers each, in which one is found by its id.
 */
export type WorkerStates<State> = readonly Readonly<Record<string, State>>[];

/** How many workers a record has when it is made. */
const usualSize = 8;
/** With more than so many in a record there are to be more records. */
const largestSize = 64;

/** All of these workers in the same state. */
export function statesOf<State>(workerIds: readonly string[], state: State): WorkerStates<State> {
  return distribute(workerIds.map((id) => [id, state]));
}

/** The state of a worker; `undefined` for one that is not there. */
export function stateOf<State>(states: WorkerStates<State>, workerId: string): State | undefined {
  const record = states[placeOf(workerId, states.length)];
  return record !== undefined && Object.hasOwn(record, workerId) ? record[workerId] : undefined;
}

/** The same with this worker in this state. */
export function withState<State>(
  states: WorkerStates<State>,
  workerId: string,
  state: State,
): WorkerStates<State> {
  const place = placeOf(workerId, states.length);
  const record = { ...states[place], [workerId]: state };
  const changed = states.with(place, record);
  return Object.keys(record).length > largestSize
    ? distribute(changed.flatMap(entriesOf))
    : changed;
}

/** The same without this worker. */
export function withoutState<State>(
  states: WorkerStates<State>,
  workerId: string,
): WorkerStates<State> {
  const place = placeOf(workerId, states.length);
  const left = entriesOf(states[place] ?? {}).filter(([id]) => id !== workerId);
  return states.with(place, Object.fromEntries(left));
}

function entriesOf<State>(record: Readonly<Record<string, State>>): [string, State][] {
  return Object.entries(record);
}

function distribute<State>(entries: readonly (readonly [string, State])[]): WorkerStates<State> {
  const count = Math.max(1, Math.ceil(entries.length / usualSize));
  const records = Array.from({ length: count }, (): [string, State][] => []);
  for (const [id, state] of entries) records[placeOf(id, count)]?.push([id, state]);
  return records.map((some) => Object.fromEntries(some));
}

function placeOf(workerId: string, count: number): number {
  let hash = 0;
  for (let at = 0; at < workerId.length; at += 1) hash = (hash * 31 + workerId.charCodeAt(at)) | 0;
  return (hash >>> 0) % count;
}
