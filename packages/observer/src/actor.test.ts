import { describe, expect, test } from '@jest/globals';
import { createTestClock, sys } from '@snakepit/core';
import { keeper, light, quietSystem } from './actors.fixture.ts';
import { observe } from './observe.ts';
import type { ActorAnswer, ChartAnswer, Handled, PanelsAnswer, TurnsAnswer } from './protocol.ts';
import { observed } from './table-truth.fixture.ts';
import { ask, read } from './viewer.fixture.ts';

describe('one process', () => {
  test('[I6.6] is told with its context, chart, timers, mailbox and bonds', () =>
    observed(async (observer, system) => {
      const lamp = await system.start(light, undefined, { name: 'lamp' });
      system.send(lamp, { type: 'toggle' });
      const friend = system.spawn(keeper, 0, { link: lamp, monitor: lamp });
      const { status, json } = await ask(observer, `/api/actor?pid=${String(lamp.id)}`);
      expect(status).toBe(200);
      const answer = json as ActorAnswer;
      expect(answer).toMatchObject({
        row: { pid: lamp.id, path: 'lamp', inc: 1, kind: 'statechart', value: 'on' },
        context: { switched: 1, apiKey: '[redacted]' },
        active: expect.arrayContaining(['light.on']),
        timers: [{ kind: 'after', state: 'light.on', delayMs: 60_000 }],
        mailbox: [],
        postponed: [],
        trapExit: false,
        busySince: null,
        links: [friend.id],
        monitoring: [friend.id],
        monitoredBy: [],
        child: null,
        supervisor: null,
        recent: [expect.objectContaining({ kind: 'info', type: 'toggle' })],
        facts: {},
        actions: [],
      });
      expect(answer.timers[0]?.leftMs).toBeLessThanOrEqual(60_000);
      expect(answer.life).toContainEqual(
        expect.objectContaining({ what: 'started', path: 'lamp' }),
      );

      const drawn = await ask(observer, `/api/chart?hash=${String(answer.row.chart)}`);
      const { chart, layout } = drawn.json as ChartAnswer;
      expect(chart.states.map(({ id }) => id)).toEqual(['light', 'light.off', 'light.on']);
      expect(layout).toBeDefined();
      expect(drawn.headers['cache-control']).toContain('immutable');
    }));

  test('[I6.6] is told with what waits for it', () =>
    observed(async (observer, system) => {
      const server = await system.start(keeper, { token: 'abc', list: [1] });
      await sys.suspend(system, server);
      system.cast(server, { type: 'keep', argument: 7 } as never);
      system.send(server, { type: 'note', secret: 's' });
      const { json } = await ask(observer, `/api/actor?pid=${String(server.pid.id)}`);
      expect(json).toMatchObject({
        row: { status: 'suspended', mbox: 2 },
        context: { token: '[redacted]', list: [1] },
        mailbox: [
          { kind: 'cast', event: 'keep' },
          { kind: 'info', event: 'note', body: { type: 'note', secret: '[redacted]' } },
        ],
      });
    }));

  test('[I6.6] is told in no more than some hundred kB, whatever waits for it', () =>
    observed(async (observer, system) => {
      const server = await system.start(keeper, 0);
      await sys.suspend(system, server);
      const large = Array.from({ length: 100 }, () => 'x'.repeat(1_900));
      for (let index = 0; index < 50; index += 1) system.send(server, { type: 'note', large });
      const { text, json } = await ask(observer, `/api/actor?pid=${String(server.pid.id)}`);
      const { mailbox } = json as ActorAnswer;
      expect(text.length).toBeLessThan(400_000);
      expect(mailbox).toHaveLength(50);
      expect(mailbox[0]).toMatchObject({ event: 'note', body: { large } });
      expect(mailbox[49]).toMatchObject({ event: 'note', body: '[cut: too much]' });
    }));

  test('[I6.6] is told without its data, when that is not to be shown', async () => {
    for (const [context, expected] of [
      ['keys', ['name', 'password']],
      ['none', null],
    ] as const) {
      const system = quietSystem();
      const observer = await observe(system, { context });
      const { pid } = await system.start(keeper, { name: 'a', password: 'b' });
      const { json } = await ask(observer, `/api/actor?pid=${String(pid.id)}`);
      expect((json as ActorAnswer).context).toEqual(expected);
      await system.stop();
    }
  });

  test('[I6.6] shows what the sources know, also one that fails', () =>
    observed(async (observer, system) => {
      const worker = await system.start(keeper, 0, { name: 'w1' });
      system.observation.addSource({
        name: 'broken',
        describe: () => {
          throw new Error('no');
        },
        panels: () => {
          throw new Error('no');
        },
        actions: () => {
          throw new Error('no');
        },
      });
      system.observation.addSource({
        name: 'python',
        describe: ({ pid }) =>
          pid === worker.pid
            ? {
                role: 'worker',
                osPid: 4_711,
                rssBytes: 1_000_000,
                heartbeatMs: 3,
                inFlight: 2,
                restarts: 4,
                details: { phase: 'ready', apiKey: 'k' },
              }
            : undefined,
        panels: () => ({ pools: [{ name: 'default', queued: 3, token: 't' }] }),
      });
      const { json } = await ask(observer, `/api/actor?pid=${String(worker.pid.id)}`);
      expect(json).toMatchObject({
        row: { kind: 'worker', os: 4_711, rss: 1_000_000, hb: 3, inflight: 2, restarts: 4 },
        facts: { role: 'worker', details: { phase: 'ready', apiKey: '[redacted]' } },
      });
      expect((await ask(observer, '/api/panels')).json).toMatchObject({
        panels: { python: { pools: [{ name: 'default', queued: 3, token: '[redacted]' }] } },
      });
    }));

  test('[I6.6] the sources are not asked for their tables again within a second, however many look', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const observer = await observe(system);
    try {
      let asked = 0;
      system.observation.addSource({ name: 'counted', panels: () => ({ asked: (asked += 1) }) });
      const told = async (): Promise<unknown> =>
        ((await ask(observer, '/api/panels')).json as PanelsAnswer).panels['counted'];
      expect([await told(), await told()]).toEqual([{ asked: 1 }, { asked: 1 }]);
      await clock.advance(999);
      expect(await told()).toEqual({ asked: 1 });
      await clock.advance(1);
      expect(await told()).toEqual({ asked: 2 });
    } finally {
      await system.stop();
    }
  });

  test('[I6.6] without a chart of its own, or with a state that cannot be read, has a row all the same', () =>
    observed(async (observer, system) => {
      const pid = system.spawn(keeper, 0);
      await sys.getState(system, pid);
      const info = system.processInfo(pid);
      Object.defineProperty(info, 'stateValue', {
        get: () => {
          throw new Error('no');
        },
      });
      const { json } = await ask(observer, `/api/actor?pid=${String(pid.id)}`);
      expect(json).toMatchObject({ row: { value: null, chart: null } });
    }));
});

