import { defineServer, ok, reply, type ActorSystem, type Server } from '@snakepit/core';
import {
  createLocalHost,
  LONGEST_SOCKET_NAME,
  type LocalHostOptions,
} from '../hosts/local/local-host.ts';
import type { HostNotice } from '../hosts/local/local-worker.ts';
import type { OutputLine, WorkerHost } from '../hosts/worker-host.ts';
import { bridgeError } from '../errors.ts';
import '../telemetry/events.ts';
import { openPrivateDirectory, type PrivateDirectory } from './private-directory.ts';
import { openRun, type RunRecords } from './run-records.ts';
import { sweepEarlierRuns } from './run-sweep.ts';

/** What the registry keeps for one run of Snakepit. */
export interface RunResources {
  /** The run's records on disk. */
  readonly run: RunRecords;
  /** Where workers live. */
  readonly host: WorkerHost;
  /** Where their sockets are. */
  readonly sockets: PrivateDirectory;
}

/** What the registry is started with. */
export interface ProcessRegistryInput {
  /** Directory of the run records; default that of the platform. */
  readonly stateDir: string | undefined;
  /** Directory of the sockets; default one below the run's records. */
  readonly socketDir: string | undefined;
  /** Hears every line that a worker prints. */
  readonly onOutput: (line: OutputLine) => void;
  /** Told what the registry holds now, and `undefined` when it holds nothing any more. */
  readonly onResources: (resources: RunResources | undefined) => void;
}

/** The registered name of the process registry. */
export const processRegistryName = 'snakepit.processRegistry';

/**
 * The process that owns the run: its records on disk, the directory of its sockets and the host of its workers.
 *
 * Before it is initialised it sweeps what earlier runs left behind; at its end every worker is confirmed gone.
 */
export const processRegistry: Server<ProcessRegistryInput, object, object> = defineServer({
  name: 'processRegistry',
  trapExit: true,
  init: async (input: ProcessRegistryInput, self) => {
    const resources = openResources(input, self.system);
    await sweep(resources.run, self.system);
    input.onResources(resources);
    return ok({ ...resources, input });
  },
  call: {
    runId: (state) => reply(state.run.runId, state),
  },
  terminate: async ({ host, run, sockets, input }, _reason, self) => {
    input.onResources(undefined);
    await host.close();
    sockets.close();
    const closed = run.closeRun();
    if (!closed.ok) self.system.logger.warn(`the run stays recorded: ${closed.reason}`);
  },
});

function openResources(input: ProcessRegistryInput, system: ActorSystem): RunResources {
  const { logger } = system;
  const opened = openRun({ stateDir: input.stateDir });
  if (opened.kind === 'unavailable') {
    logger.warn(
      `run records cannot be written (${opened.reason}); after a kill of Node only marked processes are found`,
    );
  }
  const { run } = opened;
  const made = openPrivateDirectory({
    preferred: input.socketDir ?? (run.directory === undefined ? undefined : `${run.directory}/s`),
    runId: run.runId,
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
    run,
    socketDirectory: process.platform === 'win32' ? undefined : sockets.path,
    onOutput: input.onOutput,
    onNotice: (notice) => {
      reportNotice(notice, system);
    },
  };
  return { run, sockets, host: createLocalHost(hostOptions) };
}

async function sweep(run: RunRecords, system: ActorSystem): Promise<void> {
  const { stateDirectory } = run;
  if (stateDirectory === undefined) return;
  const report = await sweepEarlierRuns({ stateDirectory });
  const processes = report.runs.reduce((sum, swept) => sum + swept.processes.length, 0);
  for (const swept of report.runs) {
    if (swept.processes.length > 0 || swept.corrupt.length > 0) {
      system.logger.warn(`an earlier run left something behind`, swept);
    }
  }
  system.telemetry.emit(
    'snakepit.cleanup.swept',
    { runs: report.runs.length, processes, durationMs: report.durationMs },
    { runId: run.runId },
  );
}

function reportNotice(notice: HostNotice, { logger }: ActorSystem): void {
  switch (notice.kind) {
    case 'recordFailed':
      logger.warn(`a worker could not be recorded: ${notice.reason}`, notice.ref);
      return;
    case 'protocolError':
      logger.warn(`a worker broke the beat protocol: ${notice.detail}`, notice.ref);
      return;
    case 'stuck':
      logger.error(`process ${String(notice.pid)} does not die of SIGKILL`, notice.ref);
      return;
    case 'cleanedUp':
      return;
  }
}
