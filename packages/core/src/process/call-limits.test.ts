import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason } from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

describe('time limits of calls', () => {
  test('only a call that is not answered at once takes a timer, and it ends with the call', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const [a, b] = [await system.start(probe, {}), await system.start(probe, {})];
    await a.call.seen();
    await system.call(a, { type: 'seen' });
    expect(clock.pending).toBe(0);
    let finish: () => void = () => undefined;
    const busy = b.call.run(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const hasty = reasonOf(system.call(b, { type: 'seen' }, { timeout: 10 }));
    await settle();
    // Asked of a process that is busy already, where nobody has a turn.
    const patient = system.call(b, { type: 'seen' }, { timeout: 20 });
    await settle();
    expect(clock.pending).toBe(3);
    await clock.advance(10);
    await expect(hasty).resolves.toEqual(exitReason.timeout);
    expect(clock.pending).toBe(2);
    finish();
    await busy;
    await expect(patient).resolves.toEqual([]);
    expect(clock.pending).toBe(0);
    await system.stop();
  });
});
