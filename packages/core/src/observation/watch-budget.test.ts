import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { fromCallback, setup, type AnyEventObject } from 'xstate';
import { defineStatechart } from '../behaviours/statechart.ts';
import { silentLogger } from '../logger.ts';
import type { Pid } from '../process/pid.ts';
import { createSystem, type ActorSystem } from '../system.ts';
import type { WatchedRecord } from './message-record.ts';
import { counter, door } from './recorded.fixture.ts';
import { WatchBudget } from './watch-budget.ts';

const messages = 20_000;

/** How many records a watch with a limit of one a second may show, from now until this is asked. */
function allowance(): () => number {
  const beganMs = performance.now();
  return () => 1 + Math.floor((performance.now() - beganMs + 10) / 1_000);
}

interface Limited {
  readonly system: ActorSystem;
  readonly told: WatchedRecord[];
  readonly missed: number[];
}

async function limited(act: (parts: Limited) => Promise<void>): Promise<void> {
  const system = createSystem({ logger: silentLogger });
  try {
    await act({ system, told: [], missed: [] });
  } finally {
    await system.stop();
  }
}

/** Watches with a limit, and notes what was shown and what was missed. */
function watch({ system, told, missed }: Limited, pid: Pid, perSecond: number): () => void {
  const note = (record: WatchedRecord): void => {
    told.push(record);
  };
  return system.records.watch(pid, note, { perSecond, missed: (of) => missed.push(of) });
}

describe('the budget of a watch', () => {
  test('[I6.6] is a quarter of a second at once, then as time goes by, never more', () => {
    let nowMs = 0;
    const budget = new WatchBudget(400, () => nowMs);
    const taken = (): number => {
      let count = 0;
      while (budget.has(0) && budget.take()) count += 1;
      return count;
    };
    expect(taken()).toBe(100);
    expect(taken()).toBe(0);
    nowMs = 10;
    expect(taken()).toBe(4);
    nowMs = 60_000;
    expect(budget.has(0.5)).toBe(true);
    expect(taken()).toBe(100);
    nowMs += 100;
    expect([budget.has(0.5), budget.has(0.25)]).toEqual([false, true]);
  });

  test('grows by time for who only takes, too: somebody else may have wanted it', () => {
    let nowMs = 0;
    const budget = new WatchBudget(4, () => nowMs);
    expect([budget.take(), budget.take()]).toEqual([true, false]);
    nowMs = 250;
    expect([budget.take(), budget.take()]).toEqual([true, false]);
  });

  test('keeps of a budget of one nothing back', () => {
    const budget = new WatchBudget(1, () => 0);
    expect([budget.has(0.5), budget.take(), budget.take(), budget.has(0)]).toEqual([
      ...[true, true, false, false],
    ]);
  });
});

