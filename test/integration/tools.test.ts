import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { Snakepit, ToolContext } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { SnakepitBench, until, type BenchPool } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;

beforeEach(() => {
  bench = new SnakepitBench();
});

afterEach(async () => {
  await bench.close();
});

async function failureOf(call: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const error = await call.then(
    (value) => new Error(`it returned ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (isSnakepitError(error)) return error;
  throw error;
}

/** Registers a function under a name of Python that calls the tool of that name again. */
function registerRecursion(snakepit: Snakepit, name: string): void {
  snakepit.registerTool(name, ({ depth }: { readonly depth: number }) =>
    snakepit.execute(name, { depth }),
  );
}

describe.each(callPaths)('tools, called over %s', (path) => {
  const smith: BenchPool = { adapter: 'smith.Smith', ...poolOf(path) };

  describe('functions of Node, called by Python', () => {
    test.each(['call', 'acall'])(
      '[I5.6] %s: arguments, results and the context arrive; values are those of Node',
      async (tool) => {
        const snakepit = await bench.start(smith);
        let seen: ToolContext | undefined;
        snakepit.registerTool('keep', (args, context) => {
          seen = context;
          return { ...args, bytes: Buffer.from('é'), when: new Date(5), big: 2n ** 70n };
        });
        const session = snakepit.session('s1');
        const given = {
          text: 'é',
          n: 1,
          x: 1.5,
          none: null,
          list: [1],
          data: Buffer.from([0, 255]),
        };
        const result = await session.execute(tool, { name: 'keep', arguments: given });
        expect(result).toEqual({
          ...given,
          bytes: Buffer.from('é'),
          when: new Date(5),
          big: 2n ** 70n,
        });
        expect(seen).toMatchObject({
          ...{ tool: 'keep', session: 's1', pool: 'default', worker: 'default_worker_1', depth: 1 },
        });
        expect(seen?.remainingMs()).toBeGreaterThan(0);
      },
    );

    test('[I5.6] may be registered at any time, for all or for a session, and taken back', async () => {
      const snakepit = await bench.start({ ...smith, size: 2 });
      const session = snakepit.session('s1');
      expect((await failureOf(session.execute('call', { name: 'hash' }))).message).toContain(
        'there is no tool "hash" in Node. Available: none',
      );
      const unregister = snakepit.registerTool('hash', () => 'of all', { description: 'hashes' });
      expect(await session.execute('node_tools')).toEqual({ hash: 'hashes' });
      snakepit.registerTool('hash', () => 'of s1', { session: 's1' });
      expect(await session.execute('call', { name: 'hash' })).toBe('of s1');
      expect(await snakepit.execute('call', { name: 'hash' })).toBe('of all');
      await snakepit.restartWorker('default_worker_1');
      expect(await snakepit.execute('call', { name: 'hash' })).toBe('of all');
      expect([unregister(), unregister()]).toEqual([true, false]);
      expect((await failureOf(snakepit.execute('call', { name: 'hash' }))).message).toContain(
        'there is no tool "hash" in Node',
      );
      // Those of a session end with it.
      await session.end();
      const again = snakepit.session('s1');
      expect((await failureOf(again.execute('call', { name: 'hash' }))).message).toContain(
        'there is no tool "hash" in Node',
      );
      expect(() => snakepit.registerTool('x', () => 1, { session: 'nobody' })).toThrow(
        'no session with that id lives',
      );
    });

    test('[I5.6] an error of Node reaches Python with its class and code, and comes back with both stacks', async () => {
      const snakepit = await bench.start(smith);
      snakepit.registerTool('range', () => {
        throw new RangeError('too far');
      });
      snakepit.registerTool('late', (_args, { execute }) =>
        execute('slow', { seconds: 5 }, { timeout: 50 }),
      );
      expect(await snakepit.execute('caught', { name: 'range' })).toEqual({
        class: 'RangeError',
        code: null,
        text: 'RangeError: too far',
      });
      expect(await snakepit.execute('caught', { name: 'late' })).toMatchObject({
        class: 'SnakepitError',
        code: 'TIMEOUT',
      });
      const error = await failureOf(snakepit.execute('call', { name: 'range' }));
      expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION' });
      expect(error.message).toContain('NodeToolError: RangeError: too far');
      expect(error.stack).toMatch(
        /Python traceback:[^]*smith\.py[^]*JavaScript stack:[^]*tools\.test\.ts/,
      );
    });

    test('[I5.6] an exception of an inner Python call keeps its traceback through Node', async () => {
      const snakepit = await bench.start(smith);
      snakepit.registerTool('inner', () => snakepit.execute('fail', { message: 'deep down' }));
      const error = await failureOf(snakepit.execute('call', { name: 'inner' }));
      expect(error.message).toContain('ValueError: deep down');
      // Outer Python, Node, inner Python: each with its own lines.
      expect(error.stack).toMatch(
        /Python traceback:[^]*call_node_tool\(name[^]*JavaScript stack:[^]*Python traceback:[^]*in fail\n[^]*ValueError: deep down/,
      );
    });

    test.each(['call', 'acall'])(
      '[I5.6] %s: the function hears that its caller gave up, and that it ran out of time',
      async (tool) => {
        const snakepit = await bench.start(smith);
        const reasons: unknown[] = [];
        const left: number[] = [];
        snakepit.registerTool('wait', async (_args, { signal, remainingMs }) => {
          left.push(remainingMs());
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          reasons.push(signal.reason);
        });
        const controller = new AbortController();
        const call = failureOf(
          snakepit.execute(tool, { name: 'wait' }, { signal: controller.signal, timeout: 20_000 }),
        );
        await until(() => left.length === 1, 'the function to run');
        controller.abort();
        expect((await call).code).toBe('CANCELLED');
        await until(() => reasons.length === 1, 'the function to hear of it');
        const late = await failureOf(snakepit.execute(tool, { name: 'wait' }, { timeout: 2_000 }));
        expect(late.code).toBe('TIMEOUT');
        await until(() => reasons.length === 2, 'the function to hear of the end of its time');
        expect(left[0]).toBeGreaterThan(10_000);
        expect(left[0]).toBeLessThanOrEqual(20_000);
        expect(left[1]).toBeLessThanOrEqual(2_000);
        // The worker has let go of both.
        expect(await snakepit.execute('add', { a: 1 }, { timeout: 10_000 })).toBe(2);
      },
    );
  });

  describe('Node, Python, Node, Python …', () => {
    test.each(['down', 'adown'])(
      '[I5.6] %s: six calls deep in the only worker, which takes one call at a time',
      async (tool) => {
        const snakepit = await bench.start(smith);
        registerRecursion(snakepit, tool);
        const pids = await snakepit.execute<number[]>(tool, { depth: 6 }, { timeout: 20_000 });
        expect(pids).toHaveLength(7);
        expect(new Set(pids).size).toBe(1);
        expect(snakepit.stats()).toMatchObject({
          pools: { default: { queued: 0, inFlight: 0, succeeded: 7 } },
        });
        // The place is taken back: calls go one at a time again.
        const order: string[] = [];
        await Promise.all(
          ['a', 'b'].map(async (name) => {
            await snakepit.execute('slow', { seconds: 0.05 });
            order.push(name);
          }),
        );
        expect(order).toEqual(['a', 'b']);
      },
    );

    test('[I5.6] several nested calls of one function wait for each other, not for their own caller', async () => {
      const snakepit = await bench.start(smith);
      snakepit.registerTool('work', async ({ index }: { readonly index: number }, { execute }) => {
        const sums = await Promise.all(
          [1, 2, 3].map((a) => execute<number>('add', { a, b: index })),
        );
        return sums.reduce((total, sum) => total + sum);
      });
      const call = snakepit.execute('both', { name: 'work', times: 4 }, { timeout: 20_000 });
      expect(await call).toEqual([6, 9, 12, 15]);
    });

    test('[I5.6] two pools that call each other, both full, finish', async () => {
      const snakepit = await bench.startAll([
        { ...smith, name: 'left' },
        { ...smith, name: 'right' },
      ]);
      snakepit.registerTool('left', () => snakepit.execute('add', { a: 1 }, { pool: 'left' }));
      snakepit.registerTool('right', () => snakepit.execute('add', { a: 2 }, { pool: 'right' }));
      const crossing = Array.from({ length: 10 }, (_, index) => {
        const [from, to] = index % 2 === 0 ? ['left', 'right'] : ['right', 'left'];
        return snakepit.execute('call', { name: to }, { pool: from, timeout: 20_000 });
      });
      expect(await Promise.all(crossing)).toEqual([3, 2, 3, 2, 3, 2, 3, 2, 3, 2]);
    });

    test('[I5.6] too deep is a clear error, in Node and in Python', async () => {
      const snakepit = await bench.start(smith);
      registerRecursion(snakepit, 'adown');
      const error = await failureOf(snakepit.execute('adown', { depth: 100 }, { timeout: 40_000 }));
      expect(error.message).toContain('would be call 33 of Node and Python inside of each other');
      expect(await snakepit.execute('add', { a: 1 })).toBe(2);
    });

    test('[I5.6] a stop lets a call finish that needs another one for that', async () => {
      const snakepit = await bench.start(smith);
      let begun = false;
      snakepit.registerTool('later', async (_args, { execute }) => {
        begun = true;
        await sleep(300);
        return execute('add', { a: 41 });
      });
      const call = snakepit.execute('call', { name: 'later' });
      await until(() => begun, 'the function to run');
      const stopped = snakepit.stop();
      expect(await call).toBe(42);
      await stopped;
    });
  });

  describe('tools()', () => {
    test('[I5.6] says names, texts, types, defaults and results', async () => {
      const snakepit = await bench.start(smith);
      const tools = await snakepit.tools();
      expect(tools.find(({ name }) => name === 'sell')).toMatchObject({
        name: 'sell',
        description: 'Sells one item.',
        documentation: expect.stringContaining('Args:'),
        parameters: [
          {
            name: 'item',
            required: true,
            description: 'what is sold',
            schema: {
              title: 'Item',
              properties: { name: { type: 'string' }, price: { type: 'number' } },
              required: ['name', 'price'],
            },
          },
          { name: 'colour', required: false, default: 'red', schema: { enum: ['red', 'blue'] } },
          {
            name: 'note',
            type: expect.stringContaining('str'),
            description: 'printed on the bill',
          },
        ],
        takesMore: false,
        returns: { type: 'float', schema: { type: 'number' } },
        supportsStreaming: false,
      });
      expect(tools.find(({ name }) => name === 'count')?.supportsStreaming).toBe(true);
      expect(await snakepit.tools({ pool: 'default' })).toEqual(tools);
      await expect(snakepit.tools({ pool: 'other' })).rejects.toMatchObject({
        code: 'POOL_NOT_FOUND',
      });
    });

    test('[I5.6] arguments are checked before the call, by what the worker said', async () => {
      const snakepit = await bench.start(smith);
      await snakepit.tools();
      const accepted = (): number => snakepit.stats().pools['default']?.accepted ?? -1;
      const before = accepted();
      const wrong: readonly [object, string][] = [
        [{}, 'args.a is missing'],
        [{ a: 1, c: 2 }, 'args.c is no argument of the tool'],
        [{ a: '1' }, 'args.a is "1", not int'],
      ];
      for (const [args, text] of wrong) {
        const error = await failureOf(snakepit.execute('add', args as Record<string, unknown>));
        expect(error.code).toBe('INVALID_ARGUMENT');
        expect(error.message).toContain(text);
        expect(error.message).toContain('Its signature: add({ a: int, b?: int })');
      }
      expect(() => snakepit.stream('count', { from: 1 })).toThrow('args.from is no argument');
      expect(accepted()).toBe(before);
      expect(await snakepit.execute('add', { a: 1, b: undefined })).toBe(2);
    });
  });

  describe('tools that a worker registers for a session', () => {
    test('[I5.6] are called from another pool, in that session', async () => {
      const snakepit = await bench.startAll([
        { ...smith, name: 'left' },
        { ...smith, name: 'right' },
      ]);
      const session = snakepit.session('s1', { pool: 'left' });
      expect(await session.execute('offer')).toContain('add');
      const right = snakepit.session('s1', { pool: 'right' });
      expect(await right.execute('call', { name: 'add', arguments: { a: 3, b: 4 } })).toBe(7);
      const elsewhere = snakepit.execute('call', { name: 'add', arguments: { a: 3 } });
      expect((await failureOf(elsewhere)).message).toContain('there is no tool "add" in Node');
      const unknown = await failureOf(snakepit.execute('offer'));
      expect(unknown.message).toContain('there is no session ""');
    });
  });
});
