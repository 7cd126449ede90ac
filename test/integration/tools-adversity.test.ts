import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { bindTools, signatureOf, type ToolContext } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { errorOf, SnakepitBench, until, type BenchPool } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;

beforeEach(() => {
  bench = new SnakepitBench();
});

afterEach(async () => {
  await bench.close();
});

describe.each(callPaths)('tools that are called wrongly, over %s', (path) => {
  const smith: BenchPool = { adapter: 'smith.Smith', ...poolOf(path) };

  test('[I5.6] a name that is not there is told, however long it is and however many there are', async () => {
    const snakepit = await bench.start(smith);
    for (let i = 0; i < 900; i++) snakepit.registerTool(`${'x'.repeat(50)}${String(i)}`, () => 1);
    const error = await errorOf(snakepit.execute('call', { name: 'nothing' }));
    expect(error.message).toContain('there is no tool "nothing" in Node. Available: x');
    expect(error.message).toContain('and 880 more');
    // Nobody is held up by the search for a name like it.
    const long = { name: 'é'.repeat(100_000) };
    for (const tool of ['call', 'acall']) {
      const refused = await errorOf(snakepit.execute(tool, long, { timeout: 5000 }));
      expect(refused.code).toBe('PYTHON_EXCEPTION');
      expect(refused.message).toContain('there is no tool "ééé');
    }
  });

  test.each(['call', 'acall'])(
    '[I5.6] %s: whatever a function throws arrives as an error of the function',
    async (tool) => {
      const snakepit = await bench.start(smith);
      const unspeakable = Object.defineProperty(new Error('a'), 'message', {
        get: () => {
          throw new RangeError('not to be read');
        },
      });
      const thrown: readonly [unknown, string][] = [
        [new Error('half of a pair: \ud800'), 'half of a pair: \ufffd'],
        [Object.create(null), 'something that cannot be told'],
        [unspeakable, 'something that cannot be told'],
        [undefined, 'undefined'],
        [new Error(`begin${'x'.repeat(5_000_000)}end`), 'xxx … xxx'],
      ];
      for (const [value, text] of thrown) {
        const unregister = snakepit.registerTool('bad', () => {
          throw value;
        });
        const error = await errorOf(snakepit.execute(tool, { name: 'bad' }));
        expect(error.message).toContain('NodeToolError: ');
        expect(error.message).toContain(text);
        unregister();
      }
    },
  );

  test('[I5.6] a function that goes on when its caller gave up lends its place no more', async () => {
    const snakepit = await bench.start(smith);
    let stuck: ToolContext | undefined;
    snakepit.registerTool('stuck', async (_args, context) => {
      stuck = context;
      await new Promise(() => undefined);
    });
    for (let i = 0; i < 3; i++) {
      stuck = undefined;
      const controller = new AbortController();
      const call = errorOf(
        snakepit.execute('acall', { name: 'stuck' }, { signal: controller.signal }),
      );
      await until(() => stuck !== undefined, 'the function to run');
      controller.abort();
      expect((await call).code).toBe('CANCELLED');
      await until(() => stuck?.signal.aborted, 'the function to hear of it');
    }
    let most = 0;
    snakepit.registerTool('work', async (_args, { execute }) => {
      const calls = [1, 2, 3].map(() => execute('slow', { seconds: 0.1 }));
      most = snakepit.stats().pools['default']?.inFlight ?? 0;
      await Promise.all(calls);
    });
    await snakepit.execute('acall', { name: 'work' });
    // The one that waits, and one in its place.
    expect(most).toBe(2);
  });

  test('[I5.6] a generated client of a session is compared with the pool of the session', async () => {
    const snakepit = await bench.startAll([
      { ...poolOf(path), name: 'first' },
      { ...smith, name: 'second' },
    ]);
    const tools = await snakepit.tools({ pool: 'second' });
    const manifest = {
      adapter: 'smith.Smith',
      command: 'snakepit gen types',
      tools: Object.fromEntries(
        tools.map((tool) => [
          tool.name,
          { signature: signatureOf(tool), stream: tool.supportsStreaming },
        ]),
      ),
    };
    const session = snakepit.session('s1', { pool: 'second' });
    const client = await bindTools<{ readonly add: (args: object) => Promise<unknown> }>(
      snakepit,
      manifest,
      { session },
    );
    expect(await client.add({ a: 41 })).toBe(42);
    expect((await errorOf(bindTools(snakepit, manifest))).code).toBe('STALE_TYPES');
  });

  test('[I5.6] tools may call Node from event loops of their own, beside others', async () => {
    const snakepit = await bench.start({ ...smith, concurrency: 4 });
    snakepit.registerTool('one', () => 1);
    const tools = ['runs', 'acall', 'runs', 'call', 'acall', 'runs'];
    for (const tool of tools) expect(await snakepit.execute(tool, { name: 'one' })).toBe(1);
    const beside = tools.map((tool) => snakepit.execute(tool, { name: 'one' }));
    expect(await Promise.all(beside)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});