describe('who watches with a limit', () => {
  test('[I6.6] is shown a sample of too much, and told of all others; the last one is in it', () =>
    limited(async (parts) => {
      const { system, told, missed } = parts;
      const server = await system.start(counter, 0);
      const end = watch(parts, server.pid, 400);
      const began = performance.now();
      for (let index = 0; index < messages; index += 1) server.cast.add(1);
      expect(await server.call.add(0)).toBe(messages);
      const seconds = (performance.now() - began) / 1_000;
      expect(told.length + missed.length).toBe(messages + 1);
      // The time between two looks at the clock may count for both sides.
      expect(told.length).toBeLessThanOrEqual(102 + Math.ceil(400 * seconds));
      expect(new Set(missed)).toEqual(new Set([server.pid.id]));
      // Each that is shown is shown whole.
      expect(told[0]).toMatchObject({ event: 'add', state: 1, waitedMs: expect.any(Number) });
      expect(told.at(-1)).toMatchObject({ kind: 'call', state: messages });
      expect(told.at(-1)?.sent).toMatchObject([{ kind: 'reply', event: 'add' }]);
      end();
      expect(system.runtime.recorder).toBeUndefined();
    }));

  test('[I6.6] is shown what a process ended with, even when nothing is left', () =>
    limited(async (parts) => {
      const { system, told, missed } = parts;
      const server = await system.start(counter, 0);
      const allowed = allowance();
      watch(parts, server.pid, 1);
      await server.call.add(1);
      for (let index = 0; index < 10; index += 1) server.cast.add(1);
      server.cast.fail();
      await system.awaitExit(server.pid);
      expect(told.at(-1)).toMatchObject({
        event: 'fail',
        outcome: 'crashed',
        message: { type: 'fail' },
      });
      expect(told.length + missed.length).toBe(12);
      // The end is shown in any case.
      expect(told.length).toBeLessThanOrEqual(allowed() + 1);
    }));

  test('takes nothing from who wants to see all', () =>
    limited(async (parts) => {
      const { system, told, missed } = parts;
      const server = await system.start(counter, 0);
      const all: WatchedRecord[] = [];
      system.records.watch(server.pid, (record) => {
        all.push(record);
      });
      watch(parts, server.pid, 1);
      for (let index = 0; index < 500; index += 1) server.cast.add(1);
      await server.call.add(0);
      expect(all.length).toBe(501);
      expect(all.every(({ waitedMs }) => waitedMs !== undefined)).toBe(true);
      expect(told.length + missed.length).toBe(501);
    }));

  test('[I6.6] goes on being shown some while somebody else sees all', () =>
    limited(async (parts) => {
      const { system, told } = parts;
      const server = await system.start(counter, 0);
      system.records.watch(server.pid, () => undefined);
      watch(parts, server.pid, 20);
      // Five at once, and from then on one each 50 ms.
      const deadline = performance.now() + 5_000;
      while (told.length < 8 && performance.now() < deadline) {
        await server.call.add(1);
        await setTimeout(5);
      }
      expect(told.length).toBeGreaterThanOrEqual(8);
    }));

  test('[I6.6] is told, too, of those left out that a chart postpones', () =>
    limited(async (parts) => {
      const { system, told, missed } = parts;
      const pid = await system.start(door);
      const allowed = allowance();
      watch(parts, pid, 1);
      for (let sent = 0; sent < 10; sent += 1) system.send(pid, { type: 'paint' });
      expect(told.length).toBeLessThanOrEqual(allowed());
      for (const one of told) expect([one.event, one.outcome]).toEqual(['paint', 'postponed']);
      expect(missed).toEqual(Array.from({ length: 10 - told.length }, () => pid.id));
    }));

  test('[I6.6] sees what a chart gives itself as a part of the message in hand, or misses it with that', () =>
    limited(async (parts) => {
      const { system, told, missed } = parts;
      let give: (event: AnyEventObject) => void = () => undefined;
      const chatty = defineStatechart(
        setup({
          actors: {
            voice: fromCallback(({ sendBack }) => {
              give = sendBack;
            }),
          },
          actions: {
            answer: () => {
              give({ type: 'answered' });
            },
          },
        }).createMachine({
          id: 'chatty',
          invoke: { src: 'voice' },
          initial: 'quiet',
          states: {
            quiet: { on: { ask: { target: 'asked', actions: 'answer' } } },
            asked: { on: { answered: 'quiet' } },
          },
        }),
      );
      const pid = await system.start(chatty);
      const allowed = allowance();
      watch(parts, pid, 1);
      for (let sent = 0; sent < 10; sent += 1) system.send(pid, { type: 'ask' });
      while (system.processInfo(pid)?.mailboxLength !== 0) await setImmediate();
      expect(told[0]?.steps.map(({ event }) => event)).toEqual(['ask', 'answered']);
      expect(new Set(told.map(({ kind, event }) => `${kind} ${event}`))).toEqual(
        new Set(['info ask']),
      );
      expect(told.length + missed.length).toBe(10);
      expect(told.length).toBeLessThanOrEqual(allowed());
    }));

  test('is dropped when it fails to hear what it missed; nobody else is harmed', () =>
    limited(async ({ system }) => {
      const server = await system.start(counter, 0);
      system.records.watch(server.pid, () => undefined, {
        perSecond: 1,
        missed: () => {
          throw new Error('I cannot hear you');
        },
      });
      for (let index = 0; index < 10; index += 1) server.cast.add(1);
      expect(await server.call.add(0)).toBe(10);
      expect(system.runtime.recorder).toBeUndefined();
    }));

  test.each([0, -1, 1.5, Number.NaN])('cannot want %p records a second', (perSecond) =>
    limited(async ({ system }) => {
      const { pid } = await system.start(counter, 0);
      expect(() =>
        system.records.watch(pid, () => undefined, { perSecond, missed: () => undefined }),
      ).toThrow(/limit of a watch/);
    }),
  );
});
