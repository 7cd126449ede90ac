import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createTelemetry } from '@snakepit/core';
import {
  currentIdentity,
  readStartTime,
} from '../../packages/python-bridge/src/os/process-identity.ts';
import { sweepEarlierRuns } from '../../packages/python-bridge/src/os/run-sweep.ts';
import { ObedientProgram } from '../fixtures/obedient-program.ts';
import { carriers, ignoresTerm } from '../fixtures/processes/census.mjs';
import { fixturePath, startProcess, sweepElsewhere } from '../fixtures/processes/host-bench.mjs';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Several runtimes and one state directory.

jest.setTimeout(120_000);

let bench: SnakepitBench;
let programs: ObedientProgram[];
beforeEach(() => {
  bench = new SnakepitBench();
  programs = [];
});
afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()));
  await bench.close();
});

function startProgram(options: { readonly handleSignals?: boolean } = {}): ObedientProgram {
  const program = new ObedientProgram(bench.config([{}], { stateDir: bench.stateDir, ...options }));
  programs.push(program);
  return program;
}

/** Writes a run of a dead owner, and starts a family of it whose members ignore SIGTERM. */
async function leaveStubbornFamily(): Promise<string> {
  const runId = `abandoned${String(process.pid)}`.padEnd(16, 'x');
  const path = join(bench.stateDir, 'runs', runId);
  for (const part of [bench.stateDir, join(bench.stateDir, 'runs'), path]) {
    mkdirSync(part, { mode: 0o700, recursive: true });
  }
  const name = `SNAKEPIT_RUN_${runId}`;
  const owner = { ...currentIdentity(), pid: 4_000_000 };
  const run = { version: 1, runId, owner, uid: process.getuid?.() ?? -1, marker: `${name}=1` };
  const text = JSON.stringify({ ...run, initStartTime: readStartTime(1) });
  writeFileSync(join(path, 'run.json'), text);
  startProcess(bench.token, ['python3', fixturePath('outlives_everything.py'), '2'], {
    [name]: '1',
  });
  await until(() => family().length === 3, 'three that ignore SIGTERM');
  return runId;
}

function family(): readonly number[] {
  return carriers(bench.token).filter(ignoresTerm);
}

function survive(): void {
  // The signal is only about what is started here.
}

function isClaimed(): boolean {
  return bench.runs().some((name) => name.includes('.claim-'));
}

