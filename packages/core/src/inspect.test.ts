import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { createSystem, defineServer, ok } from './index.ts';

describe('printed by console.log', () => {
  test('a system, a pid and a process show what they are, and not what they are made of', async () => {
    const system = createSystem({ name: 'shop' });
    const stock = defineServer({ name: 'stock', init: (apples: number) => ok({ apples }) });
    const { pid } = await system.start(stock, 10);
    expect(inspect({ system, pid })).toBe('{ system: [ActorSystem shop], pid: <1> }');
    expect(JSON.stringify({ pid })).toBe('{"pid":"<1>"}');
    const shown = inspect(system.processInfo(pid), { compact: true, breakLength: Infinity });
    expect(shown).toBe(
      "{ pid: <1>, name: undefined, label: 'stock', behaviour: 'genServer', parent: <0>, status: 'waiting', " +
        "stateValue: 'waiting', state: { apples: 10 }, mailboxLength: 0, linkedPids: [], monitorCount: 0, turns: 1 }",
    );
    await system.stop();
  });
});
