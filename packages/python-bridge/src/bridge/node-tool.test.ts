import grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BridgeFixture } from './bridge-server.fixture.ts';
import { decodeJson } from './codec.ts';
import type { WireAny } from './codec.ts';
import type { ToolFunction } from './tool-registry.ts';

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

  test('a function without a result answers None', async () => {
    await fixture.startServer();
    await fixture.register('log', () => undefined);
    const { result } = (await fixture.execute('log', {})) as { readonly result: WireAny };
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
      details: expect.stringContaining('parameter "data": a value of type "x" is not JSON'),
    });
  });

  test('are listed for Python, remote ones are registered by it', async () => {
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
    const batch = { session_id: 's1', worker_id: 'w1', tools: [{ name: 'predict' }] };
    expect(await fixture.call('RegisterTools', batch)).toMatchObject({
      success: true,
      tool_ids: { predict: 'w1/predict' },
    });
    expect(await fixture.call('RegisterTools', batch)).toMatchObject({
      success: false,
      error_message: 'there is a tool "predict" already in session "s1"',
    });
  });
});