describe('another live instance on the same state directory', () => {
  test('[R1.4] [I4.5] is not touched, nor are its workers; when it is killed, the next start ends what it left', async () => {
    const other = startProgram();
    const { pids = [] } = await other.heard('started');
    const snakepit = await bench.start();
    expect(bench.runs()).toHaveLength(2);
    const escapee = Number(await other.call('escapee'));
    expect(pids).toHaveLength(1);
    expect(pids.every(isAlive)).toBe(true);
    await other.kill();
    await until(() => !pids.some(isAlive), 'its workers to end', 5_000);
    expect(isAlive(escapee)).toBe(true);
    const third = await bench.start();
    expect(isAlive(escapee)).toBe(false);
    // The first of ours lives in the same process as the third, and serves on.
    expect(isAlive(osPidOf(snakepit))).toBe(true);
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(bench.reports.filter((text) => text.includes('left 1 process behind'))).toHaveLength(1);
    await Promise.all([snakepit.stop(), third.stop()]);
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('sweepers', () => {
  test('[R1.4] [I4.5] that compete end each process once: one gets the run, the others leave it', async () => {
    const runId = await leaveStubbornFamily();
    const reports = await Promise.all(
      [1, 2, 3].map(() => sweepElsewhere(bench.stateDir, bench.token, {})),
    );
    expect(family()).toEqual([]);
    const seen = reports.flatMap(({ runs }) => runs).filter((one) => one.runId === runId);
    const winners = seen.filter(({ outcome }) => outcome === 'swept');
    expect(winners).toHaveLength(1);
    expect(winners[0]?.processes.map(({ how }) => how)).toEqual(['kill', 'kill', 'kill']);
    const losers = seen.filter((one) => !winners.includes(one));
    expect(losers.every(({ outcome }) => outcome === 'claimedByOther')).toBe(true);
    expect(losers.flatMap(({ processes }) => processes)).toEqual([]);
    expect(bench.runs()).toEqual([]);
  });

  test('[R1.4] [I4.5] of one process, at once: one gets the run', async () => {
    const runId = await leaveStubbornFamily();
    const sweep = () => sweepEarlierRuns({ stateDirectory: bench.stateDir, termTimeoutMs: 100 });
    const reports = await Promise.all([sweep(), sweep()]);
    const seen = reports.flatMap(({ runs }) => runs).filter((one) => one.runId === runId);
    expect(seen.map(({ outcome }) => outcome).sort()).toEqual(['claimedByOther', 'swept']);
    expect(seen.flatMap(({ processes }) => processes)).toHaveLength(3);
    expect(family()).toEqual([]);
    expect(bench.runs()).toEqual([]);
  });

  test('[R1.4] [I4.5] of whom one is killed in the middle lose their claim to the next', async () => {
    const runId = await leaveStubbornFamily();
    const args = ['--import', fixturePath('typescript-loader.mjs'), fixturePath('sweeper.mjs')];
    const sweeper = spawn(process.execPath, [...args, bench.stateDir], { stdio: 'ignore' });
    await until(isClaimed, 'the claim');
    sweeper.kill('SIGKILL');
    await once(sweeper, 'exit');
    expect(family()).toHaveLength(3);
    expect(readdirSync(join(bench.stateDir, 'runs'))).toEqual([
      expect.stringContaining(`${runId}.claim-`),
    ]);
    const { runs } = await sweepEarlierRuns({
      stateDirectory: bench.stateDir,
      termTimeoutMs: 100,
    });
    expect(runs).toMatchObject([{ runId, outcome: 'swept' }]);
    expect(runs[0]?.processes).toHaveLength(3);
    expect(family()).toEqual([]);
    expect(bench.runs()).toEqual([]);
  });
});

describe('a start that is called off', () => {
  test('[I4.5] by SIGTERM while it sweeps: the sweep is finished, and no run of its own is left', async () => {
    await leaveStubbornFamily();
    const program = startProgram({ handleSignals: true });
    await until(isClaimed, 'the sweep to begin', 50_000);
    program.child.kill('SIGTERM');
    expect(await program.exited).toEqual([null, 'SIGTERM']);
    expect(program.said).toEqual([
      { event: 'starting' },
      { event: 'report', text: expect.stringContaining('had left 3 processes behind, ended now') },
    ]);
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.4] by SIGTERM: no worker is started that would only be stopped', async () => {
    await leaveStubbornFamily();
    const telemetry = createTelemetry();
    const spawned: (string | undefined)[] = [];
    telemetry.on('snakepit.process.spawned', (_, { name }) => void spawned.push(name));
    // A second listener: otherwise this process would be ended by the signal.
    process.on('SIGTERM', survive);
    try {
      const start = errorOf(
        bench.start({ size: 2 }, { handleSignals: true, telemetry: { bus: telemetry } }),
      );
      await until(isClaimed, 'the sweep to begin');
      process.emit('SIGTERM', 'SIGTERM');
      expect((await start).code).toBe('SHUTTING_DOWN');
    } finally {
      process.off('SIGTERM', survive);
    }
    expect(spawned).toContain('snakepit.pool.default');
    expect(spawned.filter((name) => name?.startsWith('snakepit.worker.'))).toEqual([]);
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.3] [I4.4] [I4.5] by a second SIGTERM: the rest of the sweep is left to the next start', async () => {
    const runId = await leaveStubbornFamily();
    const program = startProgram({ handleSignals: true });
    await until(isClaimed, 'the sweep to begin', 50_000);
    program.child.kill('SIGTERM');
    program.child.kill('SIGINT');
    const [, signal] = await program.exited;
    expect(['SIGTERM', 'SIGINT']).toContain(signal);
    expect(program.said).toEqual([{ event: 'starting' }]);
    // A sweep that goes on to its end kills them.
    expect(family()).toHaveLength(3);
    expect(bench.runs()).toEqual([runId]);
  });

  test('[I4.5] in the middle of its sweep signals nobody any more, and gives the claim back', async () => {
    const runId = await leaveStubbornFamily();
    const calledOff = new AbortController();
    const sweep = sweepEarlierRuns({ stateDirectory: bench.stateDir, signal: calledOff.signal });
    await until(isClaimed, 'the claim');
    calledOff.abort();
    expect((await sweep).runs).toMatchObject([{ runId, outcome: 'survivors' }]);
    expect(family()).toHaveLength(3);
    expect(bench.runs()).toEqual([runId]);
  });
});
