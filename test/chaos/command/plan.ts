import { createRandom } from './system/random.mjs';

/**
 * Which scenario a round plays: each once in a random order, then each again in another one.
 *
 * @param names - Those that may be played, at least one.
 */
export function scenarioOf(names: readonly string[], seed: number, round: number): string {
  const turn = Math.floor(round / names.length);
  const order = createRandom(seed, turn, names.length).shuffle(names);
  const name = order[round % names.length];
  if (name === undefined) throw new RangeError('there is no scenario to play');
  return name;
}
