import { describe, expect, test } from '@jest/globals';
import { type Pid } from '../index.ts';
import { probe, quietSystem } from '../probe.fixture.ts';

describe('system.processes', () => {
  test('walks over the processes themselves: nothing is made, and what is shown is live', async () => {
    const system = quietSystem();
    const { pid, call } = await system.start(probe);
    const [first] = system.processes();
    expect(first).toBe(system.processInfo(pid));
    expect([...system.processes()][0]).toBe(first);
    const before = first?.turns;
    const child = (await call.runNow((self) => self.spawnLink(probe))) as Pid;
    expect(first).toMatchObject({ linkedPids: [child], mailboxLength: 0, stateValue: 'waiting' });
    expect(first?.turns).toBe((before ?? 0) + 1);
    expect(first?.recent).toEqual([{ kind: 'call', type: 'runNow', agoMs: expect.any(Number) }]);
  });
});
