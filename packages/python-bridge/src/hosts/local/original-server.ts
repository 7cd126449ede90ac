import type { WorkerSpec } from '../worker-host.ts';
import type { SpawnCommand } from './spawn-command.ts';

/**
 * Command line of a server of the original (SNK §3.4).
 *
 * The instance name is the run's own: a runtime of the original on this machine ends what carries its instance name and an
 * unknown run id.
 */
export function originalCommand(spec: WorkerSpec, serverScript: string): SpawnCommand {
  const args = [
    ...(spec.python.args ?? []),
    serverScript,
    ...['--adapter', spec.adapter, ...spec.adapterArgs],
    // It takes them by pairs, so that the check, which has no value there, would shift the rest (SNK §19).
    ...(spec.threads === undefined ? [] : ['--max-workers', String(spec.threads.limit)]),
    ...['--port', '0', '--elixir-address', spec.bridge?.address ?? ''],
    ...['--snakepit-run-id', spec.runId, '--snakepit-instance-name', `node-${spec.runId}`],
  ];
  return { executable: spec.python.executable, args };
}

/** What servers of the original find in their environment besides what all workers find there (SNK §3.4). */
export function originalEnvironment(
  { original, python }: WorkerSpec,
  readyFile: string | undefined,
): Readonly<Record<string, string>> {
  if (original === undefined || readyFile === undefined) return {};
  const { intervalMs, timeoutMs, maxMissed } = original.heartbeat;
  return {
    SNAKEPIT_PYTHON: python.executable,
    SNAKEPIT_PROCESS_GROUP: '1',
    SNAKEPIT_READY_FILE: readyFile,
    SNAKEPIT_HEARTBEAT_CONFIG: JSON.stringify({
      enabled: true,
      interval_ms: intervalMs,
      timeout_ms: timeoutMs,
      max_missed_heartbeats: maxMissed,
      initial_delay_ms: 0,
      dependent: true,
    }),
    GRPC_POLL_STRATEGY: 'poll',
  };
}
