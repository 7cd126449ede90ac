import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { forks, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// The watchdog as a part of Snakepit: when there is one, whom it guards, when it goes.

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
  process.env['SNAKEPIT_WATCHDOG_LOG'] = bench.path('watchdog.log');
});
afterEach(async () => {
  delete process.env['SNAKEPIT_WATCHDOG_LOG'];
  delete process.env['SNAKEPIT_WATCHDOG'];
  delete process.env['SNAKEPIT_WITHOUT_LAYERS'];
  await bench.close();
});

const log = (): string => readFileSync(bench.path('watchdog.log'), 'utf8');

async function watchdogOf(snakepit: Snakepit, not?: number): Promise<number> {
  return until(() => {
    const { state, osPid } = snakepit.health().watchdog ?? {};
    return state === 'guarding' && osPid !== not ? osPid : undefined;
  }, 'a watchdog that guards');
}

function watches(osPid: number | undefined): Promise<unknown> {
  return until(() => log().includes(`watches ${String(osPid)} (`), 'the worker to be watched');
}

describe('the watchdog', () => {
  test('[R4.5] is off by default', async () => {
    const snakepit = await bench.start();
    expect(snakepit.system.whereis('snakepit.watchdog')).toBeUndefined();
    expect(snakepit.health()).not.toHaveProperty('watchdog');
    expect(log).toThrow('ENOENT');
  });

  test('[R4.1] [T3.2] guards every worker from its start, and is gone when all is stopped', async () => {
    const snakepit = await bench.start({ size: 2, watchdog: true });
    const osPid = await watchdogOf(snakepit);
    const [first, second] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    await watches(first);
    await watches(second);
    process.kill(first, 'SIGKILL');
    await until(() => log().includes(`forgets ${String(first)}\n`), 'the dead one to be forgotten');
    await snakepit.awaitReady();
    await watches(osPidOf(snakepit, 0));
    await snakepit.stop();
    expect(isAlive(osPid)).toBe(false);
    expect(log()).toContain('bye');
    // Nobody was left to be guarded when it went.
    const [told, forgotten] = ['watches', 'forgets'].map((word) => log().split(word).length - 1);
    // A fork server is guarded like its workers.
    const guarded = forks(2) ? 4 : 3;
    expect([told, forgotten]).toEqual([guarded, guarded]);
    expect(log()).not.toContain('TERM');
    expect(bench.leftovers()).toEqual([]);
  });

  test('[T3.2] starts before the pools and ends after them', async () => {
    const snakepit = await bench.start({ watchdog: true });
    const labels = [...snakepit.system.processes()].map(({ label }) => label);
    expect(labels.indexOf('watchdog')).toBeGreaterThan(labels.indexOf('processRegistry'));
    expect(labels.indexOf('watchdog')).toBeLessThan(labels.indexOf('pool'));
    const ends: string[] = [];
    for (const name of ['worker.terminated', 'watchdog.stopped'] as const) {
      snakepit.system.telemetry.on(`snakepit.${name}`, () => void ends.push(name));
    }
    await snakepit.stop();
    expect(ends).toEqual(['worker.terminated', 'watchdog.stopped']);
  });

  test('[R9.2] [R4.5] one pool asks for it, another does not', async () => {
    const snakepit = await bench.startAll([{ name: 'guarded', watchdog: true }, { name: 'plain' }]);
    const [guarded, plain] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    await watches(guarded);
    await snakepit.stop();
    expect(log()).not.toContain(`watches ${String(plain)} `);
  });

  test('[R9.2] all pools ask for it but one', async () => {
    const pools = [{ name: 'a' }, { name: 'b', watchdog: false }, { name: 'c' }];
    const snakepit = await bench.startAll(pools, { watchdog: true });
    const [a, b, c] = [0, 1, 2].map((index) => osPidOf(snakepit, index));
    await watches(a);
    await watches(c);
    await snakepit.stop();
    expect(log()).not.toContain(`watches ${String(b)} `);
  });

  test('[R9.5] [R9.2] the environment asks for it', async () => {
    process.env['SNAKEPIT_WATCHDOG'] = 'true';
    const snakepit = await bench.start();
    await watches(osPidOf(snakepit));
    await snakepit.stop();
  });

  test('[I4.1] a layer that is switched off is not there', async () => {
    process.env['SNAKEPIT_WITHOUT_LAYERS'] = 'watchdog';
    const snakepit = await bench.start({ watchdog: true });
    expect(snakepit.health()).not.toHaveProperty('watchdog');
  });

  test('[T3.2] [R4.1] belongs to its run: the next one of the same Snakepit has another', async () => {
    const snakepit = await bench.start({ watchdog: true });
    const first = await watchdogOf(snakepit);
    const runOf = (pid: number): string | undefined =>
      /SNAKEPIT_WATCHDOG_MARKER=(\w+)=1/u.exec(
        readFileSync(`/proc/${String(pid)}/environ`, 'utf8'),
      )?.[1];
    const [run, worker] = [runOf(first), osPidOf(snakepit)];
    const registry = snakepit.system.whereis('snakepit.processRegistry');
    if (registry !== undefined) snakepit.system.exit(registry, exitReason.kill);
    const second = await watchdogOf(snakepit, first);
    await until(() => snakepit.workers()[0]?.osPid !== worker, 'the worker to be gone');
    await snakepit.awaitReady();
    await watches(osPidOf(snakepit));
    expect(runOf(second)).toMatch(/^SNAKEPIT_RUN_/u);
    expect(runOf(second)).not.toBe(run);
    expect([isAlive(first), isAlive(worker)]).toEqual([false, false]);
    const own = readFileSync(`/proc/${String(osPidOf(snakepit))}/environ`, 'utf8').split('\0');
    expect(own).toContain(`${String(runOf(second))}=1`);
    // What the first one guarded is none of the second one's business.
    const told = log().split(`[${String(second)}] watches ${String(worker)} `);
    expect(told).toHaveLength(1);
    await snakepit.stop();
    expect(isAlive(second)).toBe(false);
  });

  test('[T3.2] who looks after it is killed: the next one hears of every group, old and new', async () => {
    const snakepit = await bench.start({ size: 2, watchdog: true });
    const first = await watchdogOf(snakepit);
    const keeper = snakepit.system.whereis('snakepit.watchdog');
    if (keeper !== undefined) snakepit.system.exit(keeper, exitReason.kill);
    const second = await watchdogOf(snakepit, first);
    const told = (osPid: number): boolean =>
      log().includes(`[${String(second)}] watches ${String(osPid)} (`);
    await until(() => told(osPidOf(snakepit, 0)) && told(osPidOf(snakepit, 1)), 'both told');
    await snakepit.restartWorker('default_worker_1');
    await until(() => told(osPidOf(snakepit, 0)), 'the new one told');
    expect(isAlive(first)).toBe(false);
    await snakepit.stop();
    expect(log()).not.toContain('TERM');
  });

  test('[T3.2] two Snakepits in one process have one each', async () => {
    const [one, other] = [
      await bench.start({ watchdog: true }),
      await bench.start({ watchdog: true }),
    ];
    const [first, second] = [await watchdogOf(one), await watchdogOf(other)];
    await watches(osPidOf(one));
    await watches(osPidOf(other));
    await one.stop();
    expect([first === second, isAlive(first), isAlive(second)]).toEqual([false, false, true]);
    expect(await other.execute('add', { a: 1, b: 2 })).toBe(3);
    await other.stop();
    expect(log()).not.toContain('TERM');
  });

  test('[T3.2] killed under load it is replaced, and no call notices', async () => {
    const snakepit = await bench.start({ watchdog: true });
    const first = await watchdogOf(snakepit);
    const calls = Array.from({ length: 20 }, (_, a) => snakepit.execute('add', { a, b: 1 }));
    process.kill(first, 'SIGKILL');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, a) => a + 1));
    const second = await watchdogOf(snakepit, first);
    expect(second).not.toBe(first);
    expect(snakepit.health().status).toBe('ok');
    expect(bench.reports.join()).toContain('the watchdog has ended and is replaced');
    await snakepit.stop();
    expect([isAlive(first), isAlive(second)]).toEqual([false, false]);
  });

  test('[T3.2] without a shell Snakepit serves, and says what is missing', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = bench.base;
    try {
      const snakepit = await bench.start({ watchdog: true });
      expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
      const said = 'the watchdog cannot be started, workers go on without: spawn sh ENOENT';
      expect(bench.reports).toEqual([said]);
      expect(snakepit.health()).toMatchObject({ status: 'ok', watchdog: { osPid: undefined } });
      await snakepit.stop();
    } finally {
      process.env['PATH'] = path;
    }
  });
});
