import type { ResolvedPool } from '../config/config.ts';
import type { Platform } from '../os/platform/platform.ts';

/** How the process of a worker is made: by a fork server that has imported everything already, or as a new interpreter. */
export type LaunchMode = 'fork' | 'spawn';

/** What keeps workers of a pool from being forked. */
export interface LaunchHindrance {
  /** The key of the pool that does, or the platform, or what the fork server found out when it started. */
  readonly key: 'compat' | 'descendants' | 'platform' | 'forkServer';
  /** What it is: to be read after "because". */
  readonly what: string;
}

/** How the workers of a pool are started. */
export interface LaunchChoice {
  /** Which way. */
  readonly mode: LaunchMode;
  /** Half a sentence, for people. */
  readonly why: string;
  /** What keeps them from being forked; empty when nothing does. */
  readonly hindrances: readonly LaunchHindrance[];
}

/** What of a pool decides how its workers are started. */
export type LaunchedPool = Pick<
  ResolvedPool,
  'launch' | 'compat' | 'descendants' | 'preload' | 'size'
>;

/**
 * Decides how the workers of a pool are started, before anything is.
 *
 * What is found out only when the fork server imports what it is told to is another matter: with `auto` the pool then
 * goes on without. The size is the one that the pool starts with: a fork server is there from the start, or not at all.
 *
 * @param platform - Name of the operating system.
 */
export function chooseLaunch(pool: LaunchedPool, platform: Platform['name']): LaunchChoice {
  const hindrances = hindrancesOf(pool, platform);
  const { launch } = pool;
  if (launch === 'spawn') return { mode: 'spawn', why: "launch is 'spawn'", hindrances };
  if (hindrances.length > 0) {
    return { mode: 'spawn', why: hindrances.map(({ what }) => what).join('; '), hindrances };
  }
  if (launch === 'fork') return { mode: 'fork', why: "launch is 'fork'", hindrances };
  if (!isWorthAServer(pool)) {
    const why = 'a fork server costs one worker more than it saves';
    return { mode: 'spawn', why, hindrances };
  }
  return { mode: 'fork', why: 'nothing is in its way', hindrances };
}

/** Measured: two workers start as fast with a fork server as without, in less memory; who says what it imports wants it. */
function isWorthAServer({ preload, size }: LaunchedPool): boolean {
  return size > 1 || preload.length > 0;
}

/**
 * Which way it is, why, and, where somebody chose to spawn, whether forking would be possible; half a sentence.
 *
 * @param preload - Modules that are imported before.
 */
export function describeLaunch(
  { mode, why, hindrances }: LaunchChoice,
  preload: readonly string[],
): string {
  if (mode === 'fork') {
    const before = preload.length === 0 ? '' : `, with ${preload.join(', ')} imported before`;
    return `forked (${why})${before}`;
  }
  const inItsWay = hindrances.map(({ what }) => what).join('; ');
  if (inItsWay === why) return `spawned, because ${why}`;
  return `spawned, because ${why}; ${inItsWay === '' ? 'they could be forked' : inItsWay}`;
}

function hindrancesOf(
  { compat, descendants }: LaunchedPool,
  platform: Platform['name'],
): readonly LaunchHindrance[] {
  const found: LaunchHindrance[] = [];
  if (platform === 'win32') found.push({ key: 'platform', what: 'Windows cannot fork processes' });
  if (compat !== undefined) {
    const what = `servers of the original (compat: "${compat}") cannot be forked`;
    found.push({ key: 'compat', what });
  }
  if (descendants !== 'usual') {
    const what = `with descendants: "${descendants}" each worker has a launcher of its own`;
    found.push({ key: 'descendants', what });
  }
  return found;
}
