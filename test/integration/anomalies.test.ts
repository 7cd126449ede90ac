import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit, WorkerInfo } from '@snakepit/python-bridge';
import { statOf } from '../fixtures/processes/census.mjs';
import { forks, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What monitoring finds wrong is told so that somebody who was woken by it knows what, where and what to do.

jest.setTimeout(90_000);

const bench = new SnakepitBench();
const quick = { pingInterval: 1_000, timeoutThreshold: 5_000 } as const;
const events: Record<string, unknown>[] = [];
let snakepit: Snakepit;
beforeAll(async () => {
  const heartbeat = { ...quick, busyTimeout: 1_000 };
  const doomed = { adapter: 'mortal.Mortal', env: { MORTAL_ORDERS: bench.path('orders') } };
  snakepit = await bench.startAll(
    [
      { name: 'stopped', heartbeat: quick },
      { name: 'busy', heartbeat },
      { name: 'doomed', ...doomed, restart: { backoff: { initial: 20, max: 100 } } },
      { name: 'stuck' },
    ],
    { watchdog: true },
  );
  snakepit.system.telemetry.attachMany(
    [
      ...(['snakepit.worker.heartbeat.failed', 'snakepit.worker.failed'] as const),
      ...(['snakepit.watchdog.died', 'snakepit.cleanup.worker'] as const),
    ],
    (measurements, metadata, event) => events.push({ event, ...measurements, ...metadata }),
  );
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => bench.close());

function workerOf(pool: string): WorkerInfo {
  const worker = snakepit.workers().find((one) => one.pool === pool);
  if (worker === undefined) throw new Error(`pool ${pool} has no worker`);
  return worker;
}

/** The report that has all of these texts, and the telemetry that is about the same. */
async function alert(
  texts: readonly string[],
  event: string,
  about: object,
): Promise<readonly [string, Record<string, unknown>]> {
  const told = (line: string): boolean => texts.every((text) => line.includes(text));
  return until(
    () => {
      const line = bench.reports.find(told);
      const emitted = events.find((one) => {
        const isAbout = Object.entries(about).every(([key, value]) => one[key] === value);
        return one['event'] === event && isAbout;
      });
      return line === undefined || emitted === undefined ? undefined : ([line, emitted] as const);
    },
    `a report of ${texts.join(', ')}`,
    30_000,
  );
}

describe('an alert', () => {
  test('[R10.5] of a silent worker names worker, pool, which path is silent, what is done, and where to look', async () => {
    const { id, osPid = 0 } = workerOf('stopped');
    process.kill(osPid, 'SIGSTOP');
    const [line, event] = await alert(
      [`worker ${id} of pool stopped is sick`],
      'snakepit.worker.heartbeat.failed',
      {
        workerId: id,
      },
    );
    expect(line).toMatch(
      /no pong on its beat channel\) and is replaced; .*holds the GIL.*SIGSTOP/u,
    );
    expect(event).toMatchObject({ pool: 'stopped', fault: 'beats', missed: 3 });
  });

  test('[R10.5] of a call that takes too long names the option that limits it', async () => {
    const { id } = workerOf('busy');
    const call = snakepit.execute('slow', { seconds: 1000 }, { pool: 'busy' }).catch(String);
    const [line, event] = await alert(
      [`worker ${id} of pool busy is sick`],
      'snakepit.worker.heartbeat.failed',
      {
        workerId: id,
      },
    );
    expect(line).toMatch(
      /one call for longer than .*busyTimeout allows.*; if such calls are wanted, raise it/u,
    );
    expect(event).toMatchObject({ pool: 'busy', fault: 'busy' });
    expect(await call).toContain(id);
  });

  test('[R10.5] of a worker that is given up names the cause, the remedy and how it is started again', async () => {
    const { id, osPid = 0 } = workerOf('doomed');
    writeFileSync(bench.path('orders'), 'import');
    process.kill(osPid, 'SIGKILL');
    const [line, event] = await alert(
      [`worker ${id} of pool doomed is given up`],
      'snakepit.worker.failed',
      { workerId: id },
    );
    expect(line).toContain('(importError), the others go on');
    expect(line).toMatch(/\nRemedy: .*correct the module/u);
    expect(line).toContain(`revive('${id}')`);
    expect(event).toMatchObject({ pool: 'doomed', cause: 'importError' });
  });

  // Forked, its fork server would end the child, whose kills nobody here can hold back.
  const testSpawned = forks(1) ? test.skip : test;
  testSpawned(
    '[R10.5] [R10.3] of a cleanup that failed names each process, why it lives, and what becomes of it',
    async () => {
      const { id, osPid = 0 } = workerOf('stuck');
      const kid = await snakepit.execute<number>('child', {}, { pool: 'stuck' });
      // It may be on its way there yet.
      await until(() => statOf(kid)?.state === 'S', 'the child to sleep');
      const kill = process.kill.bind(process);
      jest.spyOn(process, 'kill').mockImplementation((pid, signal) => {
        // As of a child that became another user by a set-user-id program.
        if (signal === 0 || (pid !== -osPid && pid !== kid)) return kill(pid, signal);
        throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
      });
      kill(osPid, 'SIGKILL');
      const [line, event] = await alert([`${id}/`, 'there is left'], 'snakepit.cleanup.worker', {
        workerId: id,
      });
      expect(line).toContain(`${String(kid)} (S): we are not permitted to signal it (EPERM)`);
      expect(line).toContain('stays recorded, and the next start tries again');
      expect(event).toMatchObject({ pool: 'stuck', survivors: 1, successful: false });
      kill(kid, 'SIGKILL');
    },
  );

  test('[R10.5] of a lost watchdog names its process, how it ended, and that another one guards', async () => {
    const { osPid = 0 } = snakepit.health().watchdog ?? {};
    process.kill(osPid, 'SIGKILL');
    const [line] = await alert(['the watchdog has ended'], 'snakepit.watchdog.died', { osPid });
    expect(line).toContain(
      `is replaced: ended by SIGKILL (process ${String(osPid)}); if it happens`,
    );
    await until(
      () => {
        const { state, osPid: next } = snakepit.health().watchdog ?? {};
        return state === 'guarding' && next !== osPid;
      },
      'another watchdog',
      30_000,
    );
  });
});
