import { describe, expect, test } from '@jest/globals';
import { setup } from 'xstate';
import { defineStatechart, exitReason, type StartResult } from '../index.ts';
import { probe, quietSystem, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');

describe('initialising', () => {
  const starting = setup({
    types: {
      input: {} as 'ready' | 'ignore' | 'fail' | 'at once',
      context: {} as { readonly way: string },
      events: {} as { type: 'go' } | { type: 'late' },
    },
  }).createMachine({
    id: 'starting',
    context: ({ input }) => ({ way: input }),
    initial: 'preparing',
    output: ({ context }) => (context.way === 'ignore' ? { ignore: true } : { reason: boom }),
    states: {
      preparing: {
        tags: 'initialising',
        always: { guard: ({ context }) => context.way === 'at once', target: 'ended' },
        on: { go: [{ guard: ({ context }) => context.way === 'ready', target: 'ready' }, 'ended'] },
      },
      ready: { on: { late: 'ended' } },
      ended: { type: 'final' },
    },
  });
  const behaviour = defineStatechart(starting);

  test.each<['ready' | 'ignore' | 'fail' | 'at once', (pid: unknown) => StartResult]>([
    ['ready', (pid) => ({ ok: true, pid }) as StartResult],
    ['ignore', () => ({ ok: true, pid: undefined })],
    ['fail', () => ({ ok: false, reason: boom })],
    ['at once', () => ({ ok: false, reason: boom })],
  ])('a start whose chart goes the way "%s" ends accordingly', async (way, expected) => {
    const system = quietSystem();
    const starter = await system.start(probe, { trapExit: true });
    const results: StartResult[] = [];
    const pid = await starter.call.runNow((self) =>
      self.startLink(behaviour, way, {}, (result) => results.push(result)),
    );
    await settle();
    if (way !== 'at once') expect(results).toEqual([]);
    system.send(pid as never, { type: 'go' });
    await settle();
    expect(results).toEqual([expected(pid)]);
    await system.stop();
  });

  test('output { ignore } after the start is an end as any', async () => {
    const system = quietSystem();
    const late = setup({ types: { events: {} as { type: 'go' } } }).createMachine({
      initial: 'ready',
      output: { ignore: true },
      states: { ready: { on: { go: 'ended' } }, ended: { type: 'final' } },
    });
    const pid = await system.start(late);
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'go' });
    await expect(gone).resolves.toEqual(exitReason.normal);
    await system.stop();
  });
});
