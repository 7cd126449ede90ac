import { join } from 'node:path';
import { bridgeError } from '../../errors.ts';
import { currentPlatform } from '../../os/platform/current.ts';
import type { Platform } from '../../os/platform/platform.ts';
import { readProcessStat, type ProcessIdentity } from '../../os/process-identity.ts';
import { signalGroup } from '../../os/process-killer.ts';
import { runCommand } from '../../python/run-command.ts';
import type { Containment, WorkerSpec } from '../worker-host.ts';
import type { SpawnCommand } from './spawn-command.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';

/** What holds the descendants of a worker with `descendants: 'strict'`. */
export type StrictContainment = Exclude<Containment, 'group'>;

/** What this machine can do for strict descendants, and why not more. */
export interface ContainmentProbe {
  /** The best that works; `undefined` when nothing does. */
  readonly best: StrictContainment | undefined;
  /** What was tried in vain, best first, each with its reason: `pidNamespace: unshare: Operation not permitted`. */
  readonly refusals: readonly string[];
}

/** Finds out what an interpreter can do for strict descendants on this machine. */
export type ContainmentProber = (python: string) => Promise<ContainmentProbe>;

/** Best first. */
const CONTAINMENTS: readonly StrictContainment[] = ['pidNamespace', 'subreaper'];

/** How long one try may take, in milliseconds; it takes 50. */
const PROBE_TIMEOUT_MS = 10_000;

/** Says whether a process sees the namespace that it is in. */
const LOOK_AROUND = 'import os; raise SystemExit(os.readlink("/proc/self") != str(os.getpid()))';

/** How long a launcher may take to end everybody, in milliseconds: more than it gives itself, which is 2,000. */
const LAUNCHER_END_MS = 3_000;

/** Whether a worker is behind a launcher. */
export function isContained({ containment = 'group' }: WorkerSpec): boolean {
  return containment !== 'group';
}

/**
 * Puts the launcher before a worker's command (ADR-0016).
 *
 * Isolated and without site packages (`-I -S`): it needs the standard library only, and starts in 20 ms.
 */
export function launcherCommand(
  containment: StrictContainment,
  python: string,
  bridgePath: string,
  { executable, args }: SpawnCommand,
): SpawnCommand {
  const launcher = join(bridgePath, 'snakepit_bridge', 'launcher.py');
  return {
    executable: python,
    args: ['-I', '-S', launcher, containment, executable, ...args],
  };
}

/**
 * Makes a prober that tries each interpreter once, by running a small program behind the launcher.
 *
 * @param bridgePath - Directory that holds the Python package `snakepit_bridge`.
 * @param platform - Default that of this process.
 */
export function createContainmentProber(
  bridgePath: string,
  platform: Platform = currentPlatform,
): ContainmentProber {
  const known = new Map<string, Promise<ContainmentProbe>>();
  return (python) => {
    const probe = known.get(python) ?? probeContainment(python, bridgePath, platform);
    known.set(python, probe);
    return probe;
  };
}

async function probeContainment(
  python: string,
  bridgePath: string,
  platform: Platform,
): Promise<ContainmentProbe> {
  if (!platform.layers.some(({ layer, how }) => layer === 'strict' && how !== undefined)) {
    return { best: undefined, refusals: [`they need Linux, and this is ${platform.name}`] };
  }
  const refusals: string[] = [];
  for (const containment of CONTAINMENTS) {
    const refusal = await tryContainment(containment, python, bridgePath);
    if (refusal === undefined) return { best: containment, refusals };
    refusals.push(refusal);
  }
  return { best: undefined, refusals };
}

async function tryContainment(
  containment: StrictContainment,
  python: string,
  bridgePath: string,
): Promise<string | undefined> {
  const program = { executable: python, args: ['-I', '-S', '-c', LOOK_AROUND] };
  const { executable, args } = launcherCommand(containment, python, bridgePath, program);
  const { code, failure, tail } = await runCommand(executable, args, {
    timeoutMs: PROBE_TIMEOUT_MS,
    lifeline: true,
    // Those of a runtime around this one would be taken for its own.
    env: { ...process.env, SNAKEPIT_BEAT_FD: undefined, SNAKEPIT_PARENT_PID: undefined },
  });
  if (code === 0) return undefined;
  const said = tail.at(-1)?.replace(/^snakepit: /u, '');
  return said ?? `${containment}: ${failure ?? `exit code ${String(code)}`}`;
}

/**
 * Insists on strict descendants.
 *
 * @throws SnakepitError ENVIRONMENT when nothing on this machine can give them, with all reasons.
 */
export function requireContainment(pool: string, probe: ContainmentProbe): StrictContainment {
  if (probe.best !== undefined) return probe.best;
  throw bridgeError('ENVIRONMENT', {
    problem: `descendants: 'strict' of pool "${pool}" is not possible here (${probe.refusals.join('; ')})`,
    advice:
      "see `npx snakepit doctor`, or choose descendants: 'usual' (SNAKEPIT_DESCENDANTS=usual).",
  });
}

/** What is in force, and what would be better but is not possible, as a sentence without an end. */
export function describeContainment({ best, refusals }: ContainmentProbe): string {
  const holders = { pidNamespace: 'a pid namespace', subreaper: 'a subreaper' };
  const held = best === undefined ? 'cannot be held' : `are held by ${holders[best]}`;
  const why = refusals.length === 0 ? '' : ` (${refusals.join('; ')})`;
  return `descendants of workers ${held}${why}`;
}

/**
 * Start time of the process that a launcher tells of; `undefined` when it is none of the launcher's.
 *
 * It is a child of the launcher, or in a pid namespace of the launcher's child.
 */
export function startTimeBehind(launcher: ProcessIdentity, pid: number): string | undefined {
  const stat = readProcessStat(pid);
  if (stat === undefined) return undefined;
  const { parentPid, startTime } = stat;
  const isBehind =
    parentPid === launcher.pid || readProcessStat(parentPid)?.parentPid === launcher.pid;
  return isBehind ? startTime : undefined;
}

/**
 * Kills a worker behind a launcher, with all its descendants.
 *
 * Not by SIGKILL to the launcher, which would set daemons free: the end of the lifeline has the kernel kill the worker's
 * group, and the launcher end the rest. A launcher that is stopped has to wake for it; one that does not end in 3 s is
 * killed itself, and the kernel then kills the worker's group.
 */
export function killThroughLauncher({ child, identity, lifeline }: SpawnedWorker): void {
  if (lifeline.destroyed) return;
  lifeline.destroy();
  signalGroup(identity, 'SIGCONT');
  const timer = setTimeout(() => signalGroup(identity, 'SIGKILL'), LAUNCHER_END_MS);
  child.once('exit', () => {
    clearTimeout(timer);
  });
}
