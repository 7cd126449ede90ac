import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest stretch for which a long look keeps the event loop, in milliseconds. */
const SLICE_MS = 4;

/** Runs one step of a long job, at once while there is time left and after a turn of the event loop otherwise. */
export type Slices = <Result>(step: () => Result) => Promise<Result>;

/**
 * Cuts long jobs into slices, so that calls and heartbeats get in between. Several jobs may share
 * one, and then share its time.
 */
export function createSlices(): Slices {
  let sliceStart = performance.now();
  let turn: Promise<void> | undefined;
  const startNext = async (): Promise<void> => {
    await nextTurn();
    turn = undefined;
    sliceStart = performance.now();
  };
  return async (step) => {
    // Asked again after the turn: others waited for the same one, and may have used it up.
    while (performance.now() - sliceStart >= SLICE_MS) await (turn ??= startNext());
    return step();
  };
}
