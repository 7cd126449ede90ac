import { describe, expect, test } from '@jest/globals';
import { createSystem, exitReason, lifeEvent, silentLogger } from '@snakepit/core';
import type { Pid } from '@snakepit/core';
import { keeper, light, parent } from './actors.fixture.ts';
import { observe } from './observe.ts';
import type { ActorRow } from './protocol.ts';
import { agrees, expectNoGap, numbers, observed } from './table-truth.fixture.ts';
import { ask, eventually, open, read, tokenOf, type Reader } from './viewer.fixture.ts';

function rowOf(reader: Reader, pid: Pid): ActorRow | undefined {
  return reader.mirror.rows.get(pid.id);
}

describe('the stream', () => {
  test('[I6.6] begins with who it is, then the whole table, parents first, then what changes', () =>
    observed(async (observer, system) => {
      const top = await system.start(parent, undefined, { name: 'top' });
      const below = await top.call.spawn('data');
      const lamp = await system.start(light, undefined, { name: 'lamp' });
      const reader = await read(observer);
      await agrees(reader, system);

      expect(reader.lines[0]).toMatchObject({
        k: 'hello',
        v: 1,
        epoch: expect.stringMatching(/^[\w-]{12}$/),
        system: 'system',
        pid: process.pid,
        node: process.version,
        xstate: '5.33.3',
        hz: 20,
        can: { act: false, context: 'full' },
      });
      expect(numbers(reader.lines)[0]?.[0]).toBe('snap');
      expect([...reader.mirror.rows.keys()]).toEqual([top.pid.id, below.id, lamp.id]);
      expect(rowOf(reader, below)).toMatchObject({
        parent: top.pid.id,
        path: `top/keeper<${String(below.id)}>`,
        name: `keeper<${String(below.id)}>`,
        inc: 1,
        kind: 'genServer',
        status: 'waiting',
        os: null,
      });
      const before = rowOf(reader, lamp);
      expect(before).toMatchObject({ path: 'lamp', kind: 'statechart', value: 'off', last: null });

      system.send(lamp, { type: 'toggle' });
      const on = await reader.until(() => {
        const row = rowOf(reader, lamp);
        return row?.value === 'on' ? row : undefined;
      });
      expect(on.last).toBe('toggle');
      expect(on.since).toBeGreaterThan(before?.since ?? Infinity);
      expect(on.lastAt).toBeLessThanOrEqual(on.since);

      system.exit(lamp, exitReason.kill);
      await reader.until(() => (rowOf(reader, lamp) === undefined ? true : undefined));
      const [, reason = -1, at = 0] =
        reader.lines
          .flatMap((line) => (line.k === 'delta' ? line.del : []))
          .find(([pid]) => pid === lamp.id) ?? [];
      expect(reader.mirror.text(reason)).toBe('killed');
      expect(at).toBeGreaterThan(on.since);
      expectNoGap(reader.lines);
    }));

  test('[I6.6] tells of a life before the delta that shows it', () =>
    observed(async (observer, system) => {
      const earlier = await system.start(keeper, 0, { name: 'earlier' });
      const reader = await read(observer);
      await agrees(reader, system);
      const history = reader.lines.findIndex(({ k }) => k === 'life');
      expect(history).toBeLessThan(reader.lines.findIndex(({ k }) => k === 'snap'));
      expect(reader.lines[history]).toMatchObject({
        list: [expect.objectContaining({ what: 'started', path: 'earlier', pid: earlier.pid.id })],
      });

      earlier.cast.crash();
      await reader.until(() => (reader.mirror.rows.size === 0 ? true : undefined));
      const deaths = reader.lines.findIndex((line) => line.k === 'delta' && line.del.length > 0);
      const told = reader.lines.findIndex(
        (line) => line.k === 'life' && line.list.some(({ what }) => what === 'exited'),
      );
      expect(told).toBe(deaths - 1);
      expect(reader.lines[told]).toMatchObject({
        list: [
          expect.objectContaining({
            what: 'exited',
            path: 'earlier',
            reason: 'error(Error: told to crash)',
          }),
        ],
      });
      const successor = await system.start(keeper, 0, { name: 'earlier' });
      const row = await reader.until(() => rowOf(reader, successor.pid));
      expect(row.path).toBe('earlier');
    }));

  test('[I6.6] counts what was done between two deltas, for each reader the same', () =>
    observed(async (observer, system) => {
      const server = await system.start(keeper, 0);
      const readers = [await read(observer), await read(observer)];
      for (const reader of readers) await agrees(reader, system);
      for (let round = 0; round < 50; round += 1) await server.call.get();
      const turns = (reader: Reader): number =>
        reader.lines.reduce((sum, line) => sum + (line.k === 'delta' ? line.n.turns : 0), 0);
      for (const reader of readers) {
        await reader.until(() => (turns(reader) >= 50 ? true : undefined));
      }
      const deltas = (reader: Reader): string =>
        JSON.stringify(reader.lines.filter((line) => line.k === 'delta' && line.n.turns > 0));
      expect(new Set(readers.map(deltas)).size).toBe(1);
    }));

  test('[I6.6] goes on where a reader left off, if that is not too long ago', () =>
    observed(async (observer, system) => {
      const first = await read(observer, '?viewer=page');
      await agrees(first, system);
      await system.start(keeper, 1);
      await first.until(() => (first.mirror.rows.size === 1 ? true : undefined));
      first.leave();
      await first.ended;
      await system.start(keeper, 2);
      const { seq, epoch } = first.mirror;
      const back = await read(
        observer,
        `?viewer=page&since=${String(seq)}&epoch=${epoch}`,
        first.mirror,
      );
      await agrees(back, system);
      expect(back.lines.some(({ k }) => k === 'snap')).toBe(false);
      expect(numbers(back.lines)[0]).toEqual(['delta', seq + 1]);

      const stranger = await read(observer, `?since=${String(seq)}&epoch=another`);
      await agrees(stranger, system);
      expect(stranger.lines.some(({ k }) => k === 'snap')).toBe(true);
      for (const reader of [back, stranger]) reader.leave();
    }));

  test('[I6.6] tells who comes back too late that something is missing', () =>
    observed(async (observer, system) => {
      const first = await read(observer);
      await first.until(() => first.lines.find(({ k }) => k === 'snap'));
      const { seq: stale, epoch } = first.mirror;
      first.leave();
      // More deltas than are kept: each look finds somebody new.
      for (let round = 0; round < 270; round += 1) {
        const { pid } = await system.start(keeper, 1);
        await ask(observer, `/api/actor?pid=${String(pid.id)}`);
      }
      const late = await read(observer, `?since=${String(stale)}&epoch=${epoch}`);
      await agrees(late, system);
      expect(late.lines.find(({ k }) => k === 'gap')).toMatchObject({ why: 'ring', from: stale });
      expectNoGap(late.lines);
      late.leave();
    }));

  test('[I6.6] one who does not read is not queued for: it gets one table when it does', () =>
    observed(async (observer, system) => {
      // With names so long that a few deltas are more than all buffers on the way hold.
      const pids = Array.from({ length: 200 }, (_, index) =>
        system.spawn(keeper, index, { name: `${'long '.repeat(1_500)}${String(index)}` }),
      );
      const slow = await read(observer);
      await agrees(slow, system);
      slow.stall();
      const heap = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
      const other = await read(observer);
      for (let round = 0; round < 6; round += 1) {
        for (const pid of pids) system.send(pid, round);
        const seen = numbers(other.lines).length;
        await other.until(() => (numbers(other.lines).length > seen ? true : undefined));
        other.lines.length = 0;
      }
      const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - heap;
      expect(grown).toBeLessThan(200_000_000);
      const before = slow.lines.length;
      slow.goOn();
      await slow.until(() => slow.lines.slice(before).find(({ k }) => k === 'snap'));
      await agrees(slow, system);
      const since = slow.lines.slice(before);
      expect(since.filter(({ k }) => k === 'gap')).toHaveLength(1);
      expect(since.find(({ k }) => k === 'gap')).toMatchObject({ why: 'slow' });
      expect(since.filter(({ k }) => k === 'snap')).toHaveLength(1);
      expectNoGap(slow.lines);
      for (const reader of [slow, other]) reader.leave();
    }));
});

