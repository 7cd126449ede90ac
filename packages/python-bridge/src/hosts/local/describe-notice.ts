import type { ProcessStat } from '../../os/process-identity.ts';
import type { SignalResult } from '../../os/process-killer.ts';
import { workerLabel } from '../../os/run-record-format.ts';
import type { HostNotice } from './worker-surroundings.ts';
import type { CleanupReport } from './worker-cleanup.ts';

/** A notice of a host as a log line. */
export interface NoticeLine {
  /** How bad it is. */
  readonly level: 'info' | 'warn' | 'error';
  /** What happened, and what becomes of it. */
  readonly text: string;
}

/** Puts a notice into words; `undefined` for one that nobody needs to read. */
export function describeNotice(notice: HostNotice): NoticeLine | undefined {
  switch (notice.kind) {
    case 'recordFailed':
      return { level: 'warn', text: `a worker could not be recorded: ${notice.reason}` };
    case 'protocolError':
      return { level: 'warn', text: `a worker broke the beat protocol: ${notice.detail}` };
    case 'stuck':
      return {
        level: 'error',
        text: `process ${String(notice.pid)} of worker ${workerLabel(notice.ref)} does not die of SIGKILL; it ${comesNext}`,
      };
    case 'cleanedUp':
      return describeCleanup(workerLabel(notice.ref), notice.report);
  }
}

/** What is done about what cannot be ended. */
const comesNext = 'stays recorded, and the next start tries again';

function describeCleanup(worker: string, report: CleanupReport): NoticeLine | undefined {
  const { survivors, killedSingly, escaped } = report;
  if (survivors.length > 0) {
    const named = survivors
      .map((one) => `${numbered(one)}: ${attempts[one.lastAttempt]}`)
      .join('; ');
    return {
      level: 'error',
      text: `worker ${worker} is gone, but not what it started; killed as a group, by marker and one by one, there is left: ${named}; it ${comesNext}`,
    };
  }
  if (!report.isConfirmed) {
    return {
      level: 'error',
      text: `it could not be seen whether something of worker ${worker} is left (file descriptors, /proc?); it ${comesNext}`,
    };
  }
  if (report.recordLeft !== undefined) {
    return {
      level: 'warn',
      text: `nothing of worker ${worker} is left, but its record is, and the next start looks again: ${report.recordLeft}`,
    };
  }
  if (killedSingly.length > 0) {
    return {
      level: 'warn',
      text: `the group of worker ${worker} could not be killed as a group (${report.groupKill}), so its processes were killed by marker or one by one: ${listed(killedSingly)}`,
    };
  }
  if (escaped.length === 0) return undefined;
  return {
    level: 'info',
    text: `processes had left the group of worker ${worker} and were killed: ${listed(escaped)}`,
  };
}

/** What an attempt to kill came to, in words. */
const attempts: Readonly<Record<SignalResult, string>> = {
  sent: 'does not die of SIGKILL',
  gone: 'was gone a moment ago',
  notPermitted: 'we are not permitted to signal it (EPERM): it runs as another user',
  refused: 'is none that may be signalled',
  unsupported: 'cannot be signalled on this platform',
};

function numbered({ pid, state }: ProcessStat): string {
  return `${String(pid)} (${state})`;
}

function listed(processes: readonly ProcessStat[]): string {
  return processes.map(numbered).join(', ');
}
