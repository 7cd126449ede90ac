import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSystemClock, type SnakepitError } from '@snakepit/core';
import type { FrameBatch, FrameBatch__Output } from '../gen/snakepit/bridge/FrameBatch.ts';
import type { Frame } from '../gen/snakepit/bridge/Frame.ts';
import { execute } from './call-path.fixture.ts';
import { encodeArguments, encodeJson } from './codec.ts';
import { ScriptedPeer } from './frames/scripted-peer.fixture.ts';
import { openWorkerClient, type OpenWorkerClientOptions } from './open-worker-client.ts';
import { bridgeService, serverOptions } from './service-definition.ts';

type Frames = ServerDuplexStream<FrameBatch__Output, FrameBatch>;

const token = 'f00d';
const wrongToken = { code: grpc.status.UNAUTHENTICATED, details: 'wrong token: é' };
const callPathChoices = ['auto', 'unary'] as const;
let directory: string;
let address: string;
let server: grpc.Server;
let serve: ((stream: Frames) => void) | undefined;
/** How often the worker was asked on each path. */
let asked: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-open-'));
  address = `unix:${join(directory, 'w.sock')}`;
  asked = [];
  serve = echoFrames;
});

afterEach(async () => {
  server.forceShutdown();
  await rm(directory, { recursive: true });
});

/** Starts a worker of another make, which may not know the RPC `Frames`. */
async function listen(at = address): Promise<string> {
  server = new grpc.Server(serverOptions);
  const handlers: grpc.UntypedServiceImplementation = {
    Ping: ({ metadata }: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => {
      asked.push('ping');
      if (metadata.get('x-snakepit-token')[0] !== token) {
        answer(wrongToken);
        return;
      }
      answer(null, { message: 'pong' });
    },
    ExecuteTool: (_: unknown, answer: sendUnaryData<object>) => {
      asked.push('unary');
      answer(null, { success: true, result: encodeJson('unary', 'x') });
    },
  };
  if (serve !== undefined) handlers['Frames'] = serve as grpc.UntypedHandleCall;
  server.addService(bridgeService(), handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(at, grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return at.startsWith('unix:') ? at : `127.0.0.1:${String(port)}`;
}

function echoFrames(stream: Frames): void {
  if (stream.metadata.get('x-snakepit-token')[0] !== token) {
    stream.emit('error', wrongToken);
    return;
  }
  stream.write({ frames: [{ hello: { features: ['frames'], max_calls: 9 } }] });
  stream.on('data', ({ frames }: FrameBatch__Output) => {
    const answers = frames.flatMap(({ call, open }): Frame[] => {
      if (!open) return [];
      asked.push('frames');
      return [{ call, result: { value: { json: open.arguments?.json ?? Buffer.alloc(0) } } }];
    });
    stream.write({ frames: answers });
  });
  stream.on('end', () => {
    stream.end();
  });
}

function options(given: Partial<OpenWorkerClientOptions> = {}): OpenWorkerClientOptions {
  return {
    ...{ address, token, features: ['frames'], calls: undefined, callPath: 'auto', mode: 'values' },
    ...{ maxValueBytes: undefined, beats: undefined, ids: { worker: 'w1' } },
    clock: createSystemClock(),
    onLost: () => undefined,
    ...given,
  };
}

const call = { tool: 'f', arguments: encodeArguments({ a: 1 }) };
const failure = (promise: Promise<unknown>): Promise<SnakepitError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => error as SnakepitError,
  );

describe('openWorkerClient', () => {
  test.each(['unix', 'tcp'])('calls in frames through gRPC, at a %s address', async (kind) => {
    const at = await listen(kind === 'unix' ? address : '127.0.0.1:0');
    const client = await openWorkerClient(options({ address: at }), 5_000);
    try {
      expect(await execute(client, call)).toEqual({ a: 1 });
      const text = 'x'.repeat(3_000_000);
      const large = { tool: 'f', arguments: encodeArguments({ text }) };
      expect(await execute(client, large)).toEqual({ text });
      expect(asked).toEqual(['frames', 'frames']);
    } finally {
      client.close();
    }
  });

  test('on the socket of its own, where a worker has one', async () => {
    await listen();
    const peer = new ScriptedPeer();
    peer.say({ hello: { features: ['frames'] } });
    const client = await openWorkerClient(options({ calls: peer.stream }), 5_000);
    const outcome = execute(client, call);
    await peer.heard(1);
    peer.say({ call: 1, result: { value: { json: Buffer.from('"socket"') } } });
    expect(await outcome).toBe('socket');
    expect(asked).toEqual([]);
    client.close();
    expect(peer.stream.destroyed).toBe(true);
  });

  test.each([
    ['a worker that does not say it knows frames', { features: ['values'] }, true],
    ['a worker that says so and does not', {}, false],
    ['a pool that wants it so', { callPath: 'unary' as const }, true],
  ])('with unary calls to %s', async (_, given, servesFrames) => {
    if (!servesFrames) serve = undefined;
    await listen();
    const client = await openWorkerClient(options(given), 5_000);
    try {
      expect(await execute(client, call)).toBe('unary');
      expect(asked).toEqual(['ping', 'unary']);
    } finally {
      client.close();
    }
  });

  test.each(callPathChoices)(
    'a wrong token is told as such, with callPath %s',
    async (callPath) => {
      await listen();
      const error = await failure(openWorkerClient(options({ token: 'guess', callPath }), 5_000));
      expect(error).toMatchObject({ code: 'PROTOCOL', details: { worker: 'w1' } });
      expect(error.message).toContain('the token was refused (wrong token: é)');
    },
  );

  test('a worker that is not there, or says nothing, is told', async () => {
    serve = () => undefined;
    await listen();
    expect((await failure(openWorkerClient(options(), 200))).code).toBe('TIMEOUT');
    server.forceShutdown();
    expect(await failure(openWorkerClient(options(), 5_000))).toMatchObject({
      code: 'WORKER_UNAVAILABLE',
      details: { worker: 'w1' },
    });
    const unary = options({ callPath: 'unary' });
    expect((await failure(openWorkerClient(unary, 5_000))).code).toBe('WORKER_UNAVAILABLE');
  });

  test('a worker that ends the stream fails its calls and is lost, once', async () => {
    const streams: Frames[] = [];
    serve = (stream) => {
      streams.push(stream);
      stream.write({ frames: [{ hello: {} }] });
    };
    await listen();
    const lost: Error[] = [];
    const client = await openWorkerClient(options({ onLost: (error) => lost.push(error) }), 5_000);
    const outcome = failure(execute(client, call));
    streams[0]?.end();
    expect(await outcome).toMatchObject({ code: 'WORKER_UNAVAILABLE' });
    expect(lost).toHaveLength(1);
  });
});
