import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  carriers,
  createToken,
  endCarriers,
  ignoresTerm,
  isAlive,
  membersOf,
  until,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import * as bench from '../../../../test/fixtures/processes/host-bench.mjs';
import { shortDirectories } from './private-directory.ts';
import { currentIdentity, readStartTime, type ProcessIdentity } from './process-identity.ts';
import { claimName, workerFileName, type RunFile } from './run-record-format.ts';
import { createRunId, openRun } from './run-records.ts';
import { sweepEarlierRuns, type SweepReport } from './run-sweep.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const WORKER = { pool: 'default', workerId: 'w1', incarnation: '1' };

let stateDirectory = '';
let token: Token = createToken();
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'run-sweep-'));
  mkdirSync(join(stateDirectory, 'runs'), { mode: 0o700 });
  token = createToken();
});
afterEach(async () => {
  await endCarriers(token);
  rmSync(stateDirectory, { recursive: true, force: true });
});

/** An identity that was ours, once: the same number, another start. */
function somebodyDead(): ProcessIdentity {
  return { ...currentIdentity(), startTime: '1' };
}

function writeRun(changes: Partial<RunFile> = {}, directory?: string): string {
  const runId = createRunId();
  const path = join(stateDirectory, 'runs', directory ?? runId);
  mkdirSync(path, { mode: 0o700 });
  const run: RunFile = {
    version: 1,
    runId,
    owner: somebodyDead(),
    initStartTime: readStartTime(1) ?? '',
    uid: process.getuid?.() ?? -1,
    marker: `SNAKEPIT_RUN_${runId}=1`,
    ...changes,
  };
  writeFileSync(join(path, 'run.json'), JSON.stringify(run));
  return runId;
}

function writeWorker(runId: string, process: ProcessIdentity | null): string {
  const path = join(stateDirectory, 'runs', runId, workerFileName(WORKER));
  writeFileSync(path, JSON.stringify({ version: 1, ...WORKER, process }));
  return path;
}

function start(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): ProcessIdentity {
  return bench.startProcess(token, command, env).identity;
}

/** With patience: a busy machine may take its time to end what obeys at once. */
function sweep(termTimeoutMs = 5_000): Promise<SweepReport> {
  return sweepEarlierRuns({ stateDirectory, termTimeoutMs });
}

function runNames(): readonly string[] {
  return readdirSync(join(stateDirectory, 'runs'));
}

