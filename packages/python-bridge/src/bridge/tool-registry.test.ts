import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import { describeToolError, toolRegistry } from './tool-registry.ts';
import type { NewTool, RegisterResult, ToolPlace } from './tool-registry.ts';

const local: ToolPlace = { kind: 'local', run: () => 1, exposedToPython: true };

function tool(name: string, place: ToolPlace = local): NewTool {
  return { name, place };
}

async function startRegistry() {
  const system = createSystem({ logger: silentLogger });
  return { system, registry: await system.start(toolRegistry) };
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

  test('tools of sessions and workers that are gone are forgotten', async () => {
    const { system, registry } = await startRegistry();
    const remote: ToolPlace = { kind: 'remote', worker: 'w1' };
    await registry.call.register({ batch: [tool('here'), tool('there', remote)] });
    await registry.call.register({ session: 's1', batch: [tool('own')] });
    registry.cast.forgetSessions(['s1', '']);
    registry.cast.forgetWorker('w1');
    expect((await registry.call.list('s1')).map(({ name }) => name)).toEqual(['here']);
    expect(await registry.call.unregister({ name: 'here' })).toBe(true);
    expect(await registry.call.unregister({ name: 'here' })).toBe(false);
    expect(await registry.call.unregister({ session: 'none', name: 'here' })).toBe(false);
    await system.stop();
  });
});
