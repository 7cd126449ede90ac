import { defineServer, ok, type Server } from '@snakepit/core';
import '../telemetry/events.ts';
import { markedProcesses } from './process-group.ts';
import { identityOf } from './process-identity.ts';
import { signalProcess } from './process-killer.ts';
import type { RunRecords } from './run-records.ts';

/** What the cleanup is started with. */
export interface ApplicationCleanupInput {
  /** The run to look after; `undefined` before there is one. */
  readonly run: () => RunRecords | undefined;
}

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
  terminate: ({ run }, _reason, self) => {
    const records = run();
    if (records === undefined) return;
    const { logger, telemetry } = self.system;
    const { runId } = records;
    const left = markedProcesses([records.marker]).filter(({ pid }) => pid !== process.pid);
    if (left.length === 0) {
      logger.debug('no process of this run is left: supervision did its work', { runId });
      telemetry.emit('snakepit.application_cleanup.cleanup_success', { count: 0 }, { runId });
      return;
    }
    const osPids = left.map(({ pid }) => pid);
    logger.warn(
      `${String(left.length)} processes of this run were left and are killed: ${osPids.join(', ')}`,
      { runId },
    );
    for (const pid of osPids) {
      const identity = identityOf(pid);
      if (identity !== undefined) signalProcess(identity, 'SIGKILL');
    }
    telemetry.emit(
      'snakepit.application_cleanup.orphaned_processes_found',
      { count: left.length },
      { runId, osPids },
    );
  },
});
