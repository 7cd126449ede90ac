import type { ActorSystem, ProcessInfo } from '@snakepit/core';
import type { WorkerStatistics } from '../bridge/worker-client.ts';
import { heartbeatMonitor } from './heartbeat-monitor.ts';
import type { HeartbeatMonitorContext, PathHealth } from './heartbeat-monitor.machine.ts';

/** How one way of asking a worker for a sign of life goes. */
export interface HeartbeatPathStatus {
  /** How long the last answer took, in milliseconds; `undefined` before the first. */
  readonly latencyMs: number | undefined;
  /** Pings in a row without an answer. */
  readonly missed: number;
  /** Milliseconds since the last answer, or since a call showed that the path serves; `undefined` before the first. */
  readonly lastSeenAgoMs: number | undefined;
}

/** What the heartbeat of a worker knows of it. */
export interface WorkerHeartbeat {
  /** The beat channel, which a thread of its own answers. */
  readonly beats: HeartbeatPathStatus;
  /** The server that takes the calls. */
  readonly serving: HeartbeatPathStatus;
  /** What the worker said of itself when its server was asked last; it is not asked while calls succeed anyway. */
  readonly statistics: WorkerStatistics | undefined;
}

/** What the heartbeat of a worker knows of it; `undefined` while it has none. */
export function heartbeatOf(
  system: ActorSystem,
  worker: ProcessInfo | undefined,
): WorkerHeartbeat | undefined {
  for (const pid of worker?.linkedPids ?? []) {
    const info = system.processInfo(pid);
    if (info?.label !== heartbeatMonitor.label) continue;
    // What it is by its label: the snapshot of the monitor's chart, or nothing before its first turn.
    const { context } = (info.state ?? {}) as { readonly context?: HeartbeatMonitorContext };
    if (context === undefined) return undefined;
    const nowMs = system.clock.now();
    return {
      beats: statusOf(context.beats, nowMs),
      serving: statusOf(context.serving, nowMs),
      statistics: context.statistics,
    };
  }
  return undefined;
}

function statusOf({ latencyMs, missed, answeredAtMs }: PathHealth, nowMs: number) {
  const lastSeenAgoMs = answeredAtMs === undefined ? undefined : nowMs - answeredAtMs;
  return { latencyMs, missed, lastSeenAgoMs };
}
