import grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BridgeFixture } from './bridge-server.fixture.ts';
import { decodeJson, decodeValue, encodeAny, encodeJson } from './codec.ts';
import type { WireAny } from './codec.ts';
import { bridgeError } from '../errors.ts';
import { sessionStoreName } from './session-store.ts';
import type { ToolRunner } from './tool-table.ts';

let fixture: BridgeFixture;

beforeEach(async () => {
  fixture = await BridgeFixture.create();
});

afterEach(async () => {
  await fixture.close();
});

describe('tools of Node', () => {
  test('are run with arguments, session and correlation id, and answer', async () => {
    await fixture.startServer();
    let seen: unknown;
    await fixture.register('hash', (args, { session, tool, correlationId }) => {
      seen = { args, session, tool, correlationId };
      return Promise.resolve({ digest: 'abc' });
    });
    const metadata = { 'x-snakepit-correlation-id': 'c7' };
    const answer = (await fixture.execute('hash', { data: ['é', 1, null] }, { metadata })) as {
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

  test('[I5.6] markers of values go both ways with a caller who knows them', async () => {
    await fixture.startServer();
    let seen: unknown;
    await fixture.register('keep', (args) => {
      seen = args;
      return { bytes: Buffer.from('b'), big: 2n ** 70n };
    });
    const { any, attachments } = encodeAny({ data: Buffer.from('a'), n: 1 }, 'args');
    const answer = (await fixture.call('ExecuteElixirTool', {
      tool_name: 'keep',
      parameters: { '': any },
      attachments,
      metadata: { snakepit_values: '1' },
    })) as { readonly result: WireAny; readonly attachments: readonly Buffer[] };
    expect(seen).toEqual({ data: Buffer.from('a'), n: 1 });
    expect(decodeValue(answer.result.value, answer.attachments)).toEqual({
      bytes: Buffer.from('b'),
      big: 2n ** 70n,
    });
  });

  test('[I5.6] a failure tells class, code, stack and causes', async () => {
    await fixture.startServer();
    await fixture.register('bad', () => {
      const cause = Object.assign(new RangeError('inner'), { code: 'E_INNER' });
      throw bridgeError('TIMEOUT', { operation: 'it', timeoutMs: 5, option: 'o' }, { cause });
    });
    const answer = (await fixture.execute('bad', {})) as {
      readonly metadata: { readonly failure: string };
    };
    expect(JSON.parse(answer.metadata.failure)).toMatchObject({
      name: 'SnakepitError',
      code: 'TIMEOUT',
      stack: expect.stringContaining('node-tool.test.ts'),
      details: { timeoutMs: 5 },
      cause: { name: 'RangeError', message: 'inner', code: 'E_INNER' },
    });
  });

  test('a function without a result answers None', async () => {
    await fixture.startServer();
    await fixture.register('log', () => undefined);
    const { result } = (await fixture.execute('log', {})) as { readonly result: WireAny };
    expect(result.value.toString()).toBe('null');
  });

  test.each<[string, ToolRunner, string]>([
    [
      'throws',
      () => {
        throw new RangeError('too big');
      },
      'RangeError: too big',
    ],
    ['rejects', () => Promise.reject(new TypeError('later')), 'TypeError: later'],
    ['returns what JSON cannot keep', () => ({ n: 1n }), 'result.n is a BigInt'],
  ])('a function that %s fails in Python with the reason', async (_, run, expected) => {
    await fixture.startServer();
    await fixture.register('bad', run);
    expect(await fixture.execute('bad', {})).toMatchObject({
      success: false,
      error_message: expect.stringContaining(expected),
    });
  });

  test('hear that the caller gave up', async () => {
    await fixture.startServer();
    let began: (call: grpc.ClientUnaryCall) => void = () => undefined;
    const running = new Promise<grpc.ClientUnaryCall>((resolve) => {
      began = resolve;
    });
    const aborted = new Promise<unknown>((resolve) => {
      void fixture.register('slow', async (_, { signal }) => {
        (await running).cancel();
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
        });
        await new Promise((done) => {
          signal.addEventListener('abort', done);
        });
      });
    });
    const outcome = fixture.execute('slow', {}, { onCall: began });
    await expect(outcome).rejects.toMatchObject({ code: grpc.status.CANCELLED });
    expect(await aborted).toMatchObject({ message: 'the caller in Python gave up' });
  });

  test('an unknown one is answered with those that there are', async () => {
    await fixture.startServer();
    await fixture.register('hash', () => 1);
    await fixture.register('secret', () => 1, false);
    await expect(fixture.execute('hsah', {})).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details:
        'there is no tool "hsah" in Node. Did you mean "hash"? Available: hash. Tools of Node are registered with registerTool().',
    });
    await expect(fixture.execute('secret', {})).rejects.toMatchObject({
      code: grpc.status.PERMISSION_DENIED,
    });
  });

  test('a parameter that is not JSON is refused by name', async () => {
    await fixture.startServer();
    await fixture.register('hash', () => 1);
    const parameters = { data: { type_url: 'x', value: Buffer.from('{') } };
    await expect(
      fixture.call('ExecuteElixirTool', { tool_name: 'hash', parameters }),
    ).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: expect.stringContaining('parameter "data": a value is not JSON'),
    });
  });

  test('are listed for Python', async () => {
    await fixture.startServer();
    await fixture.register('hash', () => 1);
    await fixture.register('secret', () => 1, false);
    expect(await fixture.call('GetExposedElixirTools', { session_id: 's1' })).toMatchObject({
      tools: [
        {
          name: 'hash',
          description: 'does hash',
          parameters: [{ name: 'data', type: 'string', required: true }],
        },
      ],
    });
  });
});

