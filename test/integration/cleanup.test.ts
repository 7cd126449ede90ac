import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CleanupReport } from '../../packages/python-bridge/src/hosts/local/worker-cleanup.ts';
import { startProcess } from '../fixtures/processes/host-bench.mjs';
import { playScene } from '../fixtures/run-scene.ts';
import { forks, isAlive, osPidOf, SnakepitBench } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await bench.close();
});

describe('the last look', () => {
  test('[R6.5] [I4.5] normally finds nothing, and telemetry says so', async () => {
    const snakepit = await bench.start({ size: 2 });
    const events: string[] = [];
    const names = [
      'snakepit.application_cleanup.cleanup_success',
      'snakepit.application_cleanup.orphaned_processes_found',
      'snakepit.cleanup.success',
      'snakepit.cleanup.timeout',
    ] as const;
    snakepit.system.telemetry.attachMany(names, (_measurements, _metadata, name) => {
      events.push(name);
    });
    await snakepit.stop();
    expect(events).toEqual([
      'snakepit.application_cleanup.cleanup_success',
      'snakepit.cleanup.success',
    ]);
    expect(bench.reports).toEqual([]);
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.5] [I4.5] kills an orphan that was started outside supervision, and reports it', async () => {
    const snakepit = await bench.start();
    const [runId = ''] = bench.runs();
    // As a worker's own child would that nobody knows of: it carries the mark of the run, and nothing else.
    const orphan = startProcess(bench.token, ['sleep', '1000'], { [`SNAKEPIT_RUN_${runId}`]: '1' });
    const found: unknown[] = [];
    snakepit.system.telemetry.on(
      'snakepit.application_cleanup.emergency_cleanup',
      (counts, about) => {
        found.push({ ...counts, ...about });
      },
    );
    await snakepit.stop();
    expect(isAlive(orphan.identity.pid)).toBe(false);
    expect(found).toEqual([
      { count: 1, survivors: 0, durationMs: expect.any(Number), runId, successful: true },
    ]);
    expect(bench.reports).toEqual([
      `processes of this run were left by supervision, and are killed: ${String(orphan.identity.pid)}`,
    ]);
    expect(bench.leftovers()).toEqual([]);
  });
});

// Forked, its fork server would end it, whose kills nobody here can hold back.
const describeSpawned = forks(2, 'spawn') ? describe.skip : describe;
describeSpawned('a worker that does not die of SIGKILL, as in uninterruptible sleep', () => {
  test('[R10.3] [I4.5] does not keep stop() from its end: it is named, and stays recorded', async () => {
    const snakepit = await bench.start({ size: 2, launch: 'spawn' });
    const [stuck, other] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    const kill = process.kill.bind(process);
    jest
      .spyOn(process, 'kill')
      .mockImplementation((pid, signal) =>
        Math.abs(pid) === stuck && signal !== 0 ? true : kill(pid, signal),
      );
    const stuckEvents: boolean[] = [];
    snakepit.system.telemetry.on('snakepit.cleanup.timeout', () => stuckEvents.push(true));
    await snakepit.stop({ timeout: 0 });
    expect(stuckEvents).toEqual([true]);
    expect([stuck, other].map(isAlive)).toEqual([true, false]);
    expect(bench.runs()).toHaveLength(1);
    expect(bench.reports).toContainEqual(
      expect.stringMatching(
        new RegExp(`process ${String(stuck)} of worker .* does not die of SIGKILL`, 'u'),
      ),
    );
    expect(bench.reports).toContainEqual(expect.stringContaining('the run stays recorded'));
    jest.restoreAllMocks();
    kill(-stuck, 'SIGKILL');
  });
});

describe('a runtime that is not permitted to signal what a worker started', () => {
  test('[R10.3] [I4.5] tries the group, the mark and the process, and tells whom it could not end, and why', async () => {
    // The other user of the scene has to get in.
    chmodSync(bench.base, 0o755);
    const { kid, report, recorded, alive } = await playScene<{
      readonly kid: number;
      readonly report: CleanupReport;
      readonly recorded: number;
      readonly alive: boolean;
    }>('notPermitted', { stateDir: bench.stateDir }, { as: 'root', token: bench.token });
    expect(alive).toBe(true);
    expect(report).toMatchObject({
      groupKill: 'notPermitted',
      killedSingly: [],
      survivors: [{ pid: kid, lastAttempt: 'notPermitted' }],
    });
    expect(recorded).toBe(1);
  });
});
