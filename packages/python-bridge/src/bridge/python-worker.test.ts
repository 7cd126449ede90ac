import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSystemClock, type SnakepitError } from '@snakepit/core';
import { findPython } from '../python/find-python.ts';
import { findBridgeFiles } from './bridge-files.ts';
import { BridgeFixture } from './bridge-server.fixture.ts';
import { encodeArguments, parseObject } from './codec.ts';
import { execute as executeOn, type TestLimits } from './call-path.fixture.ts';
import { createWorkerClient } from './worker-client.ts';
import type { WorkerClient } from './worker-client.ts';

const adapter = `
import asyncio
from snakepit_bridge import BaseAdapter, tool

class Tools(BaseAdapter):
    @tool(description="add")
    def add(self, a: int, b: int) -> int:
        return a + b

    @tool(description="echo")
    def echo(self, value):
        return value

    @tool(description="fail")
    def fail(self, text: str):
        raise ValueError(text)

    @tool(description="a list that contains itself")
    def unencodable(self):
        endless = []
        endless.append(endless)
        return endless

    @tool(description="gives back more than a message may hold")
    def large(self):
        return bytes(101 * 1024 * 1024)

    @tool(description="calls Node")
    def ask_node(self, data: str):
        return {"node": self.session_context.call_node_tool("hash", data=data)}

    @tool(description="never ends")
    async def forever(self):
        await asyncio.sleep(3600)
`;

const clock = createSystemClock();
let bridge: BridgeFixture;
let worker: ChildProcess;
let client: WorkerClient;

beforeAll(async () => {
  bridge = await BridgeFixture.create();
  await bridge.startServer();
  await writeFile(join(bridge.directory, 'contract_tools.py'), adapter);
  const { pythonDir } = findBridgeFiles();
  const python = findPython({ projectDir: join(pythonDir, '..', '..') }).executable;
  worker = spawn(
    python,
    [
      '-u',
      '-m',
      'snakepit_bridge',
      '--adapter',
      'contract_tools.Tools',
      '--snakepit-run-id',
      'contract',
      '--worker-id',
      'w1',
    ],
    {
      cwd: bridge.directory,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PYTHONPATH: pythonDir,
        SNAKEPIT_BEAT_FD: '3',
        SNAKEPIT_LIFELINE_FD: '4',
        SNAKEPIT_PARENT_PID: String(process.pid),
      },
    },
  );
  const beats = worker.stdio[3];
  if (!(beats instanceof Duplex)) throw new Error('no beat channel');
  const token = 'beef';
  const listen = `unix:${join(bridge.directory, 'w1.sock')}`;
  beats.write(`${JSON.stringify({ type: 'hello', token, listen, bridge: bridge.endpoint })}\n`);
  const [line] = (await once(createInterface({ input: beats }), 'line')) as [string];
  const ready = parseObject(line);
  if (ready?.['type'] !== 'ready') throw new Error(`the worker is not ready: ${line}`);
  client = createWorkerClient({ address: String(ready['address']), token, clock });
}, 30_000);

afterAll(async () => {
  client.close();
  const gone = once(worker, 'close');
  worker.kill('SIGKILL');
  await gone;
  await bridge.close();
});

function execute(
  tool: string,
  args: Record<string, unknown>,
  limits?: TestLimits,
): Promise<unknown> {
  return executeOn(client, { tool, arguments: encodeArguments(args, tool) }, limits);
}

async function failure(promise: Promise<unknown>): Promise<SnakepitError> {
  // Read by its fields, which the assertions check.
  return promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: unknown) => error as SnakepitError,
  );
}