describe('tools of a worker', () => {
  const batch = { session_id: 's1', worker_id: 'pool/w1/abc', tools: [{ name: 'predict' }] };

  test('[I5.6] are registered by it for a session, and run for others', async () => {
    await fixture.startServer();
    await expect(fixture.call('RegisterTools', batch)).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'there is no session "s1" whose tools these could be',
    });
    await fixture.call('InitializeSession', { session_id: 's1' });
    expect(await fixture.call('RegisterTools', batch)).toMatchObject({
      success: true,
      tool_ids: { predict: 'pool/w1/abc/predict' },
    });
    expect(await fixture.call('RegisterTools', batch)).toMatchObject({
      success: false,
      error_message: 'there is a tool "predict" already in session "s1"',
    });
    for (const call of ['ExecuteElixirTool', 'ExecuteTool']) {
      const parameters = { n: encodeJson(1, 'n') };
      const request = { session_id: 's1', tool_name: 'predict', parameters };
      const answer = (await fixture.call(call, request)) as { readonly result: WireAny };
      expect(decodeJson(answer.result)).toEqual({ tool: 'predict', n: 1 });
    }
  });

  test('[I5.6] are forgotten when the session ends while they are registered', async () => {
    await fixture.startServer();
    await fixture.call('InitializeSession', { session_id: 's1' });
    const { system, tools } = fixture;
    const register = tools.register.bind(tools);
    tools.register = (session, wanted) => {
      void system.call(sessionStoreName, { type: 'remove', arg: session });
      return register(session, wanted);
    };
    await expect(fixture.call('RegisterTools', batch)).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
    expect(tools.list('s1')).toEqual([]);
  });

  test('[I5.6] of a worker that nobody knows are refused: they could never be called', async () => {
    await fixture.startServer();
    await fixture.call('InitializeSession', { session_id: 's1' });
    const strange = { ...batch, worker_id: 'python-7f3a' };
    expect(await fixture.call('RegisterTools', strange)).toMatchObject({
      success: false,
      error_message: expect.stringContaining(
        'tool "predict" is said to be of worker "python-7f3a", which is none of this Snakepit',
      ),
    });
  });
});
