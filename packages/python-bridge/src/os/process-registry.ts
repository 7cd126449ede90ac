import { join } from 'node:path';
import {
  defineServer,
  ok,
  reply,
  type ActorSystem,
  type ProcessContext,
  type Server,
} from '@snakepit/core';
import {
  createLocalHost,
  LONGEST_SOCKET_NAME,
  type LocalHostOptions,
} from '../hosts/local/local-host.ts';
import type { OutputLine, WorkerHost } from '../hosts/worker-host.ts';
import { bridgeError } from '../errors.ts';
import '../telemetry/events.ts';
import { currentPlatform } from './platform/current.ts';
import { createNoticeReporter, reportSweep, reportUnrecorded } from './cleanup-reports.ts';
import { openPrivateDirectory, type PrivateDirectory } from './private-directory.ts';
import { openRun, ownRunFile, withoutWorkerRecords, type RunRecords } from './run-records.ts';
import { sweepEarlierRuns } from './run-sweep.ts';
import { currentIdentity } from './process-identity.ts';
import { layersSwitchedOff, type SafetyLayer } from './safety-layers.ts';
import { ownerVariable } from './unrecorded-runs.ts';
import type { GroupGuard } from './watchdog-groups.ts';

/** What the registry keeps for one run of Snakepit. */
export interface RunResources {
  /** The run's records on disk. */
  readonly run: RunRecords;
  /** Where workers live. */
  readonly host: WorkerHost;
  /** Where their sockets are. */
  readonly sockets: PrivateDirectory;
  /** Ends every worker, confirms it, and removes directory and records. A second call waits for the first. */
  readonly release: () => Promise<void>;
}

/** What the registry is started with. */
export interface ProcessRegistryInput {
  /** Directory of the run records; default that of the platform. */
  readonly stateDir: string | undefined;
  /** Directory in which the sockets have one of their own; default that of the run's records. */
  readonly socketDir: string | undefined;
  /** Aborted, it leaves the rest of the sweep to the next start; default never. */
  readonly hurried?: AbortSignal | undefined;
  /** Hears every line that a worker prints. */
  readonly onOutput: (line: OutputLine) => void;
  /** Told of the groups of workers, of whatever run. */
  readonly guard?: GroupGuard | undefined;
  /** Told what it has opened, which is released at its end, whatever becomes of it. */
  readonly onOpened: (resources: RunResources) => void;
  /** Told what the registry holds now, and `undefined` when it holds nothing any more. */
  readonly onResources: (resources: RunResources | undefined) => void;
}

/** How often a run shows that it is still there, in milliseconds: six hours, of the week that nobody judges it. */
const FRESHEN_MS = 6 * 3_600_000;

/** The registered name of the process registry. */
export const processRegistryName = 'snakepit.processRegistry';

/**
 * The process that owns the run: its records on disk, the directory of its sockets and the host of its workers.
 *
 * Before it is initialised it sweeps what earlier runs left behind; at its end every worker is confirmed gone. Workers
 * cannot outlive it, so whatever starts workers is restarted after it.
 */
export const processRegistry: Server<ProcessRegistryInput, object, object> = defineServer({
  name: 'processRegistry',
  trapExit: true,
  init: async (input: ProcessRegistryInput, self) => {
    const layersOff = layersSwitchedOff();
    if (layersOff.size > 0) {
      self.system.logger.warn(`safety layers are switched off: ${[...layersOff].join(', ')}`);
    }
    const resources = openResources(input, self.system, layersOff);
    // Killed, this process runs no terminate.
    self.signal.addEventListener('abort', () => void resources.release());
    input.onOpened(resources);
    if (!layersOff.has('sweep')) await sweep(resources.run, input, self);
    // Killed meanwhile, it has released them, and its successor may hold others already.
    if (!self.signal.aborted) input.onResources(resources);
    return ok({ ...resources, input });
  },
  call: {
    runId: (state) => reply(state.run.runId, state),
  },
  terminate: async ({ release, input }) => {
    input.onResources(undefined);
    await release();
  },
});

