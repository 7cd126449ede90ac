import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  noreply,
  ok,
  reply,
  sys,
  type Next,
  type TestClock,
} from '../index.ts';
import { quietSystem, settle } from '../probe.fixture.ts';

/** A server that returns the timeout it is told to, and writes down when it gets one. */
async function setUp(first?: Next) {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const seen: unknown[] = [];
  const server = defineServer({
    init: () => ok('state', first),
    call: { arm: (state, timeout: number) => reply('armed', state, { timeout }) },
    cast: {
      arm: (state, timeout: number) => noreply(state, { timeout }),
      armLater: async (state, timeout: number) => {
        await settle(1);
        return noreply(state, { timeout });
      },
      touch: (state) => noreply(state),
    },
    info: (state, message) => {
      seen.push([message, clock.now()]);
      return noreply(state);
    },
  });
  const ref = await system.start(server);
  return { clock, system, seen, ref };
}

const timedOut = (atMs: number): readonly unknown[] => [{ type: 'timeout' }, atMs];

async function pass(clock: TestClock, ms: number): Promise<void> {
  await clock.advance(ms);
}

describe('a state timeout', () => {
  test.each(['call', 'cast', 'init', 'await'])(
    '[GEN-032] returned from %s gives info a timeout when no message came for that long, once',
    async (from) => {
      const { clock, seen, ref } = await setUp(from === 'init' ? { timeout: 100 } : undefined);
      if (from === 'call') await ref.call.arm(100);
      if (from === 'cast') ref.cast.arm(100);
      if (from === 'await') ref.cast.armLater(100);
      await pass(clock, 99);
      expect(seen).toEqual([]);
      await pass(clock, 1);
      expect(seen).toEqual([timedOut(100)]);
      await pass(clock, 1_000);
      expect(seen).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );

  test('[GEN-032] any message cancels it; it must be returned again', async () => {
    const { clock, seen, ref } = await setUp({ timeout: 100 });
    await pass(clock, 60);
    ref.cast.touch();
    await pass(clock, 200);
    expect(seen).toEqual([]);
    ref.cast.arm(50);
    await pass(clock, 50);
    expect(seen).toEqual([timedOut(310)]);
  });

  test('[GEN-032] 0 is at once, but only when the mailbox is empty', async () => {
    const { clock, seen, ref } = await setUp();
    ref.cast.arm(0);
    ref.cast.touch();
    await pass(clock, 10);
    expect(seen).toEqual([]);
    ref.cast.arm(0);
    await pass(clock, 0);
    expect(seen).toEqual([timedOut(10)]);
  });

  test('[GEN-032] [SYS-009] a system message starts the whole time anew', async () => {
    const { clock, system, seen, ref } = await setUp();
    ref.cast.arm(100);
    await pass(clock, 60);
    expect(await sys.getState(system, ref)).toBe('state');
    await pass(clock, 99);
    expect(seen).toEqual([]);
    await pass(clock, 1);
    expect(seen).toEqual([timedOut(160)]);
  });

  test('[GEN-032] a system message in the mailbox delays 0, no more', async () => {
    const { clock, system, seen, ref } = await setUp();
    ref.cast.arm(0);
    const before = sys.replaceState(system, ref, () => seen.length);
    await pass(clock, 0);
    expect([await before, seen]).toEqual([0, [timedOut(0)]]);
  });

  test('[GEN-032] [SYS-003] suspended it does not run out; it starts anew on resume', async () => {
    const { clock, system, seen, ref } = await setUp({ timeout: 100 });
    await sys.suspend(system, ref);
    await pass(clock, 500);
    expect([seen, clock.pending]).toEqual([[], 0]);
    await sys.resume(system, ref);
    await pass(clock, 99);
    expect(seen).toEqual([]);
    await pass(clock, 1);
    expect(seen).toEqual([timedOut(600)]);
  });

  test('[GEN-032] Infinity is no timeout; the timer ends with the process', async () => {
    const { clock, system, ref } = await setUp({ timeout: Infinity });
    await settle();
    expect(clock.pending).toBe(0);
    ref.cast.arm(100);
    await settle();
    expect(clock.pending).toBe(1);
    system.exit(ref.pid, exitReason.kill);
    await system.awaitExit(ref.pid);
    expect(clock.pending).toBe(0);
  });

  test.each([-1, Number.NaN, 'soon'])('[GEN-032] %p is no time: the server ends', async (time) => {
    const { system, ref } = await setUp();
    const gone = system.awaitExit(ref.pid);
    ref.cast.arm(time as number);
    expect(await gone).toMatchObject({
      kind: 'error',
      error: { code: 'INVALID_ARGUMENT', details: { argument: 'the timeout of a server' } },
    });
  });
});
