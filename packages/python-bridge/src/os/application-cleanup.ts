import { defineServer, ok, type ActorSystem, type Server } from '@snakepit/core';
import '../telemetry/events.ts';
import { createProcessScanner, type Look } from './process-scanner.ts';
import { readBootId, readPidNamespace, type ProcessStat } from './process-identity.ts';
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
    const find = finderOf(marker);
    const found = await find();
    if (found === undefined) {
      logger.error(
        `it cannot be seen whether processes of this run are left (file descriptors, /proc?): look for ${marker} in their environment`,
        { runId },
      );
      return;
    }
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
    const survivors = await killAll(found, find, self.system);
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

type Find = () => Promise<Look>;

/** In slices: other programs of this process go on, and their heartbeats. */
function finderOf(marker: string): Find {
  const scanner = createProcessScanner();
  return async () => (await scanner.find([marker]))?.filter(({ pid }) => pid !== process.pid);
}

/** Kills whoever carries the marker, also those who come meanwhile, until nobody is left or it takes too long. */
async function killAll(
  found: readonly ProcessStat[],
  find: Find,
  { clock }: ActorSystem,
): Promise<readonly ProcessStat[]> {
  const here = { bootId: readBootId(), pidNamespace: readPidNamespace() };
  const deadlineMs = clock.now() + killTimeoutMs;
  for (let left = found; ;) {
    if (left.length === 0 || clock.now() >= deadlineMs) return left;
    for (const { pid, startTime } of left) signalProcess({ ...here, pid, startTime }, 'SIGKILL');
    await sleep(clock, pollMs);
    // Who could not be seen just now counts as left.
    left = (await find()) ?? left;
  }
}
