import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Collects all garbage, also what only a second collection can free. */
export function collectGarbage() {
  for (let round = 0; round < 3; round++) collect();
}