describe('a real worker', () => {
  test('[I2.5] answers calls and pings', async () => {
    expect(await execute('add', { a: 2, b: 3 })).toBe(5);
    expect((await client.ping({ deadlineMs: 5000 })).serverTimeMs).toBeGreaterThan(1e12);
  });

  test('[T1.3] says with its pong how it is: calls, their ages, its own age, its event loop', async () => {
    const before = await client.ping({ deadlineMs: 5000 });
    expect(before).toMatchObject({ message: 'pong: ping', success: true });
    await execute('add', { a: 1, b: 1 });
    await failure(execute('fail', { text: 'no' }));
    const controller = new AbortController();
    const endless = failure(execute('forever', {}, { signal: controller.signal }));
    const { statistics: first } = before;
    let last = first;
    while (last?.inFlight !== 1 || last.oldestCallMs < 20) {
      last = (await client.ping({ deadlineMs: 5000 })).statistics;
    }
    controller.abort();
    expect((await endless).code).toBe('CANCELLED');
    expect(last.served - (first?.served ?? 0)).toBe(1);
    expect(last.failed - (first?.failed ?? 0)).toBe(1);
    expect(last.uptimeMs).toBeGreaterThanOrEqual(first?.uptimeMs ?? Infinity);
    expect(last.oldestCallMs).toBeLessThanOrEqual(last.uptimeMs);
    expect(last.loopLagMs).toBeGreaterThanOrEqual(0);
    // From our sending to its answer: never longer than this test.
    expect(last.delayMs).toBeLessThan(30_000);
  });

  test('[T1.3] a ping that is not answered in time, or has nobody to answer it, says so', async () => {
    expect(await failure(client.ping({ deadlineMs: 0 }))).toMatchObject({ code: 'TIMEOUT' });
    const nobody = createWorkerClient({
      address: 'unix:/nobody/listens.sock',
      token: 'beef',
      clock,
    });
    try {
      const error = await failure(nobody.ping({ deadlineMs: 10_000 }));
      expect(error).toMatchObject({ code: 'WORKER_UNAVAILABLE' });
    } finally {
      nobody.close();
    }
  });

  test.each([[null], [true], [0.1], ['é\u0000"'], [[1, [2, {}]]], [{ a: { b: [null] } }]])(
    '%j goes to Python and back',
    async (value) => {
      expect(await execute('echo', { value })).toEqual(value);
    },
  );

  test.each([[Buffer.from([0, 1, 255])], [Buffer.alloc(0)], [Buffer.alloc(1_000_000, 7)]])(
    'bytes go to Python and back',
    async (value) => {
      const back = await execute('echo', { value });
      expect(Buffer.isBuffer(back) && back.equals(value)).toBe(true);
    },
  );

  test('[I2.7] an exception keeps class, message and traceback', async () => {
    const error = await failure(execute('fail', { text: 'too small' }));
    expect(error).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { type: 'ValueError', module: 'builtins', message: 'too small', tool: 'fail' },
    });
    expect(error.stack).toMatch(/contract_tools\.py.*line 16/);
  });

  test('[I2.7] an unknown tool is answered with those that there are', async () => {
    const error = await failure(execute('ad', {}));
    expect(error.code).toBe('TOOL_NOT_FOUND');
    expect(error.message).toContain('Did you mean "add"?');
    expect(error.message).toContain('"unencodable"');
  });

  test.each([[{ a: 1 }], [{ a: 1, b: 2, c: 3 }]])(
    '[I2.7] wrong arguments %j are answered with the signature',
    async (args) => {
      const error = await failure(execute('add', args));
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.message).toContain('Its signature: add({ a: ');
    },
  );

  test('[I2.7] a result that is no JSON is told with what a tool may return', async () => {
    const error = await failure(execute('unencodable', {}));
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION', details: { type: 'EncodingError' } });
    expect(error.remedy).toContain('return values that');
  });

  test('[I2.7] a result beyond 100 MB is told as the result, not as the arguments', async () => {
    const error = await failure(execute('large', {}));
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', details: { what: 'result' } });
    expect(await execute('add', { a: 1, b: 1 })).toBe(2);
  });

  test('a tool calls a function of Node', async () => {
    await bridge.register('hash', ({ data }) => ({ hashed: data }));
    expect(await execute('ask_node', { data: 'x' })).toEqual({ node: { hashed: 'x' } });
  });

  test('a wrong token is refused', async () => {
    const stranger = createWorkerClient({
      address: `unix:${join(bridge.directory, 'w1.sock')}`,
      token: 'guess',
      clock,
    });
    try {
      expect(await failure(stranger.ping({ deadlineMs: 5000 }))).toMatchObject({
        code: 'PROTOCOL',
      });
    } finally {
      stranger.close();
    }
  });

  test('a deadline ends the call, and the worker serves on', async () => {
    expect(await failure(execute('forever', {}, { deadlineMs: 100 }))).toMatchObject({
      code: 'TIMEOUT',
    });
    expect(await execute('add', { a: 1, b: 1 })).toBe(2);
  });
});
