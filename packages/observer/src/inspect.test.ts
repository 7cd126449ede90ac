import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { exitReason, type ActorSystem, type Pid } from '@snakepit/core';
import { createMachine } from 'xstate';
import { WebSocket } from 'ws';
import { chartOf } from './chart/chart.ts';
import { keeper, light, quietSystem } from './actors.fixture.ts';
import { observe, type Observer } from './observe.ts';
import type { ObserveOptions } from './observe-options.ts';
import { eventually, tokenOf } from './viewer.fixture.ts';

/** A message of the format of `@statelyai/inspect`. */
interface Inspected {
  readonly type: '@xstate.actor' | '@xstate.event' | '@xstate.snapshot';
  readonly sessionId: string;
  readonly rootId: string;
  readonly createdAt: string;
  readonly id: string;
  readonly _version: string;
  readonly name?: string;
  readonly parentId?: string;
  readonly sourceId?: string;
  readonly definition?: string;
  readonly event?: { readonly type: string; readonly count?: number };
  readonly snapshot?: {
    readonly status: string;
    readonly value?: unknown;
    readonly context?: unknown;
  };
}

/** A system that may be inspected, ended in the end. */
async function observed(
  run: (observer: Observer, system: ActorSystem) => Promise<void>,
  options: ObserveOptions = {},
): Promise<void> {
  const system = quietSystem();
  const observer = await observe(system, options);
  try {
    await run(observer, system);
  } finally {
    await system.stop();
  }
}

const addressOf = (observer: Observer, token = tokenOf(observer), path = '/inspect'): string =>
  `ws://127.0.0.1:${String(observer.port)}${path}?token=${token}`;

