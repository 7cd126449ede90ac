import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger, type ActorSystem } from '@snakepit/core';
import type { ResolvedPool } from '../config/config.ts';
import { onlyPool, pool } from '../config/resolved.fixture.ts';
import type { ForkServerNews, ForkServers } from '../hosts/fork/fork-port.ts';
import { WorkerStartError } from '../hosts/start-failure.ts';
import { PoolLaunch } from './pool-launch.ts';

// What a pool makes of what its fork servers say; the servers themselves have their own tests.

const limit = 100;

interface Bench {
  readonly system: ActorSystem;
  readonly launch: PoolLaunch;
  readonly hear: (news: ForkServerNews) => void;
  readonly replaced: () => number;
  readonly outdated: () => number;
  readonly lines: readonly string[];
  /** How the next replacements end. */
  fails: boolean;
}

async function onBench(
  own: Partial<ResolvedPool> | object,
  run: (bench: Bench) => Promise<void> | void,
): Promise<void> {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
  };
  const logger = { ...silentLogger, info: keep, warn: keep };
  const system = createSystem({ logger });
  let replaced = 0;
  let outdated = 0;
  let hear: (news: ForkServerNews) => void = () => undefined;
  const servers: ForkServers = {
    launch: () => Promise.reject(new WorkerStartError('none', { kind: 'unavailable', detail: '' })),
    replace: () => {
      replaced += 1;
      return bench.fails
        ? Promise.reject(new WorkerStartError('no', { kind: 'unavailable', detail: 'no' }))
        : Promise.resolve();
    },
    isOutdated: (incarnation) => incarnation === 'old',
    status: {
      ...{ state: 'serving', osPid: 4711, startTime: '1', incarnation: 'i', workers: 0 },
      ...{ outdatedWorkers: 0, waiting: 0, losses: 0, reason: undefined },
    },
  };
  const launch = new PoolLaunch({
    system,
    config: onlyPool({ pools: [{ ...pool, size: 2, ...own }] }),
    services: () => {
      throw new Error('nothing is started here');
    },
    seats: {
      get members() {
        outdated += 1;
        return [];
      },
    },
    createServers: (input) => {
      hear = input.onReport;
      return servers;
    },
  });
  const bench: Bench = {
    ...{ system, launch, lines, hear: (news) => hear(news), fails: false },
    replaced: () => replaced,
    outdated: () => outdated,
  };
  try {
    await run(bench);
  } finally {
    await system.stop();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const unsafe: Extract<ForkServerNews, { type: 'unavailable' }> = {
  type: 'unavailable',
  code: 'PRELOAD_UNSAFE',
  permanent: true,
  isServed: false,
  reason: 'the module x started a thread',
};

describe('PoolLaunch', () => {
  test('[I7.3] a server that has grown is replaced; one that is as large from the beginning is not', async () => {
    await onBench({ launch: 'fork' }, async ({ launch, replaced, outdated, lines }) => {
      launch.measured(limit - 1, limit);
      expect(replaced()).toBe(0);
      launch.measured(limit, limit);
      await settled();
      expect([replaced(), outdated()]).toEqual([1, 1]);
      // Its successor is never seen below: another would be no better.
      launch.measured(limit + 1, limit);
      launch.measured(limit + 1, limit);
      await settled();
      expect([replaced(), outdated()]).toEqual([1, 1]);
      launch.measured(limit - 1, limit);
      launch.measured(limit, limit);
      await settled();
      expect([replaced(), outdated()]).toEqual([2, 2]);
      expect(lines.filter((line) => line.includes('recycle.maxMemoryBytes'))).toHaveLength(2);
    });
  });

  test('[I7.3] a server that could not be replaced is tried again at the next look', async () => {
    await onBench({ launch: 'fork' }, async (bench) => {
      bench.fails = true;
      bench.launch.measured(limit, limit);
      await settled();
      bench.launch.measured(limit, limit);
      await settled();
      expect([bench.replaced(), bench.outdated()]).toEqual([2, 0]);
    });
  });

  test('[I7.3] workers of a server leave when that hung, not when somebody has it replaced', async () => {
    await onBench({ launch: 'fork' }, async ({ launch, hear, outdated }) => {
      await launch.renew('manual');
      expect(launch.isOutdated('old')).toBe(false);
      const loss = { osPid: 4711, incarnation: 'i', reason: 'it does not answer', workers: 2 };
      hear({ type: 'hung', ...loss });
      expect(outdated()).toBe(1);
      expect([launch.isOutdated('old'), launch.isOutdated('new')]).toEqual([true, false]);
      expect(launch.isOutdated(undefined)).toBe(false);
      // When those have left, others that somebody has replaced have their turn.
      await launch.renew('manual');
      expect(launch.isOutdated('old')).toBe(false);
    });
  });

  test('[I7.1] with auto a pool does without a server that will never fork, with fork it does not', async () => {
    await onBench({ launch: 'auto' }, ({ launch, hear, lines }) => {
      expect(launch.launcher).toBeDefined();
      hear(unsafe);
      expect(launch.launcher).toBeUndefined();
      expect(launch.choice).toEqual({
        ...{ mode: 'spawn', why: unsafe.reason },
        hindrances: [{ key: 'forkServer', what: unsafe.reason }],
      });
      expect(lines.at(-1)).toBe(
        'the workers of pool default are spawned, because the module x started a thread',
      );
      hear(unsafe);
      expect(lines.filter((line) => line.includes('spawned'))).toHaveLength(1);
    });
    await onBench({ launch: 'fork' }, ({ launch, hear }) => {
      hear(unsafe);
      expect(launch.choice.mode).toBe('fork');
    });
  });

  test.each([
    ['one before serves', { isServed: true }],
    ['it is tried again', { permanent: false }],
    ['an import fails, as it would in a worker', { code: 'PRELOAD_FAILED' }],
    ['it said nothing', { code: undefined }],
  ])('[I7.1] with auto a pool goes on forking when %s', async (_when, otherwise) => {
    await onBench({ launch: 'auto' }, ({ launch, hear }) => {
      hear({ ...unsafe, ...otherwise });
      expect(launch.choice.mode).toBe('fork');
    });
  });

  test('[I7.1] it is told once which way; what was asked for is no news', async () => {
    const told: string[] = [];
    await onBench({ launch: 'auto', preload: ['json', 'csv'] }, ({ launch, lines, system }) => {
      system.telemetry.on('snakepit.pool.launch', (_, { mode, why }) =>
        told.push(`${mode} ${why}`),
      );
      launch.tell();
      launch.tell();
      expect(lines).toEqual([
        'the workers of pool default are forked (nothing is in its way), with json, csv imported before',
      ]);
    });
    await onBench({ launch: 'spawn' }, ({ launch, lines, system }) => {
      system.telemetry.on('snakepit.pool.launch', (_, { mode, why }) =>
        told.push(`${mode} ${why}`),
      );
      launch.tell();
      expect(lines).toEqual([]);
    });
    expect(told).toEqual(['fork nothing is in its way', "spawn launch is 'spawn'"]);
  });
});
