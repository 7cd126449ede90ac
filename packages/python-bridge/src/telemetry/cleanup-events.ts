import type { SweptProcess } from '../os/run-leftovers.ts';
import type { WorkerMetadata } from './events.ts';

/** Events of clean-up and of the watchdog. */
export interface CleanupTelemetryEvents {
  /** What earlier runs left behind was looked for, and ended; `successful` when nothing of it lives. */
  'snakepit.cleanup.swept': {
    readonly measurements: {
      readonly runs: number;
      readonly processes: number;
      readonly survivors: number;
      readonly corrupt: number;
      readonly durationMs: number;
    };
    readonly metadata: { readonly runId: string; readonly successful: boolean };
  };
  /** One process of an earlier run was found: whose it was, why it is known to be ours, how it ended. */
  'snakepit.cleanup.leftover': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: Omit<SweptProcess, 'durationMs'> & { readonly successful: boolean };
  };
  /** What a worker left was cleaned up; from its exit to the confirmation. */
  'snakepit.cleanup.worker': {
    readonly measurements: {
      readonly escaped: number;
      readonly survivors: number;
      readonly durationMs: number;
    };
    readonly metadata: WorkerMetadata & { readonly successful: boolean };
  };
  /** The run cannot be written down: after a kill of the runtime only markers lead to its processes. */
  'snakepit.cleanup.unrecorded': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly runId: string; readonly reason: string };
  };
  /** A run has ended: every worker is confirmed gone, its directories are removed. */
  'snakepit.cleanup.success': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: { readonly runId: string };
  };
  /** A run has ended, and something of it is left, so that it stays recorded. */
  'snakepit.cleanup.timeout': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: { readonly runId: string; readonly reason: string };
  };
  /** The watchdog of the run reads; so many groups of workers were there already. */
  'snakepit.watchdog.started': {
    readonly measurements: { readonly count: 1; readonly groups: number };
    readonly metadata: { readonly runId: string; readonly osPid: number | undefined };
  };
  /** A watchdog took the place of one that had ended, and knows its groups. */
  'snakepit.watchdog.replaced': {
    readonly measurements: { readonly count: 1; readonly groups: number };
    readonly metadata: { readonly runId: string; readonly osPid: number | undefined };
  };
  /** The watchdog has ended while it was needed. */
  'snakepit.watchdog.died': {
    readonly measurements: { readonly count: 1; readonly uptimeMs: number };
    readonly metadata: {
      readonly runId: string;
      readonly osPid: number | undefined;
      readonly reason: string;
    };
  };
  /** A watchdog could not be started; it is tried again. */
  'snakepit.watchdog.unavailable': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly runId: string; readonly reason: string };
  };
  /** The watchdog says that it cannot do its work on this machine. */
  'snakepit.watchdog.faulted': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly runId: string; readonly fault: string };
  };
  /** The watchdog was told to leave and has left. */
  'snakepit.watchdog.stopped': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly runId: string };
  };
  /** The last look at the end found nothing: supervision did its work. */
  'snakepit.application_cleanup.cleanup_success': {
    readonly measurements: { readonly count: 0; readonly durationMs: number };
    readonly metadata: { readonly runId: string };
  };
  /** The last look at the end found processes, which are killed now. */
  'snakepit.application_cleanup.orphaned_processes_found': {
    readonly measurements: { readonly count: number };
    readonly metadata: { readonly runId: string; readonly osPids: readonly number[] };
  };
  /** What the last look found was killed; `successful` when nothing of it lives. */
  'snakepit.application_cleanup.emergency_cleanup': {
    readonly measurements: {
      readonly count: number;
      readonly survivors: number;
      readonly durationMs: number;
    };
    readonly metadata: { readonly runId: string; readonly successful: boolean };
  };
}
