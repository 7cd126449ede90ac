import { describe, expect, test } from '@jest/globals';
import { createToolTable, type ToolRequest } from '../bridge/tool-table.ts';
import { createNesting } from './nesting.ts';
import { createNodeTools, type NodeToolParts, type ToolContext } from './node-tools.ts';

interface Bench {
  readonly tools: ReturnType<typeof createNodeTools>;
  readonly table: ReturnType<typeof createToolTable>;
  /** What happened, in order. */
  readonly journal: string[];
  /** Calls a tool as Python does, from worker `w1` of pool `p`. */
  readonly call: (name: string, args?: object, more?: Partial<ToolRequest>) => Promise<unknown>;
}

function bench(parts: Partial<NodeToolParts> = {}): Bench {
  const table = createToolTable();
  const journal: string[] = [];
  const tools = createNodeTools({
    table,
    nesting: createNesting(() => 0),
    execute: (tool, _args, options) => Promise.resolve(`${String(options.pool)}/${tool}`),
    hasSession: (id) => id === 's1',
    lendPlace: ({ caller }) => {
      const place = `${caller?.pool ?? ''}/${caller?.worker ?? ''}`;
      journal.push(`lend ${place}`);
      return () => journal.push(`take back ${place}`);
    },
    ...parts,
  });
  const call: Bench['call'] = (name, args = {}, more = {}) => {
    const tool = table.find(more.session ?? '', name);
    if (tool === undefined) throw new Error(`there is no ${name}`);
    const { run } = tool.place;
    const request: ToolRequest = {
      tool: name,
      session: '',
      correlationId: 'c1',
      signal: new AbortController().signal,
      caller: { pool: 'p', worker: 'w1' },
      depth: 1,
      timeoutMs: Infinity,
      ...more,
    };
    return Promise.resolve().then(() => run(args as Record<string, unknown>, request));
  };
  return { tools, table, journal, call };
}

describe('registerTool', () => {
  test('[I5.6] the function gets arguments and context, and can call Python in the pool of its caller', async () => {
    const { tools, call, journal } = bench();
    let seen: ToolContext | undefined;
    tools.register('hash', async ({ data }: { readonly data: string }, context) => {
      seen = context;
      journal.push('runs');
      return [data, await context.execute('add'), await context.execute('add', {}, { pool: 'q' })];
    });
    expect(await call('hash', { data: 'x' }, { session: 's1' })).toEqual(['x', 'p/add', 'q/add']);
    expect(seen).toMatchObject({
      ...{ tool: 'hash', session: 's1', correlationId: 'c1', pool: 'p', worker: 'w1', depth: 1 },
    });
    expect(seen?.remainingMs()).toBe(Infinity);
    // While it runs, others may have the place of the call that waits for it.
    expect(journal).toEqual(['lend p/w1', 'runs', 'take back p/w1']);
  });

  test('[I5.6] the place is taken back also when the function fails', async () => {
    const { tools, call, journal } = bench();
    tools.register('bad', () => {
      throw new RangeError('no');
    });
    await expect(call('bad')).rejects.toThrow('no');
    expect(journal).toEqual(['lend p/w1', 'take back p/w1']);
  });

  test('[I5.6] arguments that do not fit the described parameters fail before the function runs', async () => {
    const { tools, call } = bench();
    tools.register('hash', () => 'ran', {
      parameters: [
        { name: 'data', type: 'string', required: true },
        { name: 'rounds', type: 'integer' },
        { name: 'mode', type: 'sha1 or sha2' },
      ],
    });
    expect(await call('hash', { data: 'x', rounds: 2, mode: 5 })).toBe('ran');
    await expect(call('hash', { rounds: 2 })).rejects.toThrow('args.data is missing');
    await expect(call('hash', { data: 'x', round: 2 })).rejects.toThrow('did you mean "rounds"?');
    await expect(call('hash', { data: 5 })).rejects.toThrow('args.data is 5, not string');
  });

  test('[I5.6] it is taken back by a call, or by the end of a block', () => {
    const { tools, table } = bench();
    {
      using unregister = tools.register('hash', () => 1);
      expect(typeof unregister).toBe('function');
      expect(table.find('', 'hash')).toBeDefined();
    }
    expect(table.find('', 'hash')).toBeUndefined();
    const again = tools.register('hash', () => 2);
    expect([again(), again()]).toEqual([true, false]);
  });

  test.each<[string, unknown[], RegExp]>([
    ['no function', ['hash', undefined], /the function is undefined/],
    ['a bad name', ['-hash', () => 1], /"-hash" cannot be the name of a tool \(invalidFormat\)/],
    ['no name', [5, () => 1], /5 cannot be the name of a tool \(invalidType\)/],
    ['no options', ['hash', () => 1, 'text'], /options is "text"/],
    ['an unknown option', ['hash', () => 1, { params: [] }], /options\.params is no option/],
    ['an empty session', ['hash', () => 1, { session: '' }], /options\.session is ""/],
    ['bad parameters', ['hash', () => 1, { parameters: { a: 'string' } }], /\(unsupportedType\)/],
    ['no parameter', ['hash', () => 1, { parameters: [null] }], /\(unsupportedType\)/],
    [
      'a parameter that is there twice',
      ['hash', () => 1, { parameters: [{ name: 'a' }, { name: 'b' }, { name: 'a' }] }],
      /options\.parameters names "a" twice/,
    ],
    ['a bad description', ['hash', () => 1, { description: 5 }], /\(unsupportedType\)/],
    ['a name that is taken', ['taken', () => 1], /there is a tool "taken" already/],
  ])('[I5.6] %s is refused', (_, args, message) => {
    const { tools } = bench();
    tools.register('taken', () => 1);
    const register = (...given: unknown[]): unknown => Reflect.apply(tools.register, tools, given);
    expect(() => register(...args)).toThrow(message);
    expect(() => register(...args)).toThrow(/^\[INVALID_ARGUMENT\]/);
  });

  test('[I5.6] a function for a session comes before that of all, and needs the session to live', async () => {
    const { tools, call } = bench();
    tools.register('hash', () => 'of all');
    tools.register('hash', () => 'of s1', { session: 's1' });
    expect(await call('hash', {}, { session: 's1' })).toBe('of s1');
    expect(await call('hash', {}, { session: 's2' })).toBe('of all');
    expect(() => tools.register('hash', () => 1, { session: 's2' })).toThrow(
      /options\.session is "s2", and no session with that id lives/,
    );
  });
});
