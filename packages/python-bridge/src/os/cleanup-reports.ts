import type { ActorSystem } from '@snakepit/core';
import { describeNotice } from '../hosts/local/describe-notice.ts';
import type { HostNotice } from '../hosts/local/worker-surroundings.ts';
import '../telemetry/events.ts';
import { isLeft, type SweptProcess } from './run-leftovers.ts';
import type { SweepReport, SweptRun } from './run-sweep.ts';

/** Processes that one line names; telemetry and the fields of the line have all of them. */
const NAMED_AT_MOST = 20;

/** Tells people and telemetry what a sweep found and did (R1.4, R5.4). */
export function reportSweep(
  report: SweepReport,
  runId: string,
  { logger, telemetry }: Pick<ActorSystem, 'logger' | 'telemetry'>,
): void {
  for (const swept of report.runs) {
    for (const line of linesOf(swept)) logger[line.level](line.text, swept);
    for (const found of swept.processes) {
      const { durationMs, ...about } = found;
      telemetry.emit(
        'snakepit.cleanup.leftover',
        { count: 1, durationMs },
        { ...about, successful: !isLeft(found) },
      );
    }
  }
  for (const { path, reason } of report.notRemoved) {
    logger.warn(
      `what an earlier run left on disk cannot be removed: ${path}: ${reason}; remove it by hand, each start tries again`,
    );
  }
  const processes = report.runs.flatMap((swept) => swept.processes);
  const counts = {
    runs: report.runs.length,
    processes: processes.length,
    survivors: processes.filter(isLeft).length,
    corrupt: report.runs.reduce((sum, { corrupt }) => sum + corrupt.length, 0),
  };
  const { durationMs } = report;
  logger.debug(`looked for what earlier runs left, in ${inMs(durationMs)}`, counts);
  telemetry.emit(
    'snakepit.cleanup.swept',
    { ...counts, durationMs },
    { runId, successful: counts.survivors === 0 },
  );
}

/** Hears a host's notices, for people and telemetry. */
export function createNoticeReporter(
  runId: string,
  system: Pick<ActorSystem, 'logger' | 'telemetry'>,
): (notice: HostNotice) => void {
  const { logger, telemetry } = system;
  let isUnrecorded = false;
  return (notice) => {
    if (notice.kind === 'recordFailed') {
      // A full disk fails every write: once is enough.
      if (!isUnrecorded) reportUnrecorded(runId, notice.reason, system);
      isUnrecorded = true;
      return;
    }
    const line = describeNotice(notice);
    if (line !== undefined) logger[line.level](line.text, notice.ref);
    if (notice.kind !== 'cleanedUp') return;
    const { escaped, survivors, durationMs } = notice.report;
    const { pool, workerId } = notice.ref;
    telemetry.emit(
      'snakepit.cleanup.worker',
      { escaped: escaped.length, survivors: survivors.length, durationMs },
      { pool, workerId, successful: survivors.length === 0 },
    );
  };
}

/** Warns that only markers lead to what a kill of the runtime would leave. */
export function reportUnrecorded(
  runId: string,
  reason: string,
  { logger, telemetry }: Pick<ActorSystem, 'logger' | 'telemetry'>,
): void {
  logger.warn(
    `run records cannot be written (${reason}); after a kill of Node only marked processes are found`,
  );
  telemetry.emit('snakepit.cleanup.unrecorded', { count: 1 }, { runId, reason });
}

interface Line {
  readonly level: 'warn' | 'error';
  readonly text: string;
}

function linesOf({ runId, processes, corrupt }: SweptRun): readonly Line[] {
  const left = processes.filter(isLeft);
  const ended = processes.filter((one) => !isLeft(one));
  const lines: Line[] = corrupt.map(({ path, movedTo, reason }) => ({
    level: 'warn',
    text: `a record of the earlier run ${runId} cannot be used: ${path}: ${reason}${movedTo === undefined ? '' : `; moved to ${movedTo}`}`,
  }));
  if (ended.length > 0) {
    lines.push({
      level: 'warn',
      text: `the earlier run ${runId} had left ${processesIn(ended)} behind, ended now: ${named(ended)}`,
    });
  }
  if (left.length > 0) {
    lines.push({
      level: 'error',
      text: `${processesIn(left)} of the earlier run ${runId} cannot be ended, and ${left.length === 1 ? 'stays' : 'stay'} recorded for the next start: ${named(left)}`,
    });
  }
  return lines;
}

function processesIn(list: readonly SweptProcess[]): string {
  return list.length === 1 ? '1 process' : `${list.length} processes`;
}

function named(list: readonly SweptProcess[]): string {
  const first = list.slice(0, NAMED_AT_MOST).map(describe);
  const more = list.length - first.length;
  return [...first, ...(more > 0 ? [`${more} more`] : [])].join('; ');
}

/** Why it was ours, in words. */
const WHY = {
  record: 'recorded',
  marker: 'marked',
  group: 'of the group of a recorded one',
} as const;

function describe({ pid, worker, why, how, state, durationMs }: SweptProcess): string {
  const of = worker === undefined ? '' : ` of worker ${worker}`;
  const end = {
    term: `SIGTERM, ${inMs(durationMs)}`,
    kill: `SIGKILL, ${inMs(durationMs)}`,
    survived: `does not die of SIGKILL, state ${state}`,
    notPermitted: 'runs as another user and is not ours to signal',
  }[how];
  return `${pid}${of} (${WHY[why]}; ${end})`;
}

function inMs(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}
