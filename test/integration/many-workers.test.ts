import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { forks, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What many idle workers cost the runtime: not seconds, which depend on the machine, but timers, connections and reads.

jest.setTimeout(60_000);

const size = 16;
/** Connections that a forked worker has from its launch: they came to the socket of its fork server. */
const channels = forks(size) ? 5 : 0;
/** Moments of an interval in which heartbeats wake up, and the one that is just over. */
const moments = 9;

const bench = new SnakepitBench();
let snakepit: Snakepit;
let timersBefore: number;

beforeAll(async () => {
  timersBefore = timers();
  snakepit = await bench.start({
    size,
    heartbeat: { pingInterval: 1_000, timeoutThreshold: 10_000 },
  });
});

afterAll(() => bench.close());

/** Timers that keep this process busy. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

/** The sockets of a process that have a name in the file system: the one where it listens, and one for each connection. */
function namedSockets(osPid: number): number {
  const inodes = new Set(
    readdirSync(`/proc/${String(osPid)}/fd`).flatMap((fd) => {
      try {
        return (
          /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${String(osPid)}/fd/${fd}`))?.[1] ?? []
        );
      } catch {
        // Closed meanwhile.
        return [];
      }
    }),
  );
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , , , inode = '', path]) => path !== undefined && inodes.has(inode)).length;
}

const osPids = (): number[] => snakepit.workers().flatMap(({ osPid }) => osPid ?? []);

/** How often this process has read something. */
function reads(): number {
  const found = /^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
  return Number(found?.[1]);
}

describe('many workers', () => {
  test('[I7.5] their heartbeats share timers, and are all answered, on both paths', async () => {
    // Others come and go; one for each worker would always be there.
    let least = Infinity;
    let looks = 0;
    await until(() => {
      least = Math.min(least, timers());
      looks += 1;
      const answered = snakepit.workers().filter(({ heartbeat }) => {
        const { beats, serving } = heartbeat ?? {};
        return beats?.latencyMs !== undefined && serving?.latencyMs !== undefined;
      });
      return answered.length === size && looks > 50;
    }, 'an answer of each worker on each path');
    // One more is that of the wait above; a fork server has its own, however many workers there are.
    expect(least - timersBefore).toBeLessThanOrEqual(moments + 1 + (forks(size) ? 4 : 0));
  });

  test('[I7.5] no worker has a gRPC server, and nobody connects to one, until it is needed: not for readiness, calls or heartbeats', async () => {
    const calls = Array.from({ length: 2 * size }, (_, i) =>
      snakepit.execute('add', { a: i, b: 1 }),
    );
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i + 1));
    const idle = osPids();
    expect(idle).toHaveLength(size);
    // It does not even listen.
    expect(idle.map(namedSockets)).toEqual(idle.map(() => channels));
    const { telemetry } = snakepit.system;
    const off = telemetry.on('snakepit.python.heartbeat.answered', () => undefined);
    await until(
      () => idle.every((osPid) => namedSockets(osPid) === channels + 2),
      'a connection for events',
    );
    off();
    // The one where it listens.
    await until(
      () => idle.every((osPid) => namedSockets(osPid) === channels + 1),
      'the end of them',
    );
    expect(osPids()).toEqual(idle);
  });

  test('[I7.5] health, counts and the list of workers are known without asking the operating system', () => {
    const ask = (): void => {
      expect(snakepit.health()).toMatchObject({ status: 'ok' });
      expect(snakepit.stats().pools['default']?.workers.ready).toBe(size);
      expect(snakepit.workers()).toHaveLength(size);
    };
    ask();
    const spare = Array.from({ length: 10 }, () => {
      const first = reads();
      const second = reads();
      for (let scrape = 0; scrape < 10; scrape++) ask();
      // More than it takes to look how many. Other threads of this process may read meanwhile, but not every time.
      return reads() - second - (second - first);
    });
    expect(Math.min(...spare.map(Math.abs))).toBe(0);
  });
});
