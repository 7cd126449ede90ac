import { getEventListeners, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSystemClock, type SnakepitError } from '@snakepit/core';
import type { ExecuteToolRequest__Output } from '../gen/snakepit/bridge/ExecuteToolRequest.ts';
import type { ExecuteToolResponse } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';
import { encodeArguments, encodeJson } from './codec.ts';
import { bridgeService, serverOptions } from './service-definition.ts';
import { execute } from './call-path.fixture.ts';
import { createWorkerClient } from './worker-client.ts';
import type { WorkerClient } from './worker-client.ts';

type Call = ServerUnaryCall<ExecuteToolRequest__Output, ExecuteToolResponse>;
type Answer = sendUnaryData<ExecuteToolResponse>;

const token = 'f00d';
const clock = createSystemClock();
let directory: string;
let address: string;
let server: grpc.Server;
let client: WorkerClient;
let handle: (call: Call, answer: Answer) => void;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-client-'));
  address = `unix:${join(directory, 'w.sock')}`;
  server = new grpc.Server(serverOptions);
  server.addService(bridgeService(), {
    ExecuteTool: (call: Call, answer: Answer) => {
      if (call.metadata.get('x-snakepit-token')[0] === token) handle(call, answer);
      else answer({ code: grpc.status.UNAUTHENTICATED, details: 'wrong token' });
    },
    Ping: (_: unknown, answer: sendUnaryData<object>) => {
      answer(null, { message: 'pong: ping', server_time: { seconds: 1_700_000_000, nanos: 5e8 } });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  handle = (call, answer) => {
    answer(null, { success: true, result: encodeJson(call.request.tool_name, 'x') });
  };
  client = createWorkerClient({ address, token, clock, ids: { pool: 'default', worker: 'w1' } });
});

afterEach(async () => {
  client.close();
  server.forceShutdown();
  await rm(directory, { recursive: true });
});

const noArguments = encodeArguments();

async function failure(promise: Promise<unknown>): Promise<SnakepitError> {
  // Read by its fields, which the assertions check.
  return promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: unknown) => error as SnakepitError,
  );
}

