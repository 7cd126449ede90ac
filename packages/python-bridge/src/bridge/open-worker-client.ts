import type { Duplex } from 'node:stream';
import grpc from '@grpc/grpc-js';
import { isSnakepitError, type Clock } from '@snakepit/core';
import type { ErrorIds } from '../errors.ts';
import type { TlsMaterial, WorkerBeats } from '../hosts/worker-host.ts';
import type { ValueMode } from './codec.ts';
import { openFramesCall } from './frames/frames-call.ts';
import { createFramesClient } from './frames/frames-client.ts';
import { isServiceError } from './grpc-failure.ts';
import { createWorkerClient, type WorkerClient } from './worker-client.ts';

/** Which way calls go: in frames where the worker takes them, or one unary call each. */
export type CallPathChoice = 'auto' | 'unary';

/** What is known of a worker that says that it is ready. */
export interface OpenWorkerClientOptions {
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  /** The token that it was given. */
  readonly token: string;
  /** By what TLS knows both sides; default without TLS. */
  readonly tls?: TlsMaterial | undefined;
  /** Has it listen first, where it does that only when asked. */
  readonly serve?: (() => Promise<void>) | undefined;
  /** What it says that it can. */
  readonly features: readonly string[];
  /** A socket that only it has the other end of, where there is one. */
  readonly calls: Duplex | undefined;
  /** Which way calls go. */
  readonly callPath: CallPathChoice;
  /** Most bytes that the attachments of one value may have; of frames only. */
  readonly maxValueBytes: number | undefined;
  /** What its answers may hold; of unary calls only. */
  readonly mode: ValueMode;
  /** Where the worker says how many calls it executes. */
  readonly beats: WorkerBeats | undefined;
  /** Pool and worker, for errors. */
  readonly ids: ErrorIds;
  /** Time. */
  readonly clock: Clock;
  /** Told once when the connection is lost; a lost unary call says so itself. */
  readonly onLost: (error: Error) => void;
}

/**
 * Connects to a worker: in frames on its own socket, else in frames through gRPC, else with unary calls.
 *
 * @returns The client of a worker that has answered; whoever gets it closes it.
 * @throws SnakepitError TIMEOUT, WORKER_UNAVAILABLE or PROTOCOL when it has not answered by then.
 */
export async function openWorkerClient(
  options: OpenWorkerClientOptions,
  deadlineMs: number,
): Promise<WorkerClient> {
  const { features, calls, callPath } = options;
  if (callPath === 'unary' || !features.includes('frames')) return openUnary(options, deadlineMs);
  if (calls === undefined) await options.serve?.();
  const stream = calls ?? openFramesCall(options);
  const client = createFramesClient({ ...options, stream });
  try {
    await client.connected({ deadlineMs });
    return client;
  } catch (error) {
    client.close();
    if (!isUnimplemented(error)) throw error;
    return openUnary(options, deadlineMs);
  }
}

async function openUnary(
  options: OpenWorkerClientOptions,
  deadlineMs: number,
): Promise<WorkerClient> {
  await options.serve?.();
  const client = createWorkerClient(options);
  try {
    await client.ping({ deadlineMs });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Whether the worker has said that it does not know the RPC, whatever it had promised. */
function isUnimplemented(error: unknown): boolean {
  const status = isSnakepitError(error) ? error.cause : undefined;
  return isServiceError(status) && status.code === grpc.status.UNIMPLEMENTED;
}
