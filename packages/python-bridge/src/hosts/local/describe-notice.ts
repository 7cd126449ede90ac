import type { ProcessStat } from '../../os/process-identity.ts';
import type { HostNotice } from './local-worker.ts';

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
      return { level: 'error', text: `process ${String(notice.pid)} does not die of SIGKILL` };
    case 'cleanedUp': {
      const { survivors, escaped } = notice.report;
      if (survivors.length > 0) {
        return {
          level: 'error',
          text: `processes of a worker do not die of SIGKILL: ${listed(survivors)}; it stays recorded, and the next start tries again`,
        };
      }
      if (escaped.length === 0) return undefined;
      return {
        level: 'info',
        text: `processes had left the group of their worker and were killed: ${listed(escaped)}`,
      };
    }
  }
}

function listed(processes: readonly ProcessStat[]): string {
  return processes.map(({ pid, state }) => `${String(pid)} (${state})`).join(', ');
}
