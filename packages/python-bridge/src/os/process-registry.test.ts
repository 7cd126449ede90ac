import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type TelemetryEvents,
} from '@snakepit/core';
import {
  createToken,
  endCarriers,
  isAlive,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import * as bench from '../../../../test/fixtures/processes/host-bench.mjs';
import { currentIdentity, readStartTime, type ProcessIdentity } from './process-identity.ts';
import { processRegistry, type RunResources } from './process-registry.ts';
import { runMarker, workerFileName } from './run-record-format.ts';
import { createRunId } from './run-records.ts';

jest.setTimeout(60_000);

const WORKER = { pool: 'default', workerId: 'w1', incarnation: '1' };
const names = [
  'snakepit.cleanup.swept',
  'snakepit.cleanup.leftover',
  'snakepit.cleanup.unrecorded',
  'snakepit.cleanup.success',
  'snakepit.cleanup.timeout',
] as const satisfies readonly (keyof TelemetryEvents)[];

let base = '';
let token: Token = createToken();
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'registry-'));
  token = createToken();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await endCarriers(token);
  rmSync(base, { recursive: true, force: true });
});

/** A run of a dead owner, and a worker of it that lives. */
function leaveWorker(): { readonly runId: string; readonly worker: ProcessIdentity } {
  const runId = createRunId();
  const path = join(base, 'runs', runId);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const owner = { ...currentIdentity(), startTime: '1' };
  const run = { version: 1, runId, owner, uid: process.getuid?.() ?? -1, marker: runMarker(runId) };
  const text = JSON.stringify({ ...run, initStartTime: readStartTime(1) });
  writeFileSync(join(path, 'run.json'), text);
  const worker = bench.startProcess(token, ['sleep', '1000']).identity;
  const record = { version: 1, ...WORKER, process: worker };
  writeFileSync(join(path, workerFileName(WORKER)), JSON.stringify(record));
  return { runId, worker };
}

/** Starts a registry on the state directory, and stops it again. */
async function startAndStop(stateDir = base) {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (text: string): void =>
      void lines.push(`${level}: ${text}`);
  const logger = {
    ...silentLogger,
    ...{ debug: keep('debug'), warn: keep('warn'), error: keep('error') },
  };
  const system: ActorSystem = createSystem({ logger, longTurnMs: Infinity });
  const events: Record<string, unknown>[] = [];
  system.telemetry.attachMany(names, (measurements, metadata, name) => {
    events.push({ name: name.split('.').at(-1), ...measurements, ...metadata });
  });
  const stalls = watchStalls();
  const startMs = performance.now();
  const input = { stateDir, socketDir: undefined, onOutput: ignore, ...untold };
  await system.start(processRegistry, input, { timeout: 20_000 });
  const startedMs = performance.now() - startMs - stalls.endMs();
  await system.stop();
  return { lines: lines.filter((text) => !text.includes('had a turn of')), events, startedMs };
}

/** How long this process did not get its turn: what the machine takes from it counts against nobody. */
function watchStalls(): { readonly endMs: () => number } {
  const everyMs = 20;
  let stalledMs = 0;
  let lastMs = performance.now();
  const look = (): void => {
    const nowMs = performance.now();
    const lateMs = nowMs - lastMs - everyMs;
    if (lateMs > 50) stalledMs += lateMs;
    lastMs = nowMs;
  };
  const timer = setInterval(look, everyMs);
  return {
    endMs: () => {
      clearInterval(timer);
      look();
      return stalledMs;
    },
  };
}

function ignore(): void {
  // Of no interest here.
}

const untold = { onOpened: ignore, onResources: ignore };

const duration = expect.any(Number);

