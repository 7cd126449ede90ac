import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createToken,
  endCarriers,
  isAlive,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import * as bench from '../../../../test/fixtures/processes/host-bench.mjs';
import { currentIdentity, readStartTime, type ProcessIdentity } from './process-identity.ts';
import { runMarker, workerFileName } from './run-record-format.ts';
import { createRunId } from './run-records.ts';
import { sweepEarlierRuns, type SweptRun } from './run-sweep.ts';

// What a disk, a crash or somebody else can make of records: nothing of it may hurt a stranger, or stop a start.

jest.setTimeout(60_000);

const WORKER = { pool: 'default', workerId: 'w1', incarnation: '1' };

let stateDirectory = '';
let token: Token = createToken();
let stranger: ProcessIdentity = currentIdentity();
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'corrupt-'));
  mkdirSync(join(stateDirectory, 'runs'), { mode: 0o700 });
  token = createToken();
  stranger = bench.startProcess(token, ['sleep', '1000']).identity;
});
afterEach(async () => {
  await endCarriers(token);
  rmSync(stateDirectory, { recursive: true, force: true });
});

interface WrittenRun {
  readonly runId: string;
  readonly runFile: string;
  readonly workerFile: string;
}

/** A run of a dead owner, with a worker that lives: whoever believes its records kills it. */
function writeRun(): WrittenRun {
  const runId = createRunId();
  const path = join(stateDirectory, 'runs', runId);
  mkdirSync(path, { mode: 0o700 });
  const owner = { ...currentIdentity(), startTime: '1' };
  const run = { version: 1, runId, owner, uid: process.getuid?.() ?? -1, marker: runMarker(runId) };
  const runFile = join(path, 'run.json');
  writeFileSync(runFile, JSON.stringify({ ...run, initStartTime: readStartTime(1) }));
  const workerFile = join(path, workerFileName(WORKER));
  writeFileSync(workerFile, JSON.stringify({ version: 1, ...WORKER, process: stranger }));
  return { runId, runFile, workerFile };
}

async function sweep(): Promise<readonly SweptRun[]> {
  return (await sweepEarlierRuns({ stateDirectory, termTimeoutMs: 100 })).runs;
}

/** How a file can be spoilt, and what is said about it. */
const spoilers: readonly (readonly [string, (path: string) => void, RegExp])[] = [
  ['empty', (path) => writeFileSync(path, ''), /not a/u],
  ['random bytes', (path) => writeFileSync(path, randomBytes(300)), /not a/u],
  ['of zeros', (path) => writeFileSync(path, Buffer.alloc(300)), /not a/u],
  ['huge', (path) => writeFileSync(path, Buffer.alloc(20_000_000, 32)), /20000000 bytes long/u],
  ['JSON of something else', (path) => writeFileSync(path, '[{"version":1}]'), /not a/u],
  [
    'a symbolic link to a good one',
    (path) => {
      renameSync(path, `${path}.good`);
      symlinkSync(`${path}.good`, path);
    },
    /ELOOP/u,
  ],
  [
    'a directory',
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    /not a regular file/u,
  ],
  [
    'a pipe',
    (path) => {
      rmSync(path);
      execFileSync('mkfifo', [path]);
    },
    /not a regular file/u,
  ],
];

