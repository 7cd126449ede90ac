import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isAlive, statOf, until } from '../fixtures/processes/census.mjs';
import { DyingRuntime } from './dying-runtime.ts';

// Every other layer that sees the runtime's death is off: what the watchdog does, and when.

jest.setTimeout(120_000);

const OTHERS = 'record,exit,lifeline,eof,opinion';

let runtime: DyingRuntime;
beforeEach(() => {
  runtime = new DyingRuntime();
});
afterEach(() => runtime.close());

/** Numbers of the watchdogs of a runtime: the children of that process that run the script. */
function watchdogsOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((number) => {
      try {
        const stat = readFileSync(`/proc/${String(number)}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]);
        const command = readFileSync(`/proc/${String(number)}/cmdline`, 'utf8');
        return parent === pid && command.includes('watchdog.sh');
      } catch {
        return false; // Gone meanwhile, or no process.
      }
    });
}

const goneAfter = async (pid: number, startMs: number): Promise<number> => {
  await until(() => !isAlive(pid), `process ${String(pid)} gone`);
  return performance.now() - startMs;
};

describe('the runtime is killed, and the watchdog alone ends its workers', () => {
  test('[R4.1] [R4.2] [R4.3] [R1.1] [I4.7] TERM within a second; KILL after three for who is stuck', async () => {
    const states = ['idle', 'gil', 'stopped', 'deaf'] as const;
    const victim = await runtime.start(states, OTHERS, { watchdog: true });
    const [idle = 0, gil = 0, stopped = 0, deaf = 0] = states.map(
      (state) => runtime.workerOf(state)?.pid,
    );
    const watchdog = watchdogsOf(victim.process.pid)[0] ?? 0;
    process.kill(stopped, 'SIGSTOP');
    await until(() => statOf(stopped)?.state === 'T', 'the worker stopped');
    process.kill(victim.process.pid, 'SIGKILL');
    const startMs = performance.now();
    const [idleMs, stoppedMs, gilMs, deafMs] = await Promise.all(
      [idle, stopped, gil, deaf].map((pid) => goneAfter(pid, startMs)),
    );
    await victim.exited;
    // Nobody else would have ended them: the ways of both say that it was TERM, and then KILL.
    expect(idleMs).toBeLessThan(1_000);
    expect(stoppedMs).toBeLessThan(1_000);
    for (const ms of [gilMs, deafMs]) {
      expect(ms).toBeGreaterThan(2_900);
      expect(ms).toBeLessThan(5_000);
    }
    // It goes when it has seen three times that nobody is left.
    await goneAfter(watchdog, startMs);
    expect(runtime.everyone()).toEqual([]);
  });

  test('[R4.1] [T3.2] [I4.7] the watchdog is killed, replaced, and then the runtime: nobody is left', async () => {
    const victim = await runtime.start(['idle', 'family'], OTHERS, { watchdog: true });
    const [first = 0] = watchdogsOf(victim.process.pid);
    process.kill(first, 'SIGKILL');
    const second = await until(
      () => watchdogsOf(victim.process.pid).find((pid) => pid !== first && isAlive(pid)),
      'another watchdog',
    );
    process.kill(victim.process.pid, 'SIGKILL');
    await victim.exited;
    await until(() => runtime.everyone().length === 0, 'nobody left');
    await goneAfter(second, performance.now());
  });

  test('[R4.1] [I4.3] a runtime that is stopped is not dead: nobody is asked to end', async () => {
    const victim = await runtime.start(['idle'], OTHERS, { watchdog: true });
    const { pid = 0 } = runtime.workerOf('idle') ?? {};
    const [watchdog = 0] = watchdogsOf(victim.process.pid);
    process.kill(victim.process.pid, 'SIGSTOP');
    // Longer than TERM of a watchdog may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([isAlive(pid), isAlive(watchdog)]).toEqual([true, true]);
    // Killed while it is stopped it is dead.
    process.kill(victim.process.pid, 'SIGKILL');
    await goneAfter(pid, performance.now());
    await goneAfter(watchdog, performance.now());
  });

  test('[R4.5] without it they live on: it was the watchdog that ended them', async () => {
    const victim = await runtime.start(['idle'], OTHERS);
    expect(watchdogsOf(victim.process.pid)).toEqual([]);
    const { pid = 0 } = runtime.workerOf('idle') ?? {};
    process.kill(victim.process.pid, 'SIGKILL');
    await victim.exited;
    // As long as TERM of a watchdog may take.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(isAlive(pid)).toBe(true);
  });
});
