import type { Platform } from '../os/platform/platform.ts';
import { chooseLaunch, type LaunchedPool } from '../pool/choose-launch.ts';
import type { ConfigFault } from './config-fault.ts';
import { showValue } from './config-fault.ts';
import type { Layer } from './layers.ts';
import { workerSchema } from './schema-workers.ts';

/** Who says how the workers of a pool are started. */
export interface LaunchSpeakers {
  /** The environment variables. */
  readonly environment: Layer;
  /** The pool. */
  readonly own: Layer;
  /** The top level. */
  readonly top: Layer;
  /** Path of the pool in the configuration. */
  readonly path: string;
}

/**
 * Refuses `launch: 'fork'` where workers cannot be forked, and a `preload` that nobody would import.
 *
 * The environment speaks to all pools and wins over what each says, so that nobody could except one from it: what it says
 * counts for the pools that can be forked.
 *
 * @param faults - Receives every fault found.
 */
export function refuseLaunch(
  pool: LaunchedPool,
  platform: Platform['name'],
  { environment, own, top, path }: LaunchSpeakers,
  faults: ConfigFault[],
): void {
  const where = placeOf('launch', { environment, own, top, path });
  if (pool.launch === 'fork') {
    const { hindrances } = chooseLaunch(pool, platform);
    const counting =
      environment['launch'] === undefined
        ? hindrances
        : hindrances.filter(({ key }) => key === 'platform');
    if (counting.length > 0) {
      const why = counting.map(({ what }) => what).join('; ');
      const message = `${where} is "fork"; it must be "auto" or "spawn" for pool ${path}, because ${why}. With "auto" its workers are forked wherever that is possible.`;
      faults.push({ where, message });
    }
    return;
  }
  if (pool.launch === 'spawn' && environment['launch'] === undefined) {
    refuseIdle(own, top, path, faults);
  }
}

/** A pool whose modules are to be imported before it forks, and that does not fork. */
function refuseIdle(own: Layer, top: Layer, path: string, faults: ConfigFault[]): void {
  const isOwn = own['preload'] !== undefined;
  // What the top level says for all pools is not meant for one that says itself that it spawns.
  if (!isOwn && own['launch'] !== undefined) return;
  const preload = isOwn ? own['preload'] : top['preload'];
  if (!Array.isArray(preload) || preload.length === 0) return;
  const where = isOwn ? `${path}.preload` : 'preload';
  if (faults.some((fault) => fault.where === where)) return;
  const message = `${where} is ${showValue(preload)}; with launch "spawn" it does not count, say launch: "auto" or "fork".`;
  faults.push({ where, message });
}

function placeOf(key: 'launch', { environment, own, top, path }: LaunchSpeakers): string {
  const { variable } = workerSchema[key];
  if (environment[key] !== undefined && variable !== undefined) return variable;
  return own[key] === undefined && top[key] !== undefined ? key : `${path}.${key}`;
}