describe('a record that is', () => {
  test.each(spoilers)(
    '[R1.4] [I4.5] %s, of a run or of a worker, is moved aside and told, and nobody is signalled',
    async (_, spoil, reason) => {
      const ofRun = writeRun();
      const ofWorker = writeRun();
      spoil(ofRun.runFile);
      spoil(ofWorker.workerFile);
      const runs = await sweep();
      expect(isAlive(stranger.pid)).toBe(true);
      const run = runs.find(({ runId }) => runId === ofRun.runId);
      const worker = runs.find(({ runId }) => runId === ofWorker.runId);
      expect(run).toMatchObject({ outcome: 'corrupt', processes: [] });
      expect(worker).toMatchObject({ outcome: 'swept', processes: [] });
      for (const swept of [run, worker]) {
        expect(swept?.corrupt).toMatchObject([{ reason: expect.stringMatching(reason) }]);
        // A link that was moved leads nowhere now.
        const moved = lstatSync(swept?.corrupt[0]?.movedTo ?? '', { throwIfNoEntry: false });
        expect(moved).toBeDefined();
      }
      expect(readdirSync(join(stateDirectory, 'runs'))).toEqual([]);
      expect(await sweep()).toEqual([]);
    },
  );

  test('[R1.4] [I4.5] cut at any byte, of a run or of a worker, signals nobody', async () => {
    const whole = writeRun();
    const [runText, workerText] = [whole.runFile, whole.workerFile].map((path) =>
      readFileSync(path, 'utf8'),
    );
    rmSync(join(stateDirectory, 'runs', whole.runId), { recursive: true });
    const cuts = Math.max(runText?.length ?? 0, workerText?.length ?? 0);
    const written = Array.from({ length: cuts }, (_unused, length) => {
      const [ofRun, ofWorker] = [writeRun(), writeRun()];
      const own = readFileSync(ofRun.runFile, 'utf8');
      writeFileSync(ofRun.runFile, own.slice(0, Math.min(length, own.length - 1)));
      writeFileSync(
        ofWorker.workerFile,
        workerText?.slice(0, Math.min(length, workerText.length - 1)) ?? '',
      );
      return { ofRun, ofWorker };
    });
    const runs = new Map((await sweep()).map((run) => [run.runId, run]));
    expect(isAlive(stranger.pid)).toBe(true);
    for (const { ofRun, ofWorker } of written) {
      expect(runs.get(ofRun.runId)).toMatchObject({ outcome: 'corrupt', processes: [] });
      expect(runs.get(ofWorker.runId)).toMatchObject({ outcome: 'swept', processes: [] });
      expect(runs.get(ofWorker.runId)?.corrupt).toHaveLength(1);
    }
    expect(runs.size).toBe(2 * cuts);
    expect(readdirSync(join(stateDirectory, 'corrupt'))).toHaveLength(2 * cuts);
  });

  test('[R1.4] [I4.5] owned by somebody else is not believed', async () => {
    // Nobody but root can give a file away, or have one of another user in a directory of its own.
    if (process.getuid?.() !== 0) {
      const { runFile } = writeRun();
      rmSync(runFile);
      symlinkSync('/proc/1/stat', runFile);
      expect(await sweep()).toMatchObject([{ outcome: 'corrupt' }]);
      return;
    }
    const [ofRun, ofWorker] = [writeRun(), writeRun()];
    chownSync(ofRun.runFile, 65_534, 65_534);
    chownSync(ofWorker.workerFile, 65_534, 65_534);
    const reason = 'owned by user 65534';
    const runs = await sweep();
    expect(isAlive(stranger.pid)).toBe(true);
    expect(runs.flatMap(({ corrupt }) => corrupt)).toMatchObject([{ reason }, { reason }]);
  });

  test('[I4.5] about process 1, or about another boot or namespace, leads to nobody', async () => {
    const changes = [
      { pid: 1, startTime: readStartTime(1) ?? '' },
      { bootId: 'another' },
      { pidNamespace: '1' },
    ];
    for (const change of changes) {
      const { workerFile } = writeRun();
      const text = JSON.stringify({ version: 1, ...WORKER, process: { ...stranger, ...change } });
      writeFileSync(workerFile, text);
    }
    const runs = await sweep();
    expect(isAlive(stranger.pid)).toBe(true);
    expect(runs.map(({ outcome, processes }) => [outcome, processes])).toEqual(
      changes.map(() => ['swept', []]),
    );
  });
});

describe('what was moved aside', () => {
  test('is kept for a week', async () => {
    writeFileSync(writeRun().workerFile, '');
    const moved = (await sweep())[0]?.corrupt[0]?.movedTo ?? '';
    await sweep();
    expect(existsSync(moved)).toBe(true);
    const longAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    utimesSync(moved, longAgo, longAgo);
    await sweep();
    expect(existsSync(moved)).toBe(false);
  });
});
