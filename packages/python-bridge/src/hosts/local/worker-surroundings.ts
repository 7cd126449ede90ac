import type { Platform } from '../../os/platform/platform.ts';
import type { ProcessScanner } from '../../os/process-scanner.ts';
import type { RunRecords } from '../../os/run-records.ts';
import type { OutputLine, WorkerRef } from '../worker-host.ts';
import type { LiveGroups } from './live-groups.ts';
import type { OomKills } from './oom-kills.ts';
import type { CleanupReport } from './worker-cleanup.ts';

/** News of a host that no promise tells. */
export type HostNotice =
  /** A record could not be written; only its marker finds this worker after a kill of the runtime. */
  | { readonly kind: 'recordFailed'; readonly ref: WorkerRef; readonly reason: string }
  /** A worker said something that is no beat message, and is being ended. */
  | { readonly kind: 'protocolError'; readonly ref: WorkerRef; readonly detail: string }
  /** A worker does not die of SIGKILL (uninterruptible sleep); it stays recorded. */
  | { readonly kind: 'stuck'; readonly ref: WorkerRef; readonly pid: number }
  /** Everything of a worker was cleaned up, but for the survivors that the report names. */
  | { readonly kind: 'cleanedUp'; readonly ref: WorkerRef; readonly report: CleanupReport };

/** What a worker needs of its host. */
export interface WorkerSurroundings {
  /** Name of the host. */
  readonly hostName: string;
  /** The operating system. */
  readonly platform: Platform;
  /** Records of the run. */
  readonly run: RunRecords;
  /** Whether what a worker leaves is killed at its exit. */
  readonly killsAtExit: boolean;
  /** Groups that are killed when this process exits. */
  readonly groups: LiveGroups;
  /** Finds what left its group. */
  readonly scanner: ProcessScanner;
  /** Tells kills for lack of memory. */
  readonly oomKills: OomKills;
  /** Hears every line that a worker prints. */
  readonly onOutput: (line: OutputLine) => void;
  /** Hears what no promise tells. */
  readonly onNotice: (notice: HostNotice) => void;
}
