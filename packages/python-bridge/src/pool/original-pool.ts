import type { OriginalBridge } from '../bridge/original-bridge.ts';
import type { ResolvedPool } from '../config/config.ts';
import { WorkerStartError } from '../hosts/start-failure.ts';
import type { WorkerSpec } from '../hosts/worker-host.ts';

/** How an original watches a runtime that does not ask it for signs of life, as its own runtime does by default. */
const unasked = { intervalMs: 2_000, timeoutMs: 10_000, maxMissed: 3 };

/**
 * What is different about the workers of a pool with `compat`: the server, and its way back to the runtime.
 *
 * @returns `undefined` for a pool of our own workers.
 * @throws WorkerStartError while servers of the original cannot reach the runtime.
 */
export function originalParts(
  { serverScript, heartbeat }: Pick<ResolvedPool, 'serverScript' | 'heartbeat'>,
  bridge: OriginalBridge | undefined,
): Pick<WorkerSpec, 'bridge' | 'original'> | undefined {
  if (serverScript === undefined) return undefined;
  const address = bridge?.address();
  if (bridge === undefined || address === undefined) {
    const detail = 'the server that originals call is not there';
    throw new WorkerStartError(detail, { kind: 'unavailable', detail });
  }
  const { enabled, pingIntervalMs, timeoutThresholdMs, maxMissed } = heartbeat;
  const asked = { intervalMs: pingIntervalMs, timeoutMs: timeoutThresholdMs, maxMissed };
  return {
    bridge: { address, token: '' },
    original: { serverScript, heartbeat: enabled ? asked : unasked, sessions: bridge.sessions },
  };
}
