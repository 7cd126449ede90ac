import { defineServer, ok, type ActorSystem, type Server } from '@snakepit/core';
import '../telemetry/events.ts';
import { markedProcesses } from './process-group.ts';
import { currentIdentity, type ProcessStat } from './process-identity.ts';
import { signalProcess, sleep } from './process-killer.ts';
import type { RunRecords } from './run-records.ts';

/** What the cleanup is started with. */
export interface ApplicationCleanupInput {
  /** The run to look after; `undefined` before there is one. */
  readonly run: () => Pick<RunRecords, 'marker' | 'runId'> | undefined;
}

/** Under which name its events go. */
const events = 'snakepit.application_cleanup';

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
    const { logger, telemetry, clock } = self.system;
    const { runId, marker } = records;
    const startMs = clock.now();
    const found = leftOf(marker);
    if (found.length === 0) {
      logger.info('no process of this run is left: supervision did its work', { runId });
      const durationMs = clock.now() - startMs;
      telemetry.emit(`${events}.cleanup_success`, { count: 0, durationMs }, { runId });
      return;
    }
    const osPids = found.map(({ pid }) => pid);
    telemetry.emit(
      `${events}.orphaned_processes_found`,
      { count: osPids.length },
      { runId, osPids },
    );
    logger.warn(
      `processes of this run were left by supervision, and are killed: ${osPids.join(', ')}`,
      { runId },
    );
    const survivors = await killAll(marker, self.system);
    if (survivors.length > 0) {
      const named = survivors.map(({ pid, state }) => `${String(pid)} (state ${state})`).join(', ');
      logger.error(`processes of this run do not die of SIGKILL: ${named}`, { runId });
    }
    telemetry.emit(
      `${events}.emergency_cleanup`,
      { count: osPids.length, survivors: survivors.length, durationMs: clock.now() - startMs },
      { runId, successful: survivors.length === 0 },
    );
  },
});

/** Kills whoever carries the marker, also those who come meanwhile, until nobody is left or it takes too long. */
async function killAll(marker: string, { clock }: ActorSystem): Promise<readonly ProcessStat[]> {
  const here = currentIdentity();
  const deadlineMs = clock.now() + killTimeoutMs;
  for (;;) {
    const left = leftOf(marker);
    if (left.length === 0 || clock.now() >= deadlineMs) return left;
    for (const { pid, startTime } of left) signalProcess({ ...here, pid, startTime }, 'SIGKILL');
    await sleep(clock, pollMs);
  }
}

function leftOf(marker: string): readonly ProcessStat[] {
  return markedProcesses([marker]).filter(({ pid }) => pid !== process.pid);
}
