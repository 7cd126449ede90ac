import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import { describeToolError, toolRegistry } from './tool-registry.ts';
import { createToolTable } from './tool-table.ts';
import type { NewTool, RegisterResult } from './tool-table.ts';

const local = { kind: 'local', run: () => 1, exposedToPython: true } as const;

function tool(name: string, place: NewTool['place'] = local): NewTool {
  return { name, place };
}

async function startRegistry() {
  const system = createSystem({ logger: silentLogger });
  return { system, registry: await system.start(toolRegistry, createToolTable()) };
}

function why(result: RegisterResult): string {
  return result.ok ? 'registered' : describeToolError(result.error);
}

describe('toolRegistry', () => {
  test("a session's own tool comes before the one of all sessions", async () => {
    const { system, registry } = await startRegistry();
    await registry.call.register({ batch: [tool('hash'), tool('now')] });
    await registry.call.register({ session: 's1', batch: [tool('hash')] });
    expect(await registry.call.find({ session: 's1', name: 'hash' })).toMatchObject({
      session: 's1',
    });
    expect(await registry.call.find({ session: 's2', name: 'hash' })).toMatchObject({
      session: '',
    });
    expect(await registry.call.find({ session: 's1', name: 'none' })).toBeUndefined();
    const visible = await registry.call.list('s1');
    expect(visible.map(({ name, session }) => `${session}/${name}`)).toEqual(['s1/hash', '/now']);
    await system.stop();
  });

  test('a batch is registered as a whole or not at all', async () => {
    const { system, registry } = await startRegistry();
    const inside = await registry.call.register({ batch: [tool('a'), tool('b'), tool(' a ')] });
    expect(why(inside)).toBe('there is a tool "a" already');
    expect(await registry.call.list('')).toEqual([]);
    await registry.call.register({ session: 's', batch: [tool('a')] });
    const against = await registry.call.register({ session: 's', batch: [tool('b'), tool('a')] });
    expect(why(against)).toBe('there is a tool "a" already in session "s"');
    expect(await registry.call.find({ session: 's', name: 'b' })).toBeUndefined();
    await system.stop();
  });

  test.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['x'.repeat(65), 'tooLong'],
    ['-x', 'invalidFormat'],
    ['ä', 'invalidFormat'],
    ['a b', 'invalidFormat'],
  ])('the name %j is refused: %s', async (name, fault) => {
    const { system, registry } = await startRegistry();
    const result = await registry.call.register({ batch: [tool(name)] });
    expect(result).toMatchObject({ ok: false, error: { kind: 'invalidToolName', fault } });
    expect(why(result)).toContain('1 to 64 letters, digits, "_", "." or "-"');
    await system.stop();
  });

  test('metadata is bounded and of texts', async () => {
    const { system, registry } = await startRegistry();
    const withMetadata = async (metadata: Record<string, unknown>): Promise<string> =>
      why(
        await registry.call.register({
          batch: [{ ...tool('a'), metadata: metadata as Record<string, string> }],
        }),
      );
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`k${index}`, '']));
    expect(await withMetadata(many)).toContain('(tooManyEntries)');
    expect(await withMetadata({ k: 'x'.repeat(4096) })).toContain('(tooLarge)');
    expect(await withMetadata({ k: 1 })).toContain('(unsupportedType)');
    expect(await withMetadata({ k: 'v' })).toBe('registered');
    await system.stop();
  });

  test('[I5.6] what is registered outlives the process that answers for it', async () => {
    const system = createSystem({ logger: silentLogger });
    const table = createToolTable();
    table.register('', [tool('hash')]);
    for (let life = 0; life < 2; life++) {
      const registry = await system.start(toolRegistry, table);
      expect(await registry.call.find({ session: 's', name: 'hash' })).toMatchObject({
        name: 'hash',
      });
      system.exit(registry.pid, { kind: 'kill' });
    }
    await system.stop();
  });
});

describe('createToolTable', () => {
  const workers = {
    runnerOf: (label: string) => (label === 'p/w1' ? { worker: label, run: () => 1 } : undefined),
  };

  test('[I5.6] tools of sessions that are gone are forgotten', () => {
    const table = createToolTable({ workers, limits: { total: 3 } });
    const remote = { kind: 'remote', worker: 'p/w1' } as const;
    table.register('', [tool('here'), tool('there', remote)]);
    table.register('s1', [tool('own')]);
    expect(why(table.register('s2', [tool('more')]))).toBe('there would be more than 3 tools');
    table.forgetSessions(['s1', '', 'none']);
    expect(table.list('s1').map(({ name }) => name)).toEqual(['here', 'there']);
    // Their room is free again.
    expect(why(table.register('s2', [tool('more')]))).toBe('registered');
  });

  test('[I5.6] a tool is taken back once, and never one that came in its place', () => {
    const table = createToolTable();
    table.register('', [tool('hash')]);
    const first = table.find('', 'hash');
    if (first === undefined) throw new Error('not registered');
    expect(table.unregister(first)).toBe(true);
    table.register('', [tool('hash')]);
    expect(table.unregister(first)).toBe(false);
    expect(table.find('', 'hash')).toBeDefined();
  });

  test('[I5.6] no session has more tools than allowed, and what is said of them is bounded', () => {
    const table = createToolTable({ limits: { perSession: 2 } });
    expect(why(table.register('s', [tool('a'), tool('b'), tool('c')]))).toBe(
      'there would be more than 2 tools in session "s"',
    );
    expect(table.list('s')).toEqual([]);
    const described = (more: object): string =>
      why(createToolTable().register('', [{ ...tool('a'), ...more }]));
    expect(described({ description: 'x'.repeat(16_385) })).toContain('(tooLarge)');
    const parameters = Array.from({ length: 101 }, (_, index) => ({ name: `p${index}` }));
    expect(described({ parameters })).toContain('(tooManyEntries)');
    expect(described({ parameters: { data: 'string' } })).toContain('(unsupportedType)');
    expect(described({ parameters: [{ type: 'string' }] })).toContain('(unsupportedType)');
    expect(described({ parameters: [{ name: 'a', required: 'yes' }] })).toContain('(unsupported');
    expect(described({ parameters: [{ name: 'a', required: true }] })).toBe('registered');
  });
});
