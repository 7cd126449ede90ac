import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason, isSnakepitError } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Supervisors in the middle of the tree are killed, which they never expect: each comes back, or all of it ends and
// says so. Either way every call is answered, and no process is left.

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** Kills whoever has this name. */
function kill({ system }: Snakepit, name: string): void {
  const pid = system.whereis(name);
  if (pid === undefined) throw new Error(`nobody is called ${name}`);
  system.exit(pid, exitReason.kill);
}

/** How a call ended: `done`, or the code of its error. */
function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'done',
    (error: unknown) => (isSnakepitError(error) ? error.code : error),
  );
}

/** Calls of every kind: two are being executed, one of which may run twice, and two wait. */
async function callsOf(snakepit: Snakepit): Promise<Promise<unknown>[]> {
  const slow = (name: string, idempotent: boolean): Promise<unknown> =>
    snakepit.execute(
      'slow',
      { seconds: 1, mark: bench.path(name) },
      { idempotent, timeout: 20_000 },
    );
  const calls = [slow('plain', false), slow('idempotent', true)];
  await Promise.all([bench.marked('plain'), bench.marked('idempotent')]);
  calls.push(snakepit.execute('add', { a: 1, b: 1 }), slow('waiting', false));
  return calls.map(outcomeOf);
}

const answers = ['done', 'WORKER_CRASHED', 'WORKER_UNAVAILABLE'];

async function expectNothingLeft(snakepit: Snakepit): Promise<void> {
  await snakepit.stop();
  expect([...snakepit.system.processes()]).toEqual([]);
  expect(bench.leftovers()).toEqual([]);
}

describe('a supervisor that is killed', () => {
  test.each([
    'snakepit.run',
    'snakepit.processRegistry',
    'snakepit.services',
    'snakepit.pools',
    'snakepit.poolSupervisor.default',
    'snakepit.workerSupervisor.default',
    'snakepit.starter.default.default_worker_1',
    'snakepit.worker.default.default_worker_1',
  ])('[I4.2] [I4.6] %s comes back, every call is answered, nobody is left', async (name) => {
    const snakepit = await bench.start({ size: 2 });
    const old = snakepit.system.whereis(name);
    const calls = await callsOf(snakepit);
    kill(snakepit, name);
    const outcomes = await Promise.all(calls);
    for (const outcome of outcomes) expect(answers).toContain(outcome);
    // What may run twice, and what had not run yet, loses nothing.
    expect(outcomes.slice(1)).toEqual(['done', 'done', 'done']);
    await until(() => {
      const now = snakepit.system.whereis(name);
      return now !== undefined && now !== old;
    }, `${name} to be back`);
    await snakepit.awaitReady();
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(snakepit.health().status).toBe('ok');
    await until(() => bench.processes().length === 2, 'two processes, and no more');
    await expectNothingLeft(snakepit);
  });

  test('[I4.2] [I4.6] all of them at once: it comes back, or it ends and says so', async () => {
    const snakepit = await bench.start({ size: 2 });
    const calls = await callsOf(snakepit);
    for (const name of ['run', 'services', 'pools', 'poolSupervisor.default']) {
      kill(snakepit, `snakepit.${name}`);
    }
    for (const outcome of await Promise.all(calls)) expect(answers).toContain(outcome);
    const again = await outcomeOf(snakepit.execute('add', { a: 2, b: 3 }));
    if (again !== 'done') expect(bench.reports.join()).toContain('Snakepit has ended');
    await expectNothingLeft(snakepit);
  });

  test('[I4.6] [R10.2] without a process registry a worker waits: it is not given up, nor is its restart', async () => {
    const backoff = { initial: 0, max: 0, jitter: 0 };
    const snakepit = await bench.start({ size: 2, restart: { maxRestarts: 0, backoff } });
    const givenUp: string[] = [];
    snakepit.system.telemetry.on('snakepit.worker.failed', (_, { workerId, error }) => {
      givenUp.push(`${workerId}: ${error.message}`);
    });
    // From then on the host is closed; supervision hears of it a few turns later.
    snakepit.system.telemetry.on('snakepit.worker.terminated', (_, { reason }) => {
      if (reason === 'normal') kill(snakepit, 'snakepit.processRegistry');
    });
    await snakepit.restartWorker('default_worker_1');
    await snakepit.awaitReady();
    expect(givenUp).toEqual([]);
    await expectNothingLeft(snakepit);
  });

  test('[I4.6] again and again: supervision gives up, says so, and answers every call', async () => {
    const snakepit = await bench.start({ size: 2 });
    const calls = await callsOf(snakepit);
    const { root, system } = snakepit;
    await until(() => {
      if (!system.isAlive(root)) return true;
      const run = system.whereis('snakepit.run');
      if (run !== undefined) system.exit(run, exitReason.kill);
      return false;
    }, 'the root to give up');
    for (const outcome of await Promise.all(calls)) expect(answers).toContain(outcome);
    expect(bench.reports.join()).toContain('Snakepit has ended');
    const error = await errorOf(snakepit.execute('pid'));
    expect(error.code).toBe('WORKER_UNAVAILABLE');
    expect(error.message).toContain('supervision has given up');
    for (const refused of [
      snakepit.awaitReady(),
      snakepit.restartWorker('default_worker_1'),
      snakepit.restartPool('default'),
    ]) {
      expect((await errorOf(refused)).message).toContain('supervision has given up');
    }
    await until(() => bench.processes().length === 0, 'the workers to end');
    await expectNothingLeft(snakepit);
  });
});