/** Attaches as an inspector does. */
async function attach(observer: Observer, headers: Record<string, string> = {}) {
  const client = new WebSocket(addressOf(observer), { headers });
  const told: Inspected[] = [];
  client.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as Inspected));
  await once(client, 'open');
  const until = async (find: (one: Inspected) => boolean): Promise<Inspected> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = told.find(find);
      if (found !== undefined) return found;
      if (Date.now() > deadline) {
        throw new Error(`not told; the last: ${JSON.stringify(told.at(-1)).slice(0, 500)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { client, told, until };
}

/** The status that a connection is refused with. */
async function refusal(address: string, headers: Record<string, string> = {}): Promise<number> {
  const client = new WebSocket(address, { headers });
  client.on('error', () => undefined);
  const [, response] = (await once(client, 'unexpected-response')) as [
    unknown,
    { statusCode: number },
  ];
  client.terminate();
  return response.statusCode;
}

describe('an inspector for XState', () => {
  test('[I6.8] is told of actors with their machines, of events and of snapshots', () =>
    observed(
      async (observer, system) => {
        const lamp = await system.start(light, undefined, { name: 'lamp' });
        const { until, client } = await attach(observer);
        const actor = await until(({ type, name }) => type === '@xstate.actor' && name === 'lamp');
        expect(actor).toEqual({
          type: '@xstate.actor',
          name: 'lamp',
          sessionId: expect.stringMatching(/^x:\d+$/),
          rootId: expect.any(String),
          definition: expect.any(String),
          snapshot: {
            status: 'active',
            value: 'off',
            context: { switched: 0, apiKey: '[redacted]' },
          },
          createdAt: expect.stringMatching(/^\d{13}$/),
          id: expect.any(String),
          _version: '0.7.0',
        });
        type Config = Parameters<typeof createMachine>[0];
        const machine = createMachine(JSON.parse(actor.definition ?? '') as Config);
        expect(chartOf(machine).states.map(({ id }) => id)).toEqual([
          'light',
          'light.off',
          'light.on',
        ]);

        system.send(lamp, { type: 'toggle', password: 'hidden' });
        const event = await until(({ type }) => type === '@xstate.event');
        expect(event).toMatchObject({
          sessionId: actor.sessionId,
          event: { type: 'toggle', password: '[redacted]' },
        });
        const snapshot = await until(({ type }) => type === '@xstate.snapshot');
        expect(snapshot).toMatchObject({
          sessionId: actor.sessionId,
          event: { type: 'toggle' },
          snapshot: { status: 'active', value: 'on', context: { switched: 1 } },
        });
        client.terminate();
      },
      { inspect: true },
    ));

  test('[I6.8] a process that is started again is another actor', () =>
    observed(
      async (observer, system) => {
        const { pid } = await system.start(keeper, { a: 1 }, { name: 'box' });
        const { until, told, client } = await attach(observer);
        const first = await until(({ type, name }) => type === '@xstate.actor' && name === 'box');
        expect(first).not.toHaveProperty('definition');
        expect(first.snapshot).toEqual({ status: 'active', context: { a: 1 } });
        system.exit(pid, exitReason.kill);
        await until(({ snapshot, sessionId }) => {
          return sessionId === first.sessionId && snapshot?.status === 'stopped';
        });
        await system.start(keeper, { a: 2 }, { name: 'box' });
        const second = await until(
          ({ type, sessionId }) => type === '@xstate.actor' && sessionId !== first.sessionId,
        );
        expect(second.name).toBe('box');
        expect(told.filter(({ type }) => type === '@xstate.actor')).toHaveLength(2);
        client.terminate();
      },
      { inspect: true },
    ));

  test('[I6.8] needs the token, our host, and a page that is allowed; and must be switched on', async () => {
    await observed(
      async (observer) => {
        const address = addressOf(observer);
        expect(await refusal(addressOf(observer, 'wrong'))).toBe(401);
        expect(await refusal(address, { host: 'evil.example' })).toBe(421);
        expect(await refusal(address, { origin: 'https://evil.example' })).toBe(403);
        expect(await refusal(addressOf(observer, undefined, '/other'))).toBe(404);
        const allowed = await attach(observer, { origin: 'https://stately.ai' });
        for (let more = 0; more < 3; more += 1) await attach(observer);
        expect(await refusal(address)).toBe(503);
        const closed = once(allowed.client, 'close');
        await observer.close();
        await closed;
      },
      { inspect: ['https://stately.ai'] },
    );
    await observed(async (observer) => {
      expect(await refusal(addressOf(observer))).toBe(404);
    });
    await observed(async (_observer, system) => {
      await expect(observe(system, { inspect: ['stately.ai'] })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  test('[I6.8] one that reads too slowly gets the last snapshots, not all', () =>
    observed(
      async (observer, system) => {
        const box: Pid = (await system.start(keeper, '', { name: 'box' })).pid;
        const { client, told, until } = await attach(observer);
        await until(({ name }) => name === 'box');
        client.pause();
        // Few enough to be told all, and more than a connection holds.
        const count = 100;
        const text = Array.from({ length: 100 }, () => 'x'.repeat(1_900));
        for (let number = 1; number <= count; number += 1) {
          const message = { type: 'keep', number, text };
          system.cast(box, message);
        }
        await eventually(() => system.processInfo(box)?.mailboxLength === 0, 'all is handled');
        client.resume();
        await until(({ event }) => event?.type === 'snakepit.skipped');
        expect(told.length).toBeLessThan(2 * count);
        client.terminate();
      },
      { inspect: true },
    ));

  test('[I6.8] of too much it is told a sample, how many more there were, and where that ended', () =>
    observed(
      async (observer, system) => {
        const { pid } = await system.start(keeper, 0, { name: 'box' });
        const { client, told, until } = await attach(observer);
        const { sessionId } = await until(({ name }) => name === 'box');
        const count = 20_000;
        for (let arg = 1; arg <= count; arg += 1) system.cast(pid, { type: 'keep', arg });
        const ofBox = (type: Inspected['type']): Inspected[] =>
          told.filter((one) => one.sessionId === sessionId && one.type === type);
        const shown = (): number => ofBox('@xstate.event').length;
        const skipped = (): number =>
          ofBox('@xstate.snapshot').reduce((sum, { event }) => sum + (event?.count ?? 0), 0);
        await eventually(() => shown() + skipped() === count, 'all to be told of');
        expect(shown()).toBeLessThan(count / 4);
        expect(ofBox('@xstate.snapshot').at(-1)?.snapshot?.context).toBe(count);
        client.terminate();
      },
      { inspect: true },
    ));
});