describe('processRegistry', () => {
  test('[R1.4] [R5.4] [I4.5] a start ends what an earlier run left, and says of each process what it was and how it ended', async () => {
    const { runId, worker } = leaveWorker();
    const { lines, events, startedMs } = await startAndStop();
    expect(isAlive(worker.pid)).toBe(false);
    expect(startedMs).toBeLessThan(5_000);
    expect(lines[0]).toMatch(
      new RegExp(
        `^warn: the earlier run ${runId} had left 1 process behind, ended now: ${worker.pid} of worker default/w1/1 \\(recorded; SIGTERM, \\d+ ms\\)$`,
        'u',
      ),
    );
    expect(events).toEqual([
      {
        ...{ name: 'leftover', count: 1, durationMs: duration, successful: true },
        ...{ runId, pid: worker.pid, startTime: worker.startTime, worker: 'default/w1/1' },
        ...{ why: 'record', how: 'term', state: expect.any(String) },
      },
      {
        ...{ name: 'swept', runs: 1, processes: 1, survivors: 0, corrupt: 0 },
        ...{ durationMs: duration, runId: expect.any(String), successful: true },
      },
      { name: 'success', count: 1, durationMs: duration, runId: expect.any(String) },
    ]);
    expect(readdirSync(join(base, 'runs'))).toEqual([]);
  });

  test('[R1.4] [R5.4] [R10.3] [I4.5] what does not die of SIGKILL is named, stays recorded, and holds the start up for 5 s at most', async () => {
    const { runId, worker } = leaveWorker();
    const kill = process.kill.bind(process);
    // As in uninterruptible sleep: the kernel takes the signal, and nothing happens.
    jest
      .spyOn(process, 'kill')
      .mockImplementation((pid, signal) => (pid === worker.pid ? true : kill(pid, signal)));
    const { lines, events, startedMs } = await startAndStop();
    // The limit, and what the rest of a start takes.
    expect(startedMs).toBeLessThan(6_000);
    expect(isAlive(worker.pid)).toBe(true);
    expect(lines[0]).toMatch(
      new RegExp(
        `^error: 1 process of the earlier run ${runId} cannot be ended, and stays recorded for the next start: ${worker.pid} of worker default/w1/1 \\(recorded; does not die of SIGKILL, state S\\)$`,
        'u',
      ),
    );
    expect(events).toMatchObject([
      { name: 'leftover', pid: worker.pid, how: 'survived', successful: false },
      { name: 'swept', processes: 1, survivors: 1, successful: false },
      { name: 'success' },
    ]);
    expect(readdirSync(join(base, 'runs'))).toEqual([runId]);
  });

  test('[R5.4] [I4.5] nothing to sweep is said too, and how long the look took', async () => {
    const { lines, events } = await startAndStop();
    expect(lines).toEqual([expect.stringMatching(/^debug: looked for what earlier runs left/u)]);
    expect(events).toMatchObject([
      { name: 'swept', runs: 0, processes: 0, survivors: 0, durationMs: duration },
      { name: 'success' },
    ]);
  });

  test('[I4.5] shows every six hours that its run is there: in another container only its age tells', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock, longTurnMs: Infinity });
    const input = { stateDir: base, socketDir: undefined, onOutput: ignore, ...untold };
    const starting = system.start(processRegistry, input);
    const startedBy = performance.now() + 20_000;
    const seen: unknown[] = [];
    void starting.then((started) => seen.push(started));
    // Its sweep may wait some milliseconds between its looks.
    while (seen.length === 0 && performance.now() < startedBy) await clock.advance(1);
    const [name = ''] = readdirSync(join(base, 'runs'));
    const directory = join(base, 'runs', name);
    const isYoung = (): boolean => Date.now() - statSync(directory).mtimeMs < 3_600_000;
    for (const round of [1, 2]) {
      utimesSync(directory, new Date(0), new Date(0));
      await clock.advance(6 * 3_600_000);
      expect([round, isYoung()]).toEqual([round, true]);
    }
    await system.stop();
    expect(clock.pending).toBe(0);
    expect(readdirSync(join(base, 'runs'))).toEqual([]);
  });

  test('[I4.6] killed while it sweeps, it holds nothing: its successor does', async () => {
    const system = createSystem({ logger: silentLogger, longTurnMs: Infinity });
    const opened: RunResources[] = [];
    const held: unknown[] = [];
    const input = {
      ...{ stateDir: base, socketDir: undefined, onOutput: ignore },
      onOpened: (resources: RunResources) => {
        const pid = system.whereis('first');
        if (pid !== undefined) system.exit(pid, exitReason.kill);
        opened.push(resources);
      },
      onResources: (resources: RunResources | undefined) => void held.push(resources),
    };
    await expect(system.start(processRegistry, input, { name: 'first' })).rejects.toThrow('killed');
    await system.start(processRegistry, input, { timeout: 20_000 });
    await opened[0]?.release();
    expect(held).toEqual([opened[1]]);
    await system.stop();
    expect(readdirSync(join(base, 'runs'))).toEqual([]);
  });

  test('[I4.5] records that cannot be written are one warning and one event', async () => {
    const stateDir = join(base, 'file');
    writeFileSync(stateDir, '');
    const { lines, events } = await startAndStop(stateDir);
    expect(lines.filter((text) => text.startsWith('warn'))).toEqual([
      expect.stringMatching(/^warn: run records cannot be written \(.*file/u),
    ]);
    expect(events.filter(({ name }) => name === 'unrecorded')).toEqual([
      {
        ...{ name: 'unrecorded', count: 1, runId: expect.any(String) },
        reason: expect.stringContaining('file'),
      },
    ]);
  });

  test('[R1.4] a corrupt record is told with where it lies now', async () => {
    const { runId, worker } = leaveWorker();
    const path = join(base, 'runs', runId, workerFileName(WORKER));
    writeFileSync(path, '{');
    const { lines, events } = await startAndStop();
    expect(isAlive(worker.pid)).toBe(true);
    expect(lines[0]).toMatch(/cannot be used: .*: not a worker record; moved to .*corrupt/u);
    expect(events[0]).toMatchObject({ name: 'swept', corrupt: 1, successful: true });
  });
});
