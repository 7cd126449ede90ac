import { describe, expect, test } from '@jest/globals';
import { exitReason, type ActorSystem, type ProcessAction } from '@snakepit/core';
import { keeper, quietSystem } from '../actors.fixture.ts';
import { observe, type Observer } from '../observe.ts';
import type { ActorAnswer, LifeRecord } from '../protocol.ts';
import { ask, read, type Answer } from '../viewer.fixture.ts';

async function acting(
  run: (observer: Observer, system: ActorSystem) => Promise<void>,
  actions = true,
): Promise<void> {
  const system = quietSystem();
  const observer = await observe(system, { actions, hz: 20 });
  try {
    await run(observer, system);
  } finally {
    await system.stop();
  }
}

const act = (observer: Observer, body: object): Promise<Answer> =>
  ask(observer, '/api/act', { body });

describe('acting', () => {
  test('[I6.6] is off unless it was switched on, and says how', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'it' });
      const answer = await act(observer, { do: 'kill', pid: pid.id, inc: 1, confirm: 'it' });
      expect(answer).toMatchObject({ status: 403 });
      expect(answer.text).toContain('actions: true');
      const { json } = await ask(observer, `/api/actor?pid=${String(pid.id)}`);
      expect((json as ActorAnswer).actions).toEqual([]);
      expect(system.isAlive(pid)).toBe(true);
    }, false));

  test('[I6.6] needs the right process, a known action, and for what loses work a confirmation', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'it' });
      const order = { do: 'kill', pid: pid.id, inc: 1, confirm: 'it' };
      const refused: readonly (readonly [number, object])[] = [
        [404, { ...order, pid: 4_711 }],
        [400, { ...order, pid: undefined }],
        [400, { ...order, pid: 'x' }],
        [409, { ...order, inc: 2 }],
        [409, { ...order, inc: undefined }],
        [400, { ...order, do: 'dance' }],
        [400, { ...order, do: 'restart' }],
        [428, { ...order, confirm: undefined }],
        [428, { ...order, confirm: 'another' }],
      ];
      for (const [status, body] of refused) {
        expect([(await act(observer, body)).status, body]).toEqual([status, body]);
      }
      expect(system.isAlive(pid)).toBe(true);
    }));

  test('[I6.6] kills with the reason that was given, and tells everybody who did it', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'it' });
      const reader = await read(observer);
      const gone = system.awaitExit(pid);
      const answer = await act(observer, {
        do: 'kill',
        pid: pid.id,
        inc: 1,
        confirm: 'it',
        args: { reason: 'too old' },
      });
      expect(answer.json).toEqual({ ok: true, outcome: 'it is gone.' });
      expect(await gone).toEqual(exitReason.custom('too old'));
      const record = await reader.until<LifeRecord>(() =>
        reader.lines
          .flatMap((line) => (line.k === 'life' ? line.list : []))
          .find(({ what }) => what === 'acted'),
      );
      expect(record).toMatchObject({
        what: 'acted',
        path: 'it',
        details: { action: 'kill', ok: true, outcome: 'it is gone.', remote: '127.0.0.1' },
      });
      const other = await system.start(keeper, 0, { name: 'other' });
      await act(observer, { do: 'kill', pid: other.pid.id, inc: 1, confirm: 'other' });
      expect(system.isAlive(other.pid)).toBe(false);
      reader.leave();
    }));

  test('[I6.6] suspends and resumes', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0);
      const offered = async (): Promise<unknown> => {
        const { json } = await ask(observer, `/api/actor?pid=${String(pid.id)}`);
        const { actions } = json as ActorAnswer;
        return actions.map(({ name, confirm }) => [name, confirm]);
      };
      expect(await offered()).toEqual([
        ['suspend', false],
        ['kill', true],
      ]);
      await act(observer, { do: 'suspend', pid: pid.id, inc: 1 });
      expect(system.processInfo(pid)?.status).toBe('suspended');
      expect(await offered()).toEqual([
        ['resume', false],
        ['kill', true],
      ]);
      await act(observer, { do: 'resume', pid: pid.id, inc: 1 });
      expect(system.processInfo(pid)?.status).toBe('waiting');
    }));

  test('[I6.6] an action that throws at once has failed as any other, and is recorded', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'w1' });
      const heartbeat: ProcessAction = {
        name: 'heartbeat',
        consequence: 'It is asked now.',
        run: () => {
          throw new Error('there is nobody to ask');
        },
      };
      system.observation.addSource({ name: 'python', actions: () => [heartbeat] });
      expect((await act(observer, { do: 'heartbeat', pid: pid.id, inc: 1 })).json).toEqual({
        ok: false,
        outcome: 'there is nobody to ask',
      });
      expect(system.records.lifeSince(0).records.at(-1)).toMatchObject({
        what: 'acted',
        details: { action: 'heartbeat', ok: false },
      });
    }));

  test('[I6.6] is recorded once, however many observers there are, also when one has gone', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'it' });
      const another = await observe(system);
      const acted = (): number =>
        system.records.lifeSince(0).records.filter(({ what }) => what === 'acted').length;
      await act(observer, { do: 'suspend', pid: pid.id, inc: 1 });
      expect(acted()).toBe(1);
      await another.close();
      await act(observer, { do: 'resume', pid: pid.id, inc: 1 });
      expect(acted()).toBe(2);
    }));

  test('[I6.6] offers what sources offer, one at a time, and tells how it failed', () =>
    acting(async (observer, system) => {
      const { pid } = await system.start(keeper, 0, { name: 'w1' });
      let finish: () => void = () => undefined;
      const began = new Promise<void>((resolveBegan) => {
        const drain: ProcessAction = {
          name: 'drain',
          consequence: 'It takes no more calls.',
          run: () =>
            new Promise((resolve) => {
              finish = () => {
                resolve('it took no more calls.');
              };
              resolveBegan();
            }),
        };
        const heartbeat: ProcessAction = {
          name: 'heartbeat',
          consequence: 'It is asked now.',
          run: () => Promise.reject(new Error('it did not answer')),
        };
        system.observation.addSource({ name: 'python', actions: () => [drain, heartbeat] });
      });
      const order = { pid: pid.id, inc: 1, confirm: 'w1' };
      const draining = act(observer, { ...order, do: 'drain' });
      await began;
      expect((await act(observer, { ...order, do: 'heartbeat' })).status).toBe(409);
      finish();
      expect((await draining).json).toEqual({ ok: true, outcome: 'it took no more calls.' });
      expect((await act(observer, { ...order, do: 'heartbeat' })).json).toEqual({
        ok: false,
        outcome: 'it did not answer',
      });
    }));
});