describe('executeTool', () => {
  test('sends tool, session, arguments, bytes and metadata, and gives back the result', async () => {
    let seen: ExecuteToolRequest__Output | undefined;
    handle = (call, answer) => {
      seen = call.request;
      answer(null, { success: true, result: encodeJson({ sum: 5 }, 'x') });
    };
    const result = await execute(client, {
      tool: 'add',
      session: 's1',
      arguments: encodeArguments({ a: 2, image: Buffer.from([1, 2]) }),
      metadata: { correlation_id: 'c1' },
    });
    expect(result).toEqual({ sum: 5 });
    expect(seen).toMatchObject({
      tool_name: 'add',
      session_id: 's1',
      metadata: { correlation_id: 'c1' },
      binary_parameters: { image: Buffer.from([1, 2]) },
    });
    expect(seen?.parameters['a']?.value.toString()).toBe('2');
  });

  test('gives back bytes as a Buffer', async () => {
    handle = (_, answer) => {
      answer(null, { success: true, binary_result: Buffer.from('png') });
    };
    const result = await execute(client, { tool: 'draw', arguments: noArguments });
    expect(result).toEqual(Buffer.from('png'));
  });

  test('[I2.7] an exception in Python is an error with its ids and the traceback', async () => {
    handle = (_, answer) => {
      const error_message = JSON.stringify({
        type: 'ValueError',
        module: 'builtins',
        message: 'no',
        traceback: 'Traceback: here',
      });
      answer(null, { success: false, error_message });
    };
    const error = await failure(execute(client, { tool: 'f', arguments: noArguments }));
    expect(error).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { pool: 'default', worker: 'w1', tool: 'f', type: 'ValueError' },
    });
    expect(error.stack).toContain('Traceback: here');
  });

  test('[I2.7] an unknown tool is answered with those that there are', async () => {
    handle = (_, answer) => {
      const details = JSON.stringify({
        code: 'TOOL_NOT_FOUND',
        message: 'no tool ad',
        tool: 'ad',
        available: ['add', 'echo'],
        suggestion: 'add',
      });
      answer({ code: grpc.status.NOT_FOUND, details });
    };
    const error = await failure(execute(client, { tool: 'ad', arguments: noArguments }));
    expect(error.code).toBe('TOOL_NOT_FOUND');
    expect(error.message).toContain('there is no tool "ad" (worker "w1" of pool "default").');
    expect(error.message).toContain('Did you mean "add"? Available: "add", "echo".');
  });

  test('[I2.7] arguments that do not fit are answered with the signature', async () => {
    handle = (_, answer) => {
      const details = JSON.stringify({
        code: 'INVALID_ARGUMENT',
        message: "missing a required argument: 'b'",
        tool: 'add',
        parameters: [
          { name: 'a', type: 'int', required: true },
          { name: 'b', type: 'int', required: true },
          { name: 'round', type: 'bool', required: false },
        ],
      });
      answer({ code: grpc.status.INVALID_ARGUMENT, details });
    };
    const error = await failure(execute(client, { tool: 'add', arguments: noArguments }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain("missing a required argument: 'b'");
    expect(error.message).toContain('Its signature: add({ a: int, b: int, round?: bool }).');
  });

  test('a wrong token is an error of the protocol', async () => {
    const stranger = createWorkerClient({ address, token: 'guess', clock });
    try {
      const error = await failure(execute(stranger, { tool: 'f', arguments: noArguments }));
      expect(error).toMatchObject({ code: 'PROTOCOL' });
      expect(error.message).toContain('the token was refused');
    } finally {
      stranger.close();
    }
  });

  test('the deadline ends the call here and there', async () => {
    const cancelled = new Promise<void>((resolve) => {
      handle = (call) => call.on('cancelled', resolve);
    });
    // The call must be there before the time is over, on a busy machine too.
    await client.connected({ deadlineMs: 20_000 });
    const call = execute(client, { tool: 'slow', arguments: noArguments }, { deadlineMs: 1_000 });
    const error = await failure(call);
    expect(error.code).toBe('TIMEOUT');
    await cancelled;
  });

  test('an AbortSignal ends the call here and there, and keeps no listener', async () => {
    const controller = new AbortController();
    const began = new Promise<Call>((resolve) => {
      handle = resolve;
    });
    const call = execute(
      client,
      { tool: 'slow', arguments: noArguments },
      { signal: controller.signal },
    );
    const there = await began;
    const cancelled = once(there, 'cancelled');
    controller.abort(new Error('user left'));
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'CANCELLED', cause: { message: 'user left' } });
    await cancelled;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('a call that the worker cancels is a worker that went away', async () => {
    handle = (_, answer) => {
      answer({ code: grpc.status.CANCELLED, details: 'stopping' });
    };
    const error = await failure(execute(client, { tool: 'f', arguments: noArguments }));
    expect(error).toMatchObject({
      code: 'WORKER_UNAVAILABLE',
      details: { maybeExecuted: true },
    });
  });

  test('a worker that dies during the call may have executed it', async () => {
    // What the kernel does to the connection of a process that was killed: it goes away without a word.
    const path = join(directory, 'between.sock');
    const connections: Socket[] = [];
    const between = createServer((socket) => {
      const onward = createConnection(address.slice('unix:'.length));
      connections.push(socket, onward);
      for (const each of [socket, onward]) each.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
    });
    between.listen(path);
    await once(between, 'listening');
    const other = createWorkerClient({ address: `unix:${path}`, token, clock });
    try {
      handle = () => {
        for (const connection of connections) connection.destroy();
      };
      const error = await failure(execute(other, { tool: 'f', arguments: noArguments }));
      expect(error).toMatchObject({ code: 'WORKER_UNAVAILABLE', details: { maybeExecuted: true } });
      expect(error.message).toContain('The tool may have run.');
    } finally {
      other.close();
      for (const connection of connections) connection.destroy();
      between.close();
    }
  });

  test('a worker that is not there has executed nothing', async () => {
    server.forceShutdown();
    const error = await failure(execute(client, { tool: 'f', arguments: noArguments }));
    expect(error).toMatchObject({ code: 'WORKER_UNAVAILABLE', details: { maybeExecuted: false } });
    expect(error.message).toContain('The tool did not run.');
  });

  test('[I2.7] arguments beyond 100 MB are refused with the limit', async () => {
    const data = Buffer.alloc(100 * 1024 * 1024);
    const error = await failure(
      execute(client, { tool: 'f', arguments: encodeArguments({ data }) }),
    );
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', details: { what: 'arguments' } });
    expect(error.message).toContain('exceed the limit of 100 MB a message');
  });

  test.each([
    [grpc.status.UNIMPLEMENTED, 'PROTOCOL', 'does not offer this call'],
    [grpc.status.UNKNOWN, 'PROTOCOL', 'gRPC status UNKNOWN: boom'],
    [grpc.status.NOT_FOUND, 'PROTOCOL', 'gRPC status NOT_FOUND: boom'],
    [grpc.status.RESOURCE_EXHAUSTED, 'WORKER_BUSY', 'takes no more calls at present: boom'],
    [grpc.status.INVALID_ARGUMENT, 'INVALID_ARGUMENT', 'boom (tool "f")'],
    [grpc.status.DEADLINE_EXCEEDED, 'TIMEOUT', 'did not finish within Infinity ms'],
  ])('status %i is %s', async (code, expected, text) => {
    handle = (_, answer) => {
      answer({ code, details: 'boom' });
    };
    const error = await failure(execute(client, { tool: 'f', arguments: noArguments }));
    expect(error.code).toBe(expected);
    expect(error.message).toContain(text);
    expect(error.cause).toMatchObject({ code });
  });
});

describe('ping, connected, close', () => {
  test('ping tells what the worker said and its time', async () => {
    expect(await client.ping({ deadlineMs: 5000 })).toEqual({
      message: 'pong: ping',
      serverTimeMs: 1_700_000_000_500,
      // A server of the original says neither.
      success: true,
      statistics: undefined,
    });
  });

  test('connected resolves once the connection stands', async () => {
    await client.connected({ deadlineMs: 5000 });
    await client.connected({ deadlineMs: 5000 });
  });

  test('connected names the time limit when nobody listens', async () => {
    server.forceShutdown();
    const error = await failure(client.connected({ deadlineMs: 100 }));
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('the connection to the worker');
    expect(error.message).toContain('pools[].startupTimeout');
  });

  test('after close every call fails at once, and closing again does nothing', async () => {
    client.close();
    client.close();
    for (const call of [
      client.ping(),
      client.connected({ deadlineMs: 5000 }),
      execute(client, { tool: 'f', arguments: noArguments }),
    ]) {
      expect(await failure(call)).toMatchObject({
        code: 'WORKER_UNAVAILABLE',
        details: { reason: 'the connection was closed', maybeExecuted: false },
      });
    }
  });
});
