import { existsSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import type { ActorSystem, Pid } from '@snakepit/core';
import { bridgeServer, bridgeServerName } from './bridge-server.ts';
import type { BridgeEndpoint, BridgeServerInput } from './bridge-server.ts';
import { decodeJson, encodeJson } from './codec.ts';
import type { WireAny } from './codec.ts';
import { bridgeMethod, tokenMetadata } from './service-definition.ts';
import { sessionStore, sessionStoreName } from './session-store.ts';
import { toolRegistry, toolRegistryName } from './tool-registry.ts';
import type { ToolFunction } from './tool-registry.ts';
import { tokenHeader } from './wire.ts';

const token = 'cafe';
let directory: string;
let system: ActorSystem;
let endpoint: BridgeEndpoint | undefined;
const clients: grpc.Client[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-bridge-'));
  system = createSystem({ logger: silentLogger });
  await system.start(sessionStore, { maxSessions: 2 }, { name: sessionStoreName });
  await system.start(toolRegistry, undefined, { name: toolRegistryName });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await system.stop();
  await rm(directory, { recursive: true });
});

async function startServer(input: Partial<BridgeServerInput> = {}): Promise<Pid> {
  const onListening = (now: BridgeEndpoint | undefined): void => {
    endpoint = now;
  };
  const given = { directory, token, onListening, drainMs: 100, wallClock: () => 1500, ...input };
  return (await system.start(bridgeServer, given, { name: bridgeServerName })).pid;
}

interface CallOptions {
  readonly token?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly onCall?: (call: grpc.ClientUnaryCall) => void;
}

function call(name: string, request: object, options: CallOptions = {}): Promise<object> {
  if (endpoint === undefined) throw new Error('nobody listens');
  const client = new grpc.Client(endpoint.address, grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  clients.push(client);
  const method = bridgeMethod(name);
  const metadata =
    'token' in options && options.token === undefined
      ? new grpc.Metadata()
      : tokenMetadata(tokenHeader, options.token ?? token);
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return new Promise((resolve, reject) => {
    const running = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      (error: ServiceError | null, response?: object) => {
        if (response === undefined) reject(error ?? new Error('neither answer nor error'));
        else resolve(response);
      },
    );
    options.onCall?.(running);
  });
}

async function register(name: string, run: ToolFunction, exposedToPython = true): Promise<void> {
  await system.call(toolRegistryName, {
    type: 'register',
    arg: {
      batch: [
        {
          name,
          description: `does ${name}`,
          parameters: [{ name: 'data', type: 'string', required: true }],
          place: { kind: 'local', run, exposedToPython },
        },
      ],
    },
  } as { readonly type: string });
}

function execute(
  tool: string,
  args: Record<string, unknown>,
  options?: CallOptions,
): Promise<object> {
  const parameters: Record<string, WireAny> = {};
  for (const [name, value] of Object.entries(args)) parameters[name] = encodeJson(value, name);
  return call('ExecuteElixirTool', { session_id: 's1', tool_name: tool, parameters }, options);
}

describe('bridgeServer', () => {
  test('listens on a socket that only this user can open, and removes it at the end', async () => {
    const pid = await startServer();
    const path = join(directory, 'bridge.sock');
    expect(endpoint).toEqual({ address: `unix:${path}`, token });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await call('Ping', { message: 'hi' })).toEqual({
      message: 'pong: hi',
      server_time: { seconds: 1, nanos: 500_000_000 },
    });
    const gone = system.awaitExit(pid);
    system.exit(pid, { kind: 'shutdown' });
    await gone;
    expect(existsSync(path)).toBe(false);
    expect(endpoint).toBeUndefined();
  });

  test('killed, it leaves no open port, and its successor takes over the same path', async () => {
    const pid = await startServer();
    await call('Ping', {});
    const gone = system.awaitExit(pid);
    system.exit(pid, { kind: 'kill' });
    await gone;
    await expect(call('Ping', {})).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    await startServer();
    expect(await call('Ping', { message: 'again' })).toMatchObject({ message: 'pong: again' });
  });

  test('listens on loopback where there are no such sockets', async () => {
    await startServer({ directory: undefined });
    expect(endpoint?.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await call('Ping', {})).toMatchObject({ message: 'pong: ' });
  });

  test('does not start where it cannot listen, and says where', async () => {
    await chmod(directory, 0o700);
    const missing = join(directory, 'none');
    const failure = await startServer({ directory: missing }).catch(String);
    expect(failure).toContain('[ENVIRONMENT]');
    expect(failure).toContain(`cannot listen on unix:${missing}/bridge.sock`);
  });

  test.each([
    [undefined, 'the call carries no x-snakepit-token'],
    ['wrong', 'the call carries a wrong x-snakepit-token'],
    ['', 'the call carries a wrong x-snakepit-token'],
  ])('refuses a call with the token %j', async (given, details) => {
    await startServer();
    const run = jestFunction();
    await register('hash', run.call);
    await expect(execute('hash', {}, { token: given })).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details,
    });
    expect(run.calls).toBe(0);
  });

  test.each(['ExecuteTool', 'StreamTelemetry', 'ExecuteStreamingTool'])(
    '%s is answered with what there is instead',
    async (name) => {
      await startServer();
      // A unary request is a stream of one message.
      await expect(call(name, {})).rejects.toMatchObject({
        code: grpc.status.UNIMPLEMENTED,
        details: expect.stringContaining('ExecuteElixirTool for tools of registerTool()'),
      });
    },
  );
});