test('[I6.6] a process that crashes says so in its record', () =>
  observed(async (observer, system) => {
    const lamp = await system.start(light, undefined, { name: 'lamp' });
    const reader = await read(observer, '?viewer=me');
    await reader.until(() => reader.lines.find(({ k }) => k === 'snap'));
    await ask(observer, '/api/watch', { body: { viewer: 'me', pids: [lamp.id] } });
    system.send(lamp, { type: 'fail' });
    const record = await reader.until<Handled>(
      () => reader.lines.flatMap((line) => (line.k === 'rec' ? line.list : []))[0],
    );
    expect(record).toMatchObject({ event: 'fail', outcome: 'crashed' });
    expect(record.error).toContain('the lamp broke');
    reader.leave();
  }));

test('[I6.7] who is busy is told by the turns of all', () =>
  observed(async (observer, system) => {
    const { pid } = await system.start(keeper, 0, { name: 'busy' });
    const turnsOf = async (): Promise<number> => {
      const { turns } = (await ask(observer, '/api/turns')).json as TurnsAnswer;
      return new Map(turns).get(pid.id) ?? -1;
    };
    const before = await turnsOf();
    for (let count = 0; count < 5; count += 1) await system.call(pid, { type: 'get' });
    expect((await turnsOf()) - before).toBe(5);
  }));