test('[I6.6] each life record is told once, also to one for whom there was too much when it came back', () =>
  observed(async (observer, system) => {
    const births = ({ lines }: Reader): readonly number[] =>
      lines.flatMap((line) => (line.k === 'life' ? line.list.map(({ seq }) => seq) : []));
    const first = await read(observer);
    await agrees(first, system);
    const other = await read(observer);
    first.leave();
    await first.ended;
    // Deltas that are kept, just so, and are together more than all buffers on the way hold.
    for (let round = 1; round <= 3; round += 1) {
      for (let index = 0; index < 27; index += 1) {
        const name = `${String(round)}-${String(index)}`;
        system.spawn(keeper, 0, { name: name.padEnd(30_000, '.') });
      }
      await other.until(() => (births(other).length === round * 27 ? true : undefined));
    }
    const { seq, epoch } = first.mirror;
    const back = await read(observer, `?since=${String(seq)}&epoch=${epoch}`, first.mirror);
    await agrees(back, system);
    expect(numbers(back.lines)[0]).toEqual(['delta', seq + 1]);
    expect(back.lines.some(({ k }) => k === 'gap')).toBe(true);
    expect(births(back)).toEqual(births(other));
    for (const reader of [back, other]) reader.leave();
  }));

test('[I6.6] what cannot be read of others is left out; looking harms nobody', async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
  // How long a turn takes says how busy this machine is.
  const system = createSystem({ logger, longTurnMs: Infinity });
  const observer = await observe(system, { hz: 20 });
  try {
    const lamp = await system.start(light);
    const { context } = system.processInfo(lamp)?.state as { readonly context: object };
    Object.defineProperty(context, 'window', {
      get: () => {
        throw new Error('not to be read');
      },
    });
    const reader = await read(observer);
    await reader.until(() => reader.lines.find(({ k }) => k === 'snap'));
    system.records.addLifeEvents([
      lifeEvent({
        event: 'snakepit.process.spawned',
        note: (_, { pid }) => ({
          what: 'odd',
          pid,
          path: 'odd',
          details: { size: 5n, password: 'hunter2' },
        }),
      }),
    ]);
    const { pid } = await system.start(keeper, 0);
    await reader.until(() => reader.mirror.rows.get(pid.id));
    expect(reader.mirror.rows.get(lamp.id)).toMatchObject({ label: 'light', value: null });
    expect(
      reader.lines
        .flatMap((line) => (line.k === 'life' ? line.list : []))
        .find(({ what }) => what === 'odd'),
    ).toMatchObject({ details: { size: '5n', password: '[redacted]' } });
    expect(warnings).toEqual([]);

    const walk = system.processes.bind(system);
    let isBroken = true;
    system.processes = () => {
      if (isBroken) throw new Error('no list');
      return walk();
    };
    await eventually(() => warnings.length > 0, 'a look has failed');
    isBroken = false;
    const later = await system.start(keeper, 0);
    await reader.until(() => reader.mirror.rows.get(later.pid.id));
    expect(reader.mirror.rows.size).toBe(3);
    expect(warnings).toEqual(['a look at the system failed']);
    reader.leave();
  } finally {
    await system.stop();
  }
});

test('[I6.6] a stream that is not read at all holds up nobody else', () =>
  observed(async (observer, system) => {
    const dead = await open(observer, '/api/live', {});
    await system.start(keeper, 1);
    expect((await ask(observer, '/api/incidents')).status).toBe(200);
    expect(tokenOf(observer)).not.toBe('');
    dead.destroy();
  }));
