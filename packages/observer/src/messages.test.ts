import { describe, expect, test } from '@jest/globals';
import type { ExecutedCall } from '@snakepit/core';
import { keeper, light, parent } from './actors.fixture.ts';
import type { Handled } from './protocol.ts';
import { agrees, observed } from './table-truth.fixture.ts';
import { ask, read, type Reader } from './viewer.fixture.ts';

describe('messages', () => {
  const records = (reader: Reader): readonly Handled[] =>
    reader.lines.flatMap((line) => (line.k === 'rec' ? line.list : []));

  test('[I6.6] are told to who watches the process, with transitions, guards and actions', () =>
    observed(async (observer, system) => {
      const lamp = await system.start(light, undefined, { name: 'lamp' });
      const other = await system.start(keeper, 0);
      const reader = await read(observer, '?viewer=me');
      await agrees(reader, system);
      const answer = await ask(observer, '/api/watch', {
        body: { viewer: 'me', pids: [lamp.id, 4_711] },
      });
      expect(answer.json).toEqual({ watching: [lamp.id] });
      system.send(other.pid, 'unwatched');
      system.send(lamp, { type: 'toggle', password: 'hunter2' });
      const [record] = await reader.until(() =>
        records(reader).length > 0 ? records(reader) : undefined,
      );
      expect(record).toMatchObject({
        actor: lamp.id,
        from: null,
        kind: 'info',
        event: 'toggle',
        body: { type: 'toggle', password: '[redacted]' },
        outcome: 'handled',
        value: 'on',
        steps: [{ source: 'light.off', event: 'toggle', targets: ['light.on'], guard: 'isNew' }],
        actions: expect.arrayContaining(['count']),
      });
      await ask(observer, '/api/watch', { body: { viewer: 'me', pids: [] } });
      reader.leave();
    }));

  test('[I6.6] of one and all below it; what is too much is counted, never hidden', () =>
    observed(async (observer, system) => {
      const top = await system.start(parent, undefined);
      const below = await top.call.spawn(0);
      const reader = await read(observer, '?viewer=me');
      const { json } = await ask(observer, '/api/watch', {
        body: { viewer: 'me', pids: [], tree: top.pid.id },
      });
      expect(json).toEqual({ watching: [top.pid.id, below.id] });
      for (let index = 0; index < 5_000; index += 1) system.send(below, index);
      const dropped = (): number =>
        reader.lines.reduce((sum, line) => sum + (line.k === 'rec' ? line.dropped : 0), 0);
      await reader.until(() => (records(reader).length + dropped() === 5_000 ? true : undefined));
      expect(dropped()).toBeGreaterThan(1_000);
      const whose = reader.lines.flatMap((line) =>
        line.k === 'rec' ? (line.droppedOf ?? []) : [],
      );
      expect(new Set(whose.map(([pid]) => pid))).toEqual(new Set([below.id]));
      expect(whose.reduce((sum, [, count]) => sum + count, 0)).toBe(dropped());
      // What is told is what happened last.
      expect(records(reader).at(-1)).toMatchObject({ actor: below.id, body: 4_999 });
      reader.leave();
    }));

  test('[I6.6] large ones are shown as far as there is room for all of a look, the last ones first', () =>
    observed(async (observer, system) => {
      const server = await system.start(keeper, 0);
      const reader = await read(observer, '?viewer=me');
      await agrees(reader, system);
      await ask(observer, '/api/watch', { body: { viewer: 'me', pids: [server.pid.id] } });
      const large = Array.from({ length: 100 }, () => 'x'.repeat(1_900));
      for (let index = 0; index < 50; index += 1) system.send(server.pid, { index, large });
      await reader.until(() => (records(reader).length === 50 ? true : undefined));
      // Mostly it is one look; the last one of each is whole.
      const looks = reader.lines.flatMap((line) => (line.k === 'rec' ? [line.list] : []));
      for (const list of looks) {
        expect(JSON.stringify(list).length).toBeLessThan(400_000);
        expect(list.at(-1)).toMatchObject({ actor: server.pid.id, body: { large } });
      }
      const crowded = looks.filter(({ length }) => length > 2);
      expect(crowded.length).toBeGreaterThan(0);
      for (const [first] of crowded) expect(first).toMatchObject({ body: '[cut: too much]' });
      expect(records(reader).at(-1)).toMatchObject({ body: { index: 49 } });
      reader.leave();
    }));

  test('[I6.6] calls that a watched process executes for others are told as what they are, until nobody watches', () =>
    observed(async (observer, system) => {
      const worker = await system.start(keeper, 0, { name: 'worker' });
      const caller = await system.start(keeper, 0, { name: 'caller' });
      const heard: (readonly [string, (call: ExecutedCall) => void])[] = [];
      const ended: string[] = [];
      system.observation.addSource({
        name: 'python',
        calls: ({ name = '' }, listener) => {
          if (name !== 'worker') return undefined;
          heard.push([name, listener]);
          return () => ended.push(name);
        },
      });
      system.observation.addSource({
        name: 'broken',
        calls: () => {
          throw new Error('no');
        },
      });
      const reader = await read(observer, '?viewer=me');
      await agrees(reader, system);
      const pids = [worker.pid.id, caller.pid.id];
      await ask(observer, '/api/watch', { body: { viewer: 'me', pids } });
      const [[, tell] = ['', () => undefined]] = heard;
      const call = { name: 'add', from: caller.pid, atMs: 5, waitedMs: 1, tookMs: 2 };
      tell({ ...call, error: undefined });
      tell({ ...call, from: undefined, error: 'PYTHON_EXCEPTION' });
      const told = await reader.until(() =>
        records(reader).length === 2 ? records(reader) : undefined,
      );
      const common = { t: 5, waitedMs: 1, tookMs: 2, actor: worker.pid.id, event: 'add' };
      expect(told).toEqual([
        expect.objectContaining({
          ...{ ...common, seq: -1, from: caller.pid.id, kind: 'call', outcome: 'handled' },
        }),
        expect.objectContaining({
          ...{ ...common, seq: -2, from: null, outcome: 'failed', error: 'PYTHON_EXCEPTION' },
        }),
      ]);
      // As many as anybody may make: no more are told at once than of messages.
      for (let made = 0; made < 1_000; made += 1) tell({ ...call, error: undefined });
      await reader.until(() => (records(reader).length === 202 ? true : undefined));
      const dropped = reader.lines.map((line) => (line.k === 'rec' ? line.dropped : 0));
      expect(Math.max(...dropped)).toBe(800);
      expect(ended).toEqual([]);
      await ask(observer, '/api/watch', { body: { viewer: 'me', pids: [] } });
      expect([heard.length, ended]).toEqual([1, ['worker']]);
      reader.leave();
    }));

  test.each([
    [404, { viewer: 'nobody', pids: [] }],
    [404, { pids: [] }],
    [400, { viewer: 'me', pids: 'all' }],
    [400, { viewer: 'me', pids: [-1] }],
    [400, { viewer: 'me', pids: Array.from({ length: 201 }, (_, index) => index) }],
  ])('[I6.6] are refused (%d) for %j', (status, body) =>
    observed(async (observer) => {
      const reader = await read(observer, '?viewer=me');
      expect((await ask(observer, '/api/watch', { body })).status).toBe(status);
      reader.leave();
    }),
  );
});
