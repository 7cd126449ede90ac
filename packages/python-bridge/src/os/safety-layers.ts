import { nearestName } from '../config/nearest-name.ts';
import { bridgeError } from '../errors.ts';

/**
 * The layers that keep processes from being left behind, each by itself enough for some way to die.
 *
 * - `record`: workers are written down before and after their spawn.
 * - `exit`: a worker's group and escapees are killed at its exit, all groups at the runtime's.
 * - `lifeline`: the kernel kills a worker's group when the runtime is gone.
 * - `eof`: a worker that reads the end of its beat channel ends its group.
 * - `opinion`: what else the platform can tell a worker of its parent's death.
 * - `watchdog`: a process beside the runtime ends what the runtime leaves.
 * - `sweep`: the next runtime ends what an earlier one left.
 */
export const SAFETY_LAYERS = [
  'record',
  'exit',
  'lifeline',
  'eof',
  'opinion',
  'watchdog',
  'sweep',
] as const;

/** One of {@link SAFETY_LAYERS}. */
export type SafetyLayer = (typeof SAFETY_LAYERS)[number];

/** Environment variable with the layers that are off, separated by commas. Workers inherit and obey it. */
export const WITHOUT_LAYERS = 'SNAKEPIT_WITHOUT_LAYERS';

/**
 * The layers that tests have switched off, to prove that the others hold without them.
 *
 * Not an option of the product: whoever switches one off gives up a part of what it promises.
 *
 * @param env - Environment of the runtime; default this process's.
 * @throws SnakepitError INVALID_CONFIG, for a name that is no layer's.
 */
export function layersSwitchedOff(
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlySet<SafetyLayer> {
  const names = (env[WITHOUT_LAYERS] ?? '').split(',').flatMap((name) => name.trim() || []);
  const unknown = names.filter((name) => !isSafetyLayer(name));
  if (unknown.length > 0) {
    throw bridgeError('INVALID_CONFIG', { faults: unknown.map((name) => faultOf(name)) });
  }
  return new Set(names.filter(isSafetyLayer));
}

function isSafetyLayer(name: string): name is SafetyLayer {
  return SAFETY_LAYERS.some((layer) => layer === name);
}

function faultOf(name: string): { readonly where: string; readonly message: string } {
  const nearest = nearestName(name, SAFETY_LAYERS);
  const help =
    nearest === undefined
      ? `the layers are ${SAFETY_LAYERS.join(', ')}.`
      : `did you mean "${nearest}"?`;
  const message = `${WITHOUT_LAYERS} names ${JSON.stringify(name)}, which is no safety layer; ${help}`;
  return { where: WITHOUT_LAYERS, message };
}
