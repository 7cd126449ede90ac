import type { ProcessInfo } from '@snakepit/core';
import { forkServer } from '../hosts/fork/fork-server.ts';
import type { ForkServerContext } from '../hosts/fork/fork-server.machine.ts';
import { watchdog } from '../os/watchdog.ts';
import { poolProcess } from '../pool/pool.ts';
import { grpcWorker } from '../worker/grpc-worker.ts';
import { heartbeatMonitor } from '../worker/heartbeat-monitor.ts';
import type { HeartbeatMonitorContext } from '../worker/heartbeat-monitor.machine.ts';
import type { PoolContext } from '../pool/pool.machine.ts';
import type { WatchdogContext } from '../os/watchdog.machine.ts';
import type { GrpcWorkerContext } from '../worker/worker-life.ts';

/** A process of ours, by what it is, with what its chart knows. */
export type ProcessView =
  | { readonly role: 'worker'; readonly context: GrpcWorkerContext }
  | { readonly role: 'heartbeat'; readonly context: HeartbeatMonitorContext }
  | { readonly role: 'pool'; readonly context: PoolContext }
  | { readonly role: 'watchdog'; readonly context: WatchdogContext }
  | { readonly role: 'forkServer'; readonly context: ForkServerContext };

const roles: ReadonlyMap<string, ProcessView['role']> = new Map([
  [grpcWorker.label, 'worker'],
  [heartbeatMonitor.label, 'heartbeat'],
  [poolProcess.label, 'pool'],
  [watchdog.label, 'watchdog'],
  [forkServer.label, 'forkServer'],
]);

/** What a process is; `undefined` for one that is none of ours, and before the first turn of its chart. */
export function viewOf({ label, name, state }: ProcessInfo): ProcessView | undefined {
  const role = roles.get(label);
  if (role === undefined) return undefined;
  // Others may call theirs the same, but not register them as ours; only monitors have no name.
  if (role !== 'heartbeat' && name?.startsWith('snakepit.') !== true) return undefined;
  // What it is by its label: the snapshot of that chart.
  const { context } = (state ?? {}) as { readonly context?: unknown };
  return context === undefined ? undefined : ({ role, context } as ProcessView);
}
