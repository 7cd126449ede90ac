import { createTestClock, type SnakepitError, type TestClock } from '@snakepit/core';
import { RecordingListener } from '../call-path.fixture.ts';
import type { RunningCall, ToolCall } from '../call-path.ts';
import { encodeArguments } from '../codec.ts';
import type { WorkerClient } from '../worker-client.ts';
import { createFramesClient } from './frames-client.ts';
import { ScriptedPeer } from './scripted-peer.fixture.ts';

/** A call, and what its caller hears. */
export type BenchCall = RecordingListener & { readonly running: RunningCall };

/** A client and the worker's end of its stream. */
export interface FramesBench {
  /** Time of the client. */
  readonly clock: TestClock;
  /** The worker's end. */
  readonly peer: ScriptedPeer;
  /** The client. */
  readonly client: WorkerClient;
  /** Makes a call of the client. */
  readonly begin: (call?: Partial<ToolCall>) => BenchCall;
  /** With what the client said that it has lost the stream. */
  readonly lost: readonly Error[];
}

/** A client of frames whose worker says what the test says. */
export function createBench(maxValueBytes?: number): FramesBench {
  const clock = createTestClock();
  const peer = new ScriptedPeer();
  const lost: Error[] = [];
  const client = createFramesClient({
    stream: peer.stream,
    ids: { pool: 'p', worker: 'w1' },
    clock,
    maxValueBytes,
    onLost: (error) => lost.push(error),
  });
  const begin = (call: Partial<ToolCall> = {}): BenchCall => {
    const listener = new RecordingListener();
    const whole = { tool: 'f', arguments: encodeArguments(), ...call };
    return Object.assign(listener, { running: client.begin(whole, { timeoutMs: 1e3 }, listener) });
  };
  return { clock, peer, client, begin, lost };
}

/** A value of JSON, as a worker sends it. */
export const json = (value: unknown): { json: Buffer } => ({
  json: Buffer.from(JSON.stringify(value)),
});
/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** What a promise rejects with. */
export const failure = (outcome: Promise<unknown>): Promise<SnakepitError> =>
  outcome.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: unknown) => error as SnakepitError,
  );
