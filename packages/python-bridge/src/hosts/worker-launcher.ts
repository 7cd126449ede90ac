import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { ProcessIdentity } from '../os/process-identity.ts';
import type { WorkerSpec } from './worker-host.ts';

/** The process of a worker as its host sees it; a `ChildProcess` of Node is one. */
export interface WorkerChild {
  /** What it prints; `null` where nobody reads it. */
  readonly stdout: Readable | null;
  /** What it prints as errors; likewise. */
  readonly stderr: Readable | null;
  /** With which code it has exited; `null` while it runs, and when a signal ended it. */
  readonly exitCode: number | null;
  /** Which signal has ended it; `null` while it runs, and when it exited. */
  readonly signalCode: string | null;
  /** Why nobody knows how it ended, once it has and that is so. Never set by processes of Node's own. */
  readonly exitUnknown?: string | undefined;
  /** Hears of its end, once, in a later turn. Code and signal are both `null` when nobody knows how it ended. */
  once(event: 'exit', listener: (code: number | null, signal: string | null) => void): unknown;
}

/** A child process with its extra channels. */
export interface SpawnedWorker {
  /** The process. */
  readonly child: WorkerChild;
  /** Its identity, read while its number was pinned. */
  readonly identity: ProcessIdentity;
  /** Beat channel, descriptor 3 of the worker. */
  readonly beats: Socket;
  /** Silent lifeline, descriptor 4: never written, never read. */
  readonly lifeline: Socket;
  /** Call socket, descriptor 5, for a worker that takes calls on it; nobody else can have its other end. */
  readonly calls: Socket | undefined;
}

/** Makes the processes of workers in another way than by spawning them. */
export interface WorkerLauncher {
  /**
   * Makes the process of one worker.
   *
   * @param env - The whole environment that it is to have.
   * @param abort - Aborted before the process is made, nothing is left of the launch. It may come too late: then the process
   *   is made all the same, and whoever launched it ends it.
   * @throws {@link WorkerStartError} when no process was made, or none that lives.
   */
  launch(
    spec: WorkerSpec,
    env: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<SpawnedWorker>;
}
