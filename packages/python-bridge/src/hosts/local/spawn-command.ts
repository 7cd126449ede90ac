import { delimiter } from 'node:path';
import { runMarker, workerLabel } from '../../os/run-record-format.ts';
import type { WorkerSpec } from '../worker-host.ts';
import { launcherCommand } from './strict-descendants.ts';

/** Number of the beat channel's descriptor in the worker. */
const BEAT_FD = 3;
/** Number of the silent lifeline's descriptor in the worker. */
const LIFELINE_FD = 4;

/** A program and its arguments. */
export interface SpawnCommand {
  /** The program. */
  readonly executable: string;
  /** Its arguments. No secrets: everybody on the machine can read them. */
  readonly args: readonly string[];
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
  const args = [
    ...(spec.python.args ?? []),
    ...['-u', '-m', 'snakepit_bridge'],
    ...['--adapter', spec.adapter, '--snakepit-run-id', spec.runId, '--worker-id', spec.workerId],
    // Behind the mark they are the adapter's own; an unknown flag before it is refused.
    ...(spec.adapterArgs.length === 0 ? [] : ['--', ...spec.adapterArgs]),
  ];
  return { executable: spec.python.executable, args };
}

/** Numeric libraries start a thread per core in every worker, unless they are told. */
const SINGLE_THREADED = {
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  NUMEXPR_NUM_THREADS: '1',
  GRPC_VERBOSITY: 'ERROR',
};

/**
 * Environment of a worker: what the user has, on top of our defaults, under what must be so.
 *
 * The run id is part of a variable's *name*: a runtime inside a worker adds its own and overwrites
 * nothing, so that both runs' sweeps find its workers.
 *
 * @param base - Environment of this process.
 */
export function workerEnvironment(
  spec: WorkerSpec,
  base: Readonly<Record<string, string | undefined>>,
  parentPid: number = process.pid,
): Record<string, string> {
  const user = { ...base, ...spec.env };
  const userPath = user['PYTHONPATH'];
  const path = [spec.bridgePath, ...spec.pythonPath, ...(userPath ? [userPath] : [])];
  const [markerName = '', markerValue = ''] = runMarker(spec.runId).split('=');
  const all: Record<string, string | undefined> = {
    ...SINGLE_THREADED,
    ...user,
    PYTHONPATH: path.join(delimiter),
    PYTHONUNBUFFERED: '1',
    PYTHONNOUSERSITE: '1',
    SNAKEPIT_RUN_ID: spec.runId,
    [markerName]: markerValue,
    SNAKEPIT_WORKER: workerLabel(spec),
    SNAKEPIT_PARENT_PID: String(parentPid),
    SNAKEPIT_BEAT_FD: String(BEAT_FD),
    SNAKEPIT_LIFELINE_FD: String(LIFELINE_FD),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