describe('sessions', () => {
  test('are made, looked at, kept alive and removed', async () => {
    await startServer();
    const made = { session_id: 's1', metadata: { user: '42' } };
    expect(await call('InitializeSession', made)).toMatchObject({ success: true });
    expect(await call('InitializeSession', made)).toMatchObject({ success: true });
    await register('hash', () => 1);
    const session = await call('GetSession', { session_id: 's1' });
    expect(session).toMatchObject({ session_id: 's1', metadata: { user: '42' }, tool_count: 1 });
    expect(await call('Heartbeat', { session_id: 's1' })).toMatchObject({ session_valid: true });
    expect(await call('CleanupSession', { session_id: 's1' })).toEqual({
      success: true,
      resources_cleaned: 1,
    });
    expect(await call('CleanupSession', { session_id: 's1' })).toMatchObject({ success: true });
    expect(await call('Heartbeat', { session_id: 's1' })).toMatchObject({ session_valid: false });
    await expect(call('GetSession', { session_id: 's1' })).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'there is no session "s1"',
    });
  });

  test('are refused without an id and beyond the limit', async () => {
    await startServer();
    await expect(call('InitializeSession', {})).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
    });
    await call('InitializeSession', { session_id: 'a' });
    await call('InitializeSession', { session_id: 'b' });
    await expect(call('InitializeSession', { session_id: 'c' })).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: 'there are 2 sessions already, which is the limit',
    });
  });

  test('without the store the answer is an error, not silence', async () => {
    await startServer();
    const store = system.whereis(sessionStoreName);
    if (store === undefined) throw new Error('no store');
    const gone = system.awaitExit(store);
    system.exit(store, { kind: 'kill' });
    await gone;
    await expect(call('Heartbeat', { session_id: 's' })).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
    });
  });
});

describe('tools of Node', () => {
  test('are run with arguments, session and correlation id, and answer', async () => {
    await startServer();
    let seen: unknown;
    await register('hash', async (args, { session, tool, correlationId }) => {
      seen = { args, session, tool, correlationId };
      return { digest: 'abc' };
    });
    const metadata = { 'x-snakepit-correlation-id': 'c7' };
    const answer = (await execute('hash', { data: ['é', 1, null] }, { metadata })) as {
      readonly success: boolean;
      readonly result: WireAny;
    };
    expect(answer.success).toBe(true);
    expect(decodeJson(answer.result)).toEqual({ digest: 'abc' });
    expect(seen).toEqual({
      args: { data: ['é', 1, null] },
      session: 's1',
      tool: 'hash',
      correlationId: 'c7',
    });
  });

  test('a function without a result answers None', async () => {
    await startServer();
    await register('log', () => undefined);
    const { result } = (await execute('log', {})) as { readonly result: WireAny };
    expect(result.value.toString()).toBe('null');
  });

  test.each<[string, ToolFunction, string]>([
    [
      'throws',
      () => {
        throw new RangeError('too big');
      },
      'RangeError: too big',
    ],
    ['rejects with a text', () => Promise.reject('nothing' as unknown as Error), 'nothing'],
    ['returns what JSON cannot keep', () => ({ n: 1n }), 'result.n is a BigInt'],
  ])('a function that %s fails in Python with the reason', async (_, run, expected) => {
    await startServer();
    await register('bad', run);
    expect(await execute('bad', {})).toMatchObject({
      success: false,
      error_message: expect.stringContaining(expected),
    });
  });

  test('hear that the caller gave up', async () => {
    await startServer();
    let began: (call: grpc.ClientUnaryCall) => void = () => undefined;
    const running = new Promise<grpc.ClientUnaryCall>((resolve) => {
      began = resolve;
    });
    const aborted = new Promise<unknown>((resolve) => {
      void register('slow', async (_, { signal }) => {
        (await running).cancel();
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
        });
        await new Promise((done) => {
          signal.addEventListener('abort', done);
        });
      });
    });
    const outcome = execute('slow', {}, { onCall: began });
    await expect(outcome).rejects.toMatchObject({ code: grpc.status.CANCELLED });
    expect(await aborted).toMatchObject({ message: 'the caller in Python gave up' });
  });

  test('an unknown one is answered with those that there are', async () => {
    await startServer();
    await register('hash', () => 1);
    await register('secret', () => 1, false);
    await expect(execute('hsah', {})).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details:
        'there is no tool "hsah" in Node. Did you mean "hash"? Available: hash. Tools of Node are registered with registerTool().',
    });
    await expect(execute('secret', {})).rejects.toMatchObject({
      code: grpc.status.PERMISSION_DENIED,
    });
  });

  test('a parameter that is not JSON is refused by name', async () => {
    await startServer();
    await register('hash', () => 1);
    const parameters = { data: { type_url: 'x', value: Buffer.from('{') } };
    await expect(
      call('ExecuteElixirTool', { tool_name: 'hash', parameters }),
    ).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: expect.stringContaining('parameter "data": a value of type "x" is not JSON'),
    });
  });

  test('are listed for Python, remote ones are registered by it', async () => {
    await startServer();
    await register('hash', () => 1);
    await register('secret', () => 1, false);
    expect(await call('GetExposedElixirTools', { session_id: 's1' })).toMatchObject({
      tools: [
        {
          name: 'hash',
          description: 'does hash',
          parameters: [{ name: 'data', type: 'string', required: true }],
        },
      ],
    });
    const batch = { session_id: 's1', worker_id: 'w1', tools: [{ name: 'predict' }] };
    expect(await call('RegisterTools', batch)).toMatchObject({
      success: true,
      tool_ids: { predict: 'w1/predict' },
    });
    expect(await call('RegisterTools', batch)).toMatchObject({
      success: false,
      error_message: 'there is a tool "predict" already in session "s1"',
    });
  });
});

function jestFunction(): { calls: number; readonly call: ToolFunction } {
  const counter = {
    calls: 0,
    call: () => {
      counter.calls += 1;
    },
  };
  return counter;
}