describe('sweepEarlierRuns', () => {
  test('[R1.4] ends a recorded process of a dead runtime, without any marker', async () => {
    const runId = writeRun();
    const left = start(['sleep', '1000']);
    writeWorker(runId, left);
    const report = await sweep();
    expect(isAlive(left.pid)).toBe(false);
    expect(report.runs).toMatchObject([
      {
        runId,
        outcome: 'swept',
        processes: [
          {
            pid: left.pid,
            startTime: left.startTime,
            worker: 'default/w1/1',
            why: 'record',
            how: 'term',
          },
        ],
      },
    ]);
    expect(runNames()).toEqual([]);
  });

  test('[R1.4] [R10.4] finds by marker what was never recorded, and kills what ignores TERM', async () => {
    const runId = writeRun();
    writeWorker(runId, null);
    const command = ['python3', bench.fixturePath('outlives_everything.py'), '2'] as const;
    start(command, { [`SNAKEPIT_RUN_${runId}`]: '1' });
    await until(() => carriers(token).filter(ignoresTerm).length === 3, 'three that ignore TERM');
    const report = await sweep(200);
    expect(carriers(token)).toEqual([]);
    const processes = report.runs[0]?.processes ?? [];
    expect(processes).toHaveLength(3);
    expect(processes.every(({ why }) => why === 'marker')).toBe(true);
    expect(report.runs[0]?.outcome).toBe('swept');
  });

  test('ends the children of a recorded group, also after their leader', async () => {
    const runId = writeRun();
    const program = 'trap "" TERM; env -i sleep 1000 & trap - TERM; exec sleep 1000';
    const leader = start(['sh', '-c', program]);
    const kids = await until(() => {
      const found = membersOf(leader.pid).filter((pid) => pid !== leader.pid);
      return found.length > 0 ? found : undefined;
    }, 'child without environment');
    writeWorker(runId, leader);
    const report = await sweep(200);
    expect(kids.filter(isAlive)).toEqual([]);
    expect(report.runs[0]?.processes.map(({ why }) => why)).toEqual(['record', 'group']);
  });

  test('[R1.4] leaves alone who got a recorded number later, and near misses of the marker', async () => {
    const runId = writeRun();
    const stranger = start(['sleep', '1000'], {
      [`XSNAKEPIT_RUN_${runId}`]: '1',
      [`SNAKEPIT_RUN_${runId}`]: '12',
      SOMETHING: `SNAKEPIT_RUN_${runId}=1`,
    });
    writeWorker(runId, { ...stranger, startTime: String(Number(stranger.startTime) - 1) });
    const report = await sweep();
    expect(isAlive(stranger.pid)).toBe(true);
    expect(report.runs).toMatchObject([{ outcome: 'swept', processes: [] }]);
  });

  test('does not touch a live runtime, nor what is nested in a dead one', async () => {
    const dead = writeRun();
    const { run } = openRun({ stateDir: stateDirectory });
    const nested = start(['sleep', '1000'], {
      [`SNAKEPIT_RUN_${dead}`]: '1',
      [`SNAKEPIT_RUN_${run.runId}`]: '1',
    });
    run.recordSpawned(WORKER, nested);
    const report = await sweep();
    expect(isAlive(nested.pid)).toBe(true);
    const outcomes = Object.fromEntries(report.runs.map((one) => [one.runId, one.outcome]));
    expect(outcomes).toEqual({ [dead]: 'swept', [run.runId]: 'live' });
    expect(runNames()).toEqual([run.runId]);
  });

  test('a stopped owner is alive', async () => {
    const owner = start(['sleep', '1000']);
    process.kill(owner.pid, 'SIGSTOP');
    writeRun({ owner });
    expect((await sweep()).runs).toMatchObject([{ outcome: 'live' }]);
  });

  test('forgets runs of an earlier boot or container, and signals nobody for them', async () => {
    const left = start(['sleep', '1000']);
    const earlier = writeRun({ owner: { ...somebodyDead(), bootId: 'an earlier boot' } });
    writeWorker(earlier, left);
    writeRun({ initStartTime: 'another init' });
    const report = await sweep();
    expect(report.runs.map(({ outcome }) => outcome)).toEqual(['earlierBoot', 'earlierBoot']);
    expect(isAlive(left.pid)).toBe(true);
    expect(runNames()).toEqual([]);
  });

  test('leaves runs of another container for a week', async () => {
    const owner = { ...somebodyDead(), pidNamespace: '1' };
    const young = writeRun({ owner });
    const old = writeRun({ owner });
    const longAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    utimesSync(join(stateDirectory, 'runs', old), longAgo, longAgo);
    const report = await sweep();
    expect(report.runs.map(({ outcome }) => outcome)).toEqual(['otherNamespace', 'otherNamespace']);
    expect(runNames()).toEqual([young]);
  });

  test('a corrupt record is moved aside and told; the marker finds its process anyway', async () => {
    const runId = writeRun();
    const left = start(['sleep', '1000'], { [`SNAKEPIT_RUN_${runId}`]: '1' });
    const path = writeWorker(runId, left);
    writeFileSync(path, '{"version":1,"pool":"def');
    const { runs } = await sweep();
    expect(isAlive(left.pid)).toBe(false);
    expect(runs[0]?.outcome).toBe('swept');
    expect(runs[0]?.corrupt).toMatchObject([{ reason: 'not a worker record' }]);
    expect(existsSync(runs[0]?.corrupt[0]?.movedTo ?? '')).toBe(true);
  });

  test.each(['', '{"version":1,', 'x'.repeat(100_000)])(
    'a run whose run.json is corrupt (%#) is moved aside, nobody is signalled',
    async (text) => {
      const runId = writeRun();
      const left = start(['sleep', '1000']);
      writeWorker(runId, left);
      writeFileSync(join(stateDirectory, 'runs', runId, 'run.json'), text);
      const { runs } = await sweep();
      expect(isAlive(left.pid)).toBe(true);
      expect(runs).toMatchObject([{ runId, outcome: 'corrupt', processes: [] }]);
      expect(existsSync(join(runs[0]?.corrupt[0]?.movedTo ?? '', 'run.json'))).toBe(true);
      expect(runNames()).toEqual([]);
    },
  );

  test('a corrupt run that somebody still uses stays where it is', async () => {
    const runId = writeRun();
    writeFileSync(join(stateDirectory, 'runs', runId, 'run.json'), '');
    const user = start(['sleep', '1000'], { [`SNAKEPIT_RUN_${runId}`]: '1' });
    const { runs } = await sweep();
    expect(runs[0]?.corrupt).toMatchObject([{ movedTo: undefined }]);
    expect(isAlive(user.pid)).toBe(true);
    expect(runNames()).toEqual([runId]);
  });

  test('follows no links, and ignores what is no run', async () => {
    const elsewhere = join(stateDirectory, 'elsewhere');
    const runId = writeRun();
    renameSync(join(stateDirectory, 'runs', runId), elsewhere);
    symlinkSync(elsewhere, join(stateDirectory, 'runs', runId));
    writeFileSync(join(stateDirectory, 'runs', 'README'), '');
    expect((await sweep()).runs).toEqual([]);
    expect(readdirSync(elsewhere)).toEqual(['run.json']);
  });

  test('reads no record through a link, and does not wait for one that is a pipe', async () => {
    const stranger = start(['sleep', '1000']);
    const record = writeWorker(writeRun(), stranger);
    const elsewhere = join(stateDirectory, 'record.json');
    renameSync(record, elsewhere);
    symlinkSync(elsewhere, record);
    const piped = join(stateDirectory, 'runs', createRunId());
    execFileSync('mkfifo', [join(mkdirSync(piped, { recursive: true }) ?? '', 'run.json')]);
    // In another process: this one would be blocked for ever, its time limit included.
    const { runs } = await bench.sweepElsewhere(stateDirectory, token, {});
    expect(runs.map(({ outcome }) => outcome).sort()).toEqual(['corrupt', 'swept']);
    expect(isAlive(stranger.pid)).toBe(true);
  });

  test('takes over a claim of a dead sweeper, and respects that of a live one', async () => {
    const dead = writeRun();
    const runs = join(stateDirectory, 'runs');
    const gone = { ...somebodyDead(), pid: 4_000_000 };
    renameSync(join(runs, dead), join(runs, claimName(dead, gone)));
    const claimed = writeRun();
    const sweeper = start(['sleep', '1000']);
    renameSync(join(runs, claimed), join(runs, claimName(claimed, sweeper)));
    const first = (await sweep()).runs.map(({ runId, outcome }) => [runId, outcome]);
    expect(Object.fromEntries(first)).toEqual({ [dead]: 'swept', [claimed]: 'claimedByOther' });
    // Half removed by its sweeper, it is not damaged.
    unlinkSync(join(runs, claimName(claimed, sweeper), 'run.json'));
    expect((await sweep()).runs).toMatchObject([{ outcome: 'claimedByOther', corrupt: [] }]);
    expect(runNames()).toEqual([claimName(claimed, sweeper)]);
  });

  test('of several runtimes that start at once exactly one gets a run', async () => {
    const runIds = Array.from({ length: 8 }, () => writeRun());
    const sweepers = Array.from({ length: 3 }, () =>
      bench.sweepElsewhere(stateDirectory, token, {}),
    );
    const reports = await Promise.all(sweepers);
    for (const runId of runIds) {
      const outcomes = reports.flatMap(({ runs }) =>
        runs.flatMap((one) => (one.runId === runId ? one.outcome : [])),
      );
      expect(outcomes.filter((outcome) => outcome === 'swept')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'corrupt')).toEqual([]);
    }
    expect(runNames()).toEqual([]);
    expect(existsSync(join(stateDirectory, 'corrupt'))).toBe(false);
  });

  test('removes unfinished run directories after an hour, and short socket directories', async () => {
    const unfinished = join(stateDirectory, 'runs', '.new-abcdefghijkl');
    mkdirSync(unfinished);
    const sockets = shortDirectories(writeRun())[0] ?? '';
    mkdirSync(sockets, { mode: 0o700 });
    await sweep();
    expect(existsSync(sockets)).toBe(false);
    expect(existsSync(unfinished)).toBe(true);
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(unfinished, longAgo, longAgo);
    await sweep();
    expect(existsSync(unfinished)).toBe(false);
  });

  test('a sweep that may not move a corrupt record aside says so and goes on', async () => {
    const runId = writeRun();
    writeFileSync(writeWorker(runId, null), 'garbage');
    writeFileSync(join(stateDirectory, 'corrupt'), 'in the way');
    const { runs } = await sweep();
    expect(runs).toMatchObject([{ outcome: 'swept', corrupt: [{ movedTo: undefined }] }]);
  });

  test('an empty or missing state directory is nothing to do', async () => {
    rmSync(join(stateDirectory, 'runs'), { recursive: true });
    expect((await sweep()).runs).toEqual([]);
  });

  test('a runtime started by a process of a dead run does not end itself', async () => {
    const runId = writeRun();
    const { runs } = await bench.sweepElsewhere(stateDirectory, token, {
      [`SNAKEPIT_RUN_${runId}`]: '1',
    });
    expect(runs).toMatchObject([{ outcome: 'swept', processes: [] }]);
  });
});