function openResources(
  input: ProcessRegistryInput,
  system: ActorSystem,
  layersOff: ReadonlySet<SafetyLayer>,
): RunResources {
  const { logger } = system;
  const opened = openRun({ stateDir: input.stateDir });
  const { run } = opened;
  if (opened.kind === 'unavailable') reportUnrecorded(run.runId, opened.reason, system);
  const made = openPrivateDirectory({
    preferred: preferredSockets(input, run),
    runId: run.runId,
    runFile: ownRunFile(run.runId),
    longestName: LONGEST_SOCKET_NAME,
  });
  if (!made.ok) {
    run.closeRun();
    throw bridgeError('ENVIRONMENT', {
      problem: `no private directory for the workers' sockets: ${made.reason}`,
      advice: 'name one with socketDir (SNAKEPIT_SOCKET_DIR) that only you can write to.',
    });
  }
  const { directory: sockets } = made;
  if (sockets.fallbackReason !== undefined) {
    logger.info(`sockets are in ${sockets.path}: ${sockets.fallbackReason}`);
  }
  const hostOptions: LocalHostOptions = {
    run: layersOff.has('record') ? withoutWorkerRecords(run) : run,
    killsAtExit: !layersOff.has('exit'),
    socketDirectory: currentPlatform.sockets === undefined ? undefined : sockets.path,
    guard: input.guard,
    onOutput: input.onOutput,
    onNotice: createNoticeReporter(run.runId, system),
    ...(run.directory === undefined ? { env: environmentOfUnrecorded(run) } : {}),
  };
  const host = createLocalHost(hostOptions);
  const stopFreshening = keepFresh(run, system);
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    stopFreshening();
    return releaseAll({ run, sockets, host }, system);
  };
  return { run, sockets, host, release: () => (released ??= release()) };
}

/**
 * Shows, from time to time, that the run is still there: a runtime in another container on the same files sees nothing
 * but the age of its directory, and removes it with all sockets when that is a week.
 */
function keepFresh(run: RunRecords, { clock }: Pick<ActorSystem, 'clock'>): () => void {
  let timer: unknown;
  const wait = (): void => {
    timer = clock.setTimeout(() => {
      run.touch();
      wait();
    }, FRESHEN_MS);
  };
  wait();
  return () => {
    clock.clearTimeout(timer);
  };
}

/** Ends every worker, confirms it, and removes what is on disk. */
async function releaseAll(
  { run, sockets, host }: Omit<RunResources, 'release'>,
  { clock, logger, telemetry }: ActorSystem,
): Promise<void> {
  const startMs = clock.now();
  await host.close();
  sockets.close();
  const closed = run.closeRun();
  const durationMs = clock.now() - startMs;
  const { runId } = run;
  if (closed.ok) {
    telemetry.emit('snakepit.cleanup.success', { count: 1, durationMs }, { runId });
    return;
  }
  const { reason } = closed;
  logger.warn(`the run stays recorded: ${reason}`);
  telemetry.emit('snakepit.cleanup.timeout', { count: 1, durationMs }, { runId, reason });
}

/** Of each run its own: names of sockets repeat from run to run, and at the end of one its directory is removed. */
function preferredSockets(
  { socketDir }: ProcessRegistryInput,
  run: RunRecords,
): string | undefined {
  if (socketDir !== undefined) return join(socketDir, run.runId);
  return run.directory === undefined ? undefined : join(run.directory, 's');
}

/** Nothing on disk will tell the next runtime whose they are. */
function environmentOfUnrecorded({ runId }: RunRecords): NodeJS.ProcessEnv {
  const [name, value] = ownerVariable(runId, currentIdentity());
  return { ...process.env, [name]: value };
}

async function sweep(
  { runId, stateDirectory }: RunRecords,
  { socketDir, hurried }: ProcessRegistryInput,
  { system, signal: killed }: Pick<ProcessContext, 'system' | 'signal'>,
): Promise<void> {
  const signal = hurried === undefined ? killed : AbortSignal.any([killed, hurried]);
  const report = await sweepEarlierRuns({ stateDirectory, socketDir, signal });
  // Called off: the next start finishes it, and tells.
  if (signal.aborted) return;
  const earlier = report.runs.filter((swept) => swept.runId !== runId);
  reportSweep({ ...report, runs: earlier }, runId, system);
}
