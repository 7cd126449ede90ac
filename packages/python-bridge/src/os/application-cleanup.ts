import { defineServer, ok, type ActorSystem, type Server } from '@snakepit/core';
import '../telemetry/events.ts';
import { markedProcesses } from './process-group.ts';
import { identityOf } from './process-identity.ts';
import { signalProcess, sleep } from './process-killer.ts';
import type { RunRecords } from './run-records.ts';

/** What the cleanup is started with. */
export interface ApplicationCleanupInput {
  /** The run to look after; `undefined` before there is one. */
  readonly run: () => Pick<RunRecords, 'marker' | 'runId'> | undefined;
}

/** How long the operating system may take to end a process after SIGKILL, in milliseconds. */
const killTimeoutMs = 2_000;
/** Time between two looks, in milliseconds. */
const pollMs = 10;

/**
 * The emergency handler: stopped after everything that owns operating system processes, it looks once more whether
 * one is left, kills it and says so.
 *
 * It should never find anything. When it does, supervision failed somewhere, and the warning is the symptom.
 */
export const applicationCleanup: Server<ApplicationCleanupInput, object, object> = defineServer({
  name: 'applicationCleanup',
  trapExit: true,
  init: (input: ApplicationCleanupInput) => ok(input),
  terminate: async ({ run }, _reason, self) => {
    const records = run();
    if (records === undefined) return;
    const { logger, telemetry } = self.system;
    const { runId } = records;
    const osPids = pidsOf(records.marker);
    if (osPids.length === 0) {
      logger.debug('no process of this run is left: supervision did its work', { runId });
      telemetry.emit('snakepit.application_cleanup.cleanup_success', { count: 0 }, { runId });
      return;
    }
    logger.warn(
      `${String(osPids.length)} processes of this run were left and are killed: ${osPids.join(', ')}`,
      { runId },
    );
    const survivors = await killAll(records.marker, self.system);
    if (survivors.length > 0) {
      logger.error(`these do not die of SIGKILL: ${survivors.join(', ')}`, { runId });
    }
    telemetry.emit(
      'snakepit.application_cleanup.orphaned_processes_found',
      { count: osPids.length },
      { runId, osPids },
    );
  },
});

/** Kills whoever carries the marker, also those who come meanwhile, until nobody is left or it takes too long. */
async function killAll(marker: string, { clock }: ActorSystem): Promise<readonly number[]> {
  const deadlineMs = clock.now() + killTimeoutMs;
  for (;;) {
    const left = pidsOf(marker);
    if (left.length === 0 || clock.now() >= deadlineMs) return left;
    for (const pid of left) {
      const identity = identityOf(pid);
      if (identity !== undefined) signalProcess(identity, 'SIGKILL');
    }
    await sleep(clock, pollMs);
  }
}

function pidsOf(marker: string): readonly number[] {
  return markedProcesses([marker]).flatMap(({ pid }) => (pid === process.pid ? [] : [pid]));
}
