import { describe, expect, test } from '@jest/globals';
import { createSystem, createTestClock, silentLogger } from '@snakepit/core';
import type { Logger } from '@snakepit/core';
import { sessionStore } from './session-store.ts';
import type { SessionStoreInput, SessionUsage } from './session-store.ts';

async function startStore(input: SessionStoreInput = {}, logger: Logger = silentLogger) {
  const clock = createTestClock();
  const system = createSystem({ clock, logger });
  const store = await system.start(sessionStore, input);
  return { clock, system, store };
}

describe('sessionStore', () => {
  test('makes a session once; asked again it is the same one', async () => {
    const { store, system } = await startStore({ wallClock: () => 1234 });
    const first = await store.call.create({ id: 's1', metadata: { user: '42' } });
    const second = await store.call.create({ id: 's1', metadata: { user: '43' } });
    const session = { id: 's1', metadata: { user: '42' }, createdAtMs: 1234, ttlMs: 3_600_000 };
    expect(first).toEqual({ ok: true, created: true, session });
    expect(second).toEqual({ ok: true, created: false, session });
    expect(await store.call.get('s1')).toEqual(session);
    expect(await store.call.get('s2')).toBeUndefined();
    await system.stop();
  });

  test('a session that is used lives on, one that is not used is gone after its lifetime', async () => {
    const { clock, store, system } = await startStore();
    await store.call.create({ id: 'used', ttlMs: 1000 });
    await store.call.create({ id: 'idle', ttlMs: 1000 });
    await clock.advance(900);
    await store.call.get('used');
    await clock.advance(900);
    expect(await store.call.get('used')).toBeDefined();
    expect(await store.call.get('idle')).toBeUndefined();
    await system.stop();
  });

  test('expired sessions are removed every minute, and whoever asked is told', async () => {
    const gone: string[] = [];
    const onGone = (ids: readonly string[]): void => void gone.push(...ids);
    const { clock, store, system } = await startStore({ onGone, ttlMs: 30_000 });
    await store.call.create({ id: 'a' });
    await store.call.create({ id: 'b', ttlMs: 100_000 });
    await clock.advance(60_000);
    expect(await store.call.count()).toBe(1);
    expect(gone).toEqual(['a']);
    await clock.advance(60_000);
    expect(gone).toEqual(['a', 'b']);
    await system.stop();
  });

  test('removing tells whether there was one', async () => {
    const gone: string[] = [];
    const { store, system } = await startStore({ onGone: (ids) => void gone.push(...ids) });
    await store.call.create({ id: 'a' });
    expect(await store.call.remove('a')).toBe(true);
    expect(await store.call.remove('a')).toBe(false);
    expect(gone).toEqual(['a']);
    await system.stop();
  });

  test('a full store refuses new sessions only, and makes room by what has expired', async () => {
    const { clock, store, system } = await startStore({ maxSessions: 2, ttlMs: 1000 });
    await store.call.create({ id: 'a' });
    await store.call.create({ id: 'b', ttlMs: 5000 });
    expect(await store.call.create({ id: 'c' })).toEqual({
      ok: false,
      error: { kind: 'sessionLimit', maxSessions: 2 },
    });
    expect(await store.call.create({ id: 'a' })).toMatchObject({ ok: true, created: false });
    await clock.advance(2000);
    expect(await store.call.create({ id: 'c' })).toMatchObject({ ok: true, created: true });
    await system.stop();
  });

  test('a session has an id', async () => {
    const { store, system } = await startStore();
    expect(await store.call.create({ id: '' })).toEqual({
      ok: false,
      error: { kind: 'invalidId' },
    });
    await system.stop();
  });

  test('at 80 % of the limit a warning is logged, once', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const { store, system } = await startStore({ maxSessions: 5 }, logger);
    for (const id of ['a', 'b', 'c', 'd', 'e']) await store.call.create({ id });
    expect(warnings).toEqual(['4 of at most 5 sessions are in use']);
    await system.stop();
  });

  test('[I5.3] one that lives short is removed soon; one in use is kept; both who use it are told why', async () => {
    const { clock, store, system } = await startStore();
    const told: string[] = [];
    let isInUse = true;
    const usage = (id: string, usedAtMs: () => number): SessionUsage => ({
      usedAtMs,
      gone: (why) => void told.push(`${id}: ${why}`),
    });
    await store.call.create({ id: 'short', ttlMs: 1_000, usage: usage('short', () => 0) });
    const usedAtMs = (): number => (isInUse ? Infinity : 5_000);
    await store.call.create({ id: 'busy', ttlMs: 1_000, usage: usage('busy', usedAtMs) });
    await clock.advance(1_600);
    expect(told).toEqual(['short: it was not used for its time to live (1000 ms)']);
    await clock.advance(3_400);
    isInUse = false;
    expect(await store.call.count()).toBe(1);
    await clock.advance(2_100);
    expect(told[1]).toBe('busy: it was not used for its time to live (1000 ms)');
    await store.call.create({ id: 'a', usage: usage('a', () => 0) });
    await store.call.remove('a');
    expect(told[2]).toBe('a: it was removed');
    await system.stop();
  });

  test('[I5.3] a new store begins with the sessions that are in use', async () => {
    const { clock, store, system } = await startStore({
      survivors: () => [{ id: 'kept', ttlMs: 1_000, metadata: { user: '1' } }],
    });
    expect(await store.call.get('kept')).toMatchObject({ id: 'kept', metadata: { user: '1' } });
    await clock.advance(61_000);
    expect(await store.call.count()).toBe(0);
    await system.stop();
  });
});
