import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isAlive, statOf, until } from '../fixtures/processes/census.mjs';
import type { OsProcess } from './command/everyone.ts';
import type { Victim } from './command/victim.ts';
import { DyingRuntime, type State } from './dying-runtime.ts';

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

/** The one watchdog of a runtime. */
function watchdogOf({ process: { pid } }: Victim): number {
  const [watchdog] = watchdogsOf(pid);
  if (watchdog === undefined) throw new Error('there is no watchdog');
  return watchdog;
}

function workerOf(state: State): OsProcess {
  const worker = runtime.workerOf(state);
  if (worker === undefined) throw new Error(`there is no worker that is ${state}`);
  return worker;
}

const isGone = (pid: number): Promise<unknown> =>
  until(() => !isAlive(pid), `process ${String(pid)} gone`);

describe('the runtime is killed, and the watchdog alone ends its workers', () => {
  test('[R4.1] [R4.2] [R4.3] [R1.1] [I4.7] TERM within a second; KILL after three for who is stuck', async () => {
    const states = ['idle', 'gil', 'stopped', 'deaf'] as const;
    const victim = await runtime.start(states, OTHERS, { watchdog: true });
    const workers = states.map(workerOf);
    const watchdog = watchdogOf(victim);
    const { pid: stopped } = workerOf('stopped');
    process.kill(stopped, 'SIGSTOP');
    await until(() => statOf(stopped)?.state === 'T', 'the worker stopped');
    // Seen by a process that does nothing else: this one may be busy.
    const { gone } = await runtime.shoot(victim.process, 'SIGKILL', workers);
    await victim.exited;
    const [idleMs, gilMs, stoppedMs, deafMs] = workers.map(({ pid }) => gone[pid]);
    // Nobody else would have ended them: the ways of both say that it was TERM, and then KILL.
    expect(idleMs).toBeLessThan(1_000);
    expect(stoppedMs).toBeLessThan(1_000);
    for (const ms of [gilMs, deafMs]) {
      expect(ms).toBeGreaterThan(2_900);
      expect(ms).toBeLessThan(5_000);
    }
    // It goes when it has seen three times that nobody is left.
    await isGone(watchdog);
    expect(runtime.everyone()).toEqual([]);
  });

  test('[R4.1] [T3.2] [I4.7] the watchdog is killed, replaced, and then the runtime: nobody is left', async () => {
    const victim = await runtime.start(['idle', 'family'], OTHERS, { watchdog: true });
    const first = watchdogOf(victim);
    process.kill(first, 'SIGKILL');
    const second = await until(
      () => watchdogsOf(victim.process.pid).find((pid) => pid !== first && isAlive(pid)),
      'another watchdog',
    );
    process.kill(victim.process.pid, 'SIGKILL');
    await victim.exited;
    await until(() => runtime.everyone().length === 0, 'nobody left');
    await isGone(second);
  });

  test('[R4.1] [I4.3] a runtime that is stopped is not dead: nobody is asked to end', async () => {
    const victim = await runtime.start(['idle'], OTHERS, { watchdog: true });
    const { pid } = workerOf('idle');
    const watchdog = watchdogOf(victim);
    process.kill(victim.process.pid, 'SIGSTOP');
    // Longer than TERM of a watchdog may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([isAlive(pid), isAlive(watchdog)]).toEqual([true, true]);
    // Killed while it is stopped it is dead.
    process.kill(victim.process.pid, 'SIGKILL');
    await isGone(pid);
    await isGone(watchdog);
  });

  test('[R4.5] without it they live on: it was the watchdog that ended them', async () => {
    const victim = await runtime.start(['idle'], OTHERS);
    expect(watchdogsOf(victim.process.pid)).toEqual([]);
    const { pid } = workerOf('idle');
    process.kill(victim.process.pid, 'SIGKILL');
    await victim.exited;
    // As long as TERM of a watchdog may take.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(isAlive(pid)).toBe(true);
  });
});
