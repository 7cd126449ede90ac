import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Socket } from 'node:net';
import { currentPlatform } from '../../os/platform/current.ts';
import type { Platform } from '../../os/platform/platform.ts';
import { errorCode, messageOf } from '../../os/system-error.ts';
import { identityOf } from '../../os/process-identity.ts';
import { workerLabel } from '../../os/run-record-format.ts';
import { WorkerStartError } from '../start-failure.ts';
import type { WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import { takesCallSocket, workerCommand } from './spawn-command.ts';

/** A spawned worker, or what kept the operating system from making one. */
export type SpawnResult =
  | { readonly ok: true; readonly spawned: SpawnedWorker }
  | { readonly ok: false; readonly error: Promise<unknown> };

/**
 * Spawns a worker's process: own session and group, nothing on stdin, beats on 3, lifeline on 4, calls on 5.
 *
 * @param env - Environment of the worker, whole.
 */
export function spawnWorker(
  spec: WorkerSpec,
  env: Readonly<Record<string, string>>,
  platform: Platform = currentPlatform,
): SpawnResult {
  const { executable, args } = workerCommand(spec);
  const extra = takesCallSocket(spec) ? (['pipe'] as const) : [];
  let child: ChildProcess;
  try {
    child = spawn(executable, args, {
      cwd: spec.cwd,
      env,
      ...platform.spawnOptions,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...extra],
    });
  } catch (error) {
    return { ok: false, error: Promise.resolve(error) };
  }
  const { pid } = child;
  if (pid === undefined) {
    return { ok: false, error: once(child, 'error').then(([error]: unknown[]) => error) };
  }
  const beats: unknown = child.stdio[3];
  const lifeline: unknown = child.stdio[4];
  const calls: unknown = (child.stdio as readonly unknown[])[5];
  if (!(beats instanceof Socket) || !(lifeline instanceof Socket)) {
    discard(child, pid, platform);
    return { ok: false, error: Promise.resolve(new Error('the extra channels are no sockets')) };
  }
  lifeline.on('error', () => {
    // It says that the worker is gone, which its exit tells better.
  });
  // Neither written nor read, so nothing of the event loop has to wait for it.
  lifeline.unref();
  // Not reaped yet: the number cannot belong to another process.
  const identity = identityOf(pid, platform);
  if (identity === undefined) {
    // Nobody could ever prove whose it is, and so nobody could end it later.
    discard(child, pid, platform);
    const problem = `its start time cannot be read: ${platform.identityRemedy}; are there file descriptors left?`;
    return { ok: false, error: Promise.resolve(new Error(problem)) };
  }
  if (calls instanceof Socket) {
    calls.on('error', () => {
      // The same; and whoever calls there hears of its end.
    });
  }
  const spawned = { child, identity, beats, lifeline };
  return { ok: true, spawned: { ...spawned, calls: calls instanceof Socket ? calls : undefined } };
}

/**
 * Spawns a worker's process, for a launcher that does just that.
 *
 * @param env - Environment of the worker, whole.
 * @throws WorkerStartError when the operating system makes none.
 */
export async function spawnOrThrow(
  spec: WorkerSpec,
  env: Readonly<Record<string, string>>,
): Promise<SpawnedWorker> {
  const result = spawnWorker(spec, env);
  if (result.ok) return result.spawned;
  throw toStartError(spec, await result.error);
}

/** In the turn of the spawn: its number is still its own. */
function discard(child: ChildProcess, pid: number, platform: Platform): void {
  platform.signalGroup(pid, 'SIGKILL');
  for (const stream of child.stdio) stream?.destroy();
}

/**
 * Looks for the working directory, because spawn reports a missing one as a missing program.
 *
 * @throws WorkerStartError when it is not there.
 */
export function checkWorkingDirectory(spec: WorkerSpec): void {
  const stats = statSync(spec.cwd, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return;
  throw new WorkerStartError(
    `worker ${workerLabel(spec)} cannot start: its working directory ${spec.cwd} is not there`,
    { kind: 'cwdNotFound', cwd: spec.cwd },
  );
}

/** Tells apart why no process was made. */
export function toStartError(spec: WorkerSpec, error: unknown): WorkerStartError {
  const label = workerLabel(spec);
  const { executable } = workerCommand(spec);
  const code = errorCode(error) ?? '';
  if (code === 'ENOENT' || code === 'EACCES') {
    const why = code === 'ENOENT' ? 'is not there' : 'may not be executed';
    return new WorkerStartError(
      `worker ${label} cannot start: the interpreter ${executable} ${why}`,
      { kind: 'interpreterNotFound', executable, code },
      { cause: error },
    );
  }
  const detail = messageOf(error);
  return new WorkerStartError(
    `worker ${label} cannot start: ${executable} could not be run: ${detail}`,
    // Node's own codes mean that it refused the arguments and asked nobody.
    code.startsWith('ERR_')
      ? { kind: 'invalidSpec', detail }
      : { kind: 'spawnFailed', code, detail },
    { cause: error },
  );
}
