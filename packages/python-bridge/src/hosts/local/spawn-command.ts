import { delimiter, dirname } from 'node:path';
import { currentPlatform } from '../../os/platform/current.ts';
import { runMarker, workerLabel } from '../../os/run-record-format.ts';
import type { WorkerSpec } from '../worker-host.ts';
import { inheritedEnvironment } from './inherited-environment.ts';
import { originalCommand, originalEnvironment } from './original-server.ts';
import { isContained, launcherCommand } from './strict-descendants.ts';

/** Number of the beat channel's descriptor in the worker. */
const BEAT_FD = 3;
/** Number of the silent lifeline's descriptor in the worker. */
const LIFELINE_FD = 4;
/** Number of the call socket's descriptor in the worker. */
const CALLS_FD = 5;

/** A program and its arguments. */
export interface SpawnCommand {
  /** The program. */
  readonly executable: string;
  /** Its arguments. No secrets: everybody on the machine can read them. */
  readonly args: readonly string[];
}

/** Whether a worker is given a socket on which calls come: not where descriptors are no sockets, nor to foreign programs. */
export function takesCallSocket({ original, command }: WorkerSpec): boolean {
  return currentPlatform.sockets !== undefined && original === undefined && command === undefined;
}

/** Command line of a worker, behind a launcher where its descendants are contained. */
export function workerCommand(spec: WorkerSpec): SpawnCommand {
  const { containment = 'group', python, bridgePath } = spec;
  const command = ownCommand(spec);
  return containment === 'group'
    ? command
    : launcherCommand(containment, python.executable, bridgePath, command);
}

function ownCommand(spec: WorkerSpec): SpawnCommand {
  if (spec.command !== undefined) {
    const [executable, ...args] = spec.command;
    return { executable, args };
  }
  if (spec.original !== undefined) return originalCommand(spec, spec.original.serverScript);
  const args = [
    ...(spec.python.args ?? []),
    ...['-u', '-m', 'snakepit_bridge', ...workerArguments(spec)],
  ];
  return { executable: spec.python.executable, args };
}

/** What a worker of our own make is told in its command line. */
export function workerArguments(spec: WorkerSpec): readonly string[] {
  return [
    ...['--adapter', spec.adapter, '--snakepit-run-id', spec.runId, '--worker-id', spec.workerId],
    ...threadArguments(spec),
    // Behind the mark they are the adapter's own; an unknown flag before it is refused.
    ...(spec.adapterArgs.length === 0 ? [] : ['--', ...spec.adapterArgs]),
  ];
}

/** The original's names of these flags (SNK §9). */
function threadArguments({ threads }: WorkerSpec): readonly string[] {
  if (threads === undefined) return [];
  const check = threads.check === 'off' ? [] : ['--thread-safety-check', threads.check];
  return ['--max-workers', String(threads.limit), ...check];
}

/** Numeric libraries start a thread per core in every worker, unless they are told; one process of many calls may have them. */
const SINGLE_THREADED = {
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  NUMEXPR_NUM_THREADS: '1',
};

/** What holds unless the user has something else. */
const DEFAULTS = {
  GRPC_VERBOSITY: 'ERROR',
  // The memory of Arrow is tidied up by a thread from its import on, which no fork has: without it, whoever frees does that.
  JE_ARROW_MALLOC_CONF: 'background_thread:false',
};

/**
 * Environment of a worker: what the user has, on top of our defaults, under what must be so.
 *
 * The run id is part of a variable's *name*: a runtime inside a worker adds its own and overwrites
 * nothing, so that both runs' sweeps find its workers.
 *
 * @param base - Environment of this process.
 * @param readyFile - Where a server of the original tells its port.
 */
export function workerEnvironment(
  spec: WorkerSpec,
  base: Readonly<Record<string, string | undefined>>,
  readyFile?: string,
  parentPid: number = process.pid,
): Record<string, string> {
  const inherited = inheritedEnvironment(base, spec.envAllow);
  const { PYTHONPATH: userPath } = { PYTHONPATH: inherited['PYTHONPATH'], ...spec.env };
  // The original's package has the name of ours, and lies beside its servers.
  const bridgePath = spec.original ? dirname(spec.original.serverScript) : spec.bridgePath;
  const path = [bridgePath, ...spec.pythonPath, ...(userPath ? [userPath] : [])];
  const [markerName = '', markerValue = ''] = runMarker(spec.runId).split('=');
  return merge([
    spec.threads === undefined ? SINGLE_THREADED : {},
    DEFAULTS,
    inherited,
    spec.env,
    {
      PYTHONPATH: path.join(delimiter),
      PYTHONUNBUFFERED: '1',
      PYTHONNOUSERSITE: '1',
      SNAKEPIT_RUN_ID: spec.runId,
      [markerName]: markerValue,
      SNAKEPIT_WORKER: workerLabel(spec),
    },
    channelVariables(spec, parentPid),
    originalEnvironment(spec, readyFile),
  ]);
}

/** All variables; of the same name the last counts, and takes it away when it is `undefined`. */
function merge(
  environments: readonly Readonly<Record<string, string | undefined>>[],
): Record<string, string> {
  // One by one: of spreads and lists of pairs it takes eight times as long, for each worker.
  const merged: Record<string, string> = {};
  for (const environment of environments) {
    for (const name of Object.keys(environment)) {
      const value = environment[name];
      if (value !== undefined) merged[name] = value;
      else Reflect.deleteProperty(merged, name);
    }
  }
  return merged;
}

/** A server of the original does not know its channels; a launcher before it does. */
function channelVariables(
  spec: WorkerSpec,
  parentPid: number,
): Readonly<Record<string, string | undefined>> {
  const isKnown = spec.original === undefined || isContained(spec);
  return {
    SNAKEPIT_PARENT_PID: isKnown ? String(parentPid) : undefined,
    SNAKEPIT_BEAT_FD: isKnown ? String(BEAT_FD) : undefined,
    SNAKEPIT_LIFELINE_FD: isKnown ? String(LIFELINE_FD) : undefined,
    SNAKEPIT_CALLS_FD: takesCallSocket(spec) ? String(CALLS_FD) : undefined,
  };
}
