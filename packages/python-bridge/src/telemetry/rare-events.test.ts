import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  silentLogger,
  type ActorSystem,
  type TelemetryEventName,
  type TestClock,
} from '@snakepit/core';
import { sessionStore } from '../bridge/session-store.ts';
import {
  lifecycleManager,
  type LifecycleManagerProcessInput,
} from '../worker/lifecycle-manager.ts';
import './events.ts';

// Events of what takes long to happen, or a broken machine: with the real processes, at simulated time.

let clock: TestClock;
let system: ActorSystem;
beforeEach(() => {
  clock = createTestClock();
  system = createSystem({ logger: silentLogger, clock });
});
afterEach(() => system.stop());

/** Keeps what it hears, by the end of its name. */
function hear(names: readonly TelemetryEventName[]): unknown[] {
  const heard: unknown[] = [];
  system.telemetry.attachMany(names, (measurements, metadata, name) => {
    heard.push([name, measurements, metadata]);
  });
  return heard;
}

describe('events', () => {
  test('[T4.1] [I6.1] of sessions: made, removed, expired, nearly too many', async () => {
    const heard = hear([
      ...(['snakepit.session.created', 'snakepit.session.destroyed'] as const),
      'snakepit.bridge.session.pruned',
      'snakepit.bridge.session.accumulation_warning',
    ]);
    const store = await system.start(sessionStore, { maxSessions: 2, ttlMs: 10_000 });
    await store.call.create({ id: 'a' });
    await store.call.create({ id: 'a' });
    await store.call.create({ id: 'b' });
    await store.call.remove('a');
    await clock.advance(20_000);
    expect(await store.call.count()).toBe(0);
    const one = (sessions: number): object => ({ count: 1, sessions });
    expect(heard).toEqual([
      ['snakepit.session.created', one(1), { session: 'a' }],
      ['snakepit.session.created', one(2), { session: 'b' }],
      [
        'snakepit.bridge.session.accumulation_warning',
        { currentSessions: 2, maxSessions: 2, utilization: 1 },
        { threshold: 0.8 },
      ],
      ['snakepit.session.destroyed', one(1), { session: 'a', reason: 'removed' }],
      ['snakepit.session.destroyed', one(0), { session: 'b', reason: 'expired' }],
      ['snakepit.bridge.session.pruned', { count: 1, remainingSessions: 0 }, { reason: 'expired' }],
    ]);
  });

  test('[T4.1] [I6.1] of a memory that cannot be measured', async () => {
    const heard = hear(['snakepit.worker.memory_probe_failed']);
    const input: LifecycleManagerProcessInput = {
      ...{ pool: 'default', atOnce: 1, checkIntervalMs: 1_000, lookTimeoutMs: 1_000 },
      services: {
        settings: {
          ...{ maxAgeMs: Infinity, maxRequests: Infinity, maxMemoryBytes: 1 },
          ...{ checkIntervalMs: 1_000, jitter: 0 },
        },
        workers: () => [
          { workerId: 'w1', servingSinceMs: 0, osPid: () => 1, isWorn: false, isOutdated: false },
        ],
        server: { osPid: () => undefined, measured: () => undefined },
        memory: { measure: () => Promise.reject(new Error('no /proc here')) },
        random: () => 0,
        recycle: () => Promise.resolve(),
      },
    };
    system.spawn(lifecycleManager, input);
    for (let second = 0; second < 5 && heard.length === 0; second++) await clock.advance(1_000);
    expect(heard).toContainEqual([
      'snakepit.worker.memory_probe_failed',
      { count: 1 },
      { pool: 'default', reason: 'no /proc here' },
    ]);
  });
});
