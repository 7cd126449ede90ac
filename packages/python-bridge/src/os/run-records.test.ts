import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { platformNamed } from './platform/current.ts';
import { currentIdentity } from './process-identity.ts';
import {
  claimName,
  isRunId,
  parseRunDirectoryName,
  parseRunFile,
  parseWorkerRecord,
  runMarker,
  workerFileName,
} from './run-record-format.ts';
import { createRunId, openRun, stateDirectoryChoices } from './run-records.ts';

const WORKER = { pool: 'default', workerId: 'w/1', incarnation: '7' };

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'run-records-'));
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

describe('stateDirectoryChoices', () => {
  test('an explicit directory is the only choice, the option before the environment', () => {
    const env = { SNAKEPIT_STATE_DIR: '/b', XDG_STATE_HOME: '/c', HOME: '/home/me' };
    expect(stateDirectoryChoices('/a', env).map(({ path }) => path)).toEqual(['/a']);
    expect(stateDirectoryChoices(undefined, env).map(({ path }) => path)).toEqual(['/b']);
  });

  test.each([
    ['linux', { XDG_STATE_HOME: '/c', HOME: '/home/me' }, '/c/snakepit'],
    ['linux', { XDG_STATE_HOME: 'relative', HOME: '/home/me' }, '/home/me/.local/state/snakepit'],
    ['darwin', { HOME: '/Users/me' }, '/Users/me/Library/Application Support/snakepit'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/snakepit'],
  ] as const)('on %s with %j it is %s, then the temporary directory', (platform, env, path) => {
    const choices = stateDirectoryChoices(undefined, env, platformNamed(platform));
    expect(choices[0].path).toBe(path);
    expect(choices[1]?.path).toBe(join(tmpdir(), `snakepit-${process.getuid?.() ?? ''}`));
    expect(choices[1]?.allowLink).toBe(false);
  });

  test('without a home only the temporary directory is left', () => {
    expect(stateDirectoryChoices(undefined, {}, platformNamed('win32'))).toHaveLength(1);
  });
});

describe('openRun', () => {
  test('[I4.5] a run that shows that it is there is as young as one that began now', () => {
    const { run } = openRun({ stateDir: base });
    const longAgo = new Date(0);
    utimesSync(run.directory ?? '', longAgo, longAgo);
    expect(run.touch()).toEqual({ ok: true });
    expect(Date.now() - statSync(run.directory ?? '').mtimeMs).toBeLessThan(60_000);
    rmSync(run.directory ?? '', { recursive: true });
    expect(run.touch()).toMatchObject({ ok: false, reason: expect.stringContaining('ENOENT') });
  });

  test('writes who owns the run, readable by us alone', () => {
    const { kind, run } = openRun({ stateDir: join(base, 'state') });
    expect(kind).toBe('recorded');
    const directory = run.directory ?? '';
    expect(directory).toBe(join(base, 'state', 'runs', run.runId));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'run.json')).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(directory, 'run.json'), 'utf8');
    expect(parseRunFile(text, run.runId)).toMatchObject({
      owner: currentIdentity(),
      marker: `SNAKEPIT_RUN_${run.runId}=1`,
    });
  });

  test('records intent, process, end, and removes the directory last', async () => {
    const { run } = openRun({ stateDir: base });
    const directory = run.directory ?? '';
    const path = join(directory, workerFileName(WORKER));
    const identity = { ...currentIdentity(), pid: 4_000_000 };
    expect(run.recordIntent(WORKER)).toEqual({ ok: true });
    expect(parseWorkerRecord(readFileSync(path, 'utf8'))).toMatchObject({ process: null });
    expect(run.recordSpawned(WORKER, identity)).toEqual({ ok: true });
    expect(parseWorkerRecord(readFileSync(path, 'utf8'))).toEqual({
      version: 1,
      ...WORKER,
      process: identity,
    });
    expect(readdirSync(directory).sort()).toEqual(['run.json', workerFileName(WORKER)]);
    expect(run.closeRun()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('1 worker'),
    });
    expect(await run.removeRecord(WORKER)).toEqual({ ok: true });
    expect(await run.removeRecord(WORKER)).toEqual({ ok: true });
    expect(run.closeRun()).toEqual({ ok: true });
    expect(run.closeRun()).toEqual({ ok: true });
    expect(existsSync(directory)).toBe(false);
  });

  test('a directory that others may write is refused, and the run goes on without records', () => {
    const stateDir = join(base, 'shared');
    mkdirSync(stateDir);
    chmodSync(stateDir, 0o770);
    const opened = openRun({ stateDir });
    expect(opened).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('may be written by others (mode 770)'),
      run: { directory: undefined, stateDirectory: undefined },
    });
    expect(readdirSync(stateDir)).toEqual([]);
    expect(opened.run.marker).toBe(runMarker(opened.run.runId));
    expect(opened.run.recordIntent(WORKER)).toEqual({ ok: true });
    expect(opened.run.closeRun()).toEqual({ ok: true });
  });

  test('a file in the way is a reason, not an exception', () => {
    writeFileSync(join(base, 'file'), '');
    expect(openRun({ stateDir: join(base, 'file') })).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('file'),
    });
  });

  test('[R1.4] where there is no room for another run, earlier ones are looked for all the same', () => {
    const { run } = openRun({ stateDir: base });
    // In the place of the directory that is made first.
    writeFileSync(join(base, 'runs', '.new-abcdefghijklmnop'), '');
    const next = openRun({ stateDir: base, runId: 'abcdefghijklmnop' });
    expect(next).toMatchObject({
      kind: 'unavailable',
      run: { directory: undefined, stateDirectory: run.stateDirectory },
    });
    expect(run.stateDirectory).toBe(base);
  });

  test('the same run cannot be opened twice', () => {
    const { run } = openRun({ stateDir: base });
    expect(openRun({ stateDir: base, runId: run.runId })).toMatchObject({ kind: 'unavailable' });
    expect(readdirSync(join(base, 'runs'))).toEqual([run.runId]);
  });

  test('what cannot be written is told', () => {
    const { run } = openRun({ stateDir: base });
    rmSync(run.directory ?? '', { recursive: true });
    expect(run.recordIntent(WORKER)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('cannot write worker record'),
    });
  });

  test.each(['short', 'UPPERCASE12345', 'with-dash-1234', `x${'y'.repeat(70)}`])(
    'refuses the run id %s',
    (runId) => {
      expect(() => openRun({ stateDir: base, runId })).toThrow('12 to 64 lower-case letters');
    },
  );

  test('run ids differ and can be part of a variable name', () => {
    const ids = Array.from({ length: 100 }, createRunId);
    expect(new Set(ids).size).toBe(100);
    expect(ids.every(isRunId)).toBe(true);
  });
});

describe('record format', () => {
  const identity = currentIdentity();
  const record = JSON.stringify({ version: 1, ...WORKER, process: identity });
  const runFile = JSON.stringify({
    version: 1,
    runId: 'abcdefghijkl',
    owner: identity,
    initStartTime: '1',
    uid: 0,
    marker: 'SNAKEPIT_RUN_abcdefghijkl=1',
  });

  test('cut at any byte it is not a record', () => {
    for (let length = 0; length < record.length; length += 1) {
      expect(parseWorkerRecord(record.slice(0, length))).toBeUndefined();
    }
    for (let length = 0; length < runFile.length; length += 1) {
      expect(parseRunFile(runFile.slice(0, length), 'abcdefghijkl')).toBeUndefined();
    }
    expect(parseWorkerRecord(record)).toBeDefined();
    expect(parseRunFile(runFile, 'abcdefghijkl')).toBeDefined();
    expect(parseRunFile(runFile, 'abcdefghijkm')).toBeUndefined();
  });

  test('anything else is rejected, and nothing throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseWorkerRecord(JSON.stringify(value))).toBeUndefined();
        expect(parseRunFile(JSON.stringify(value), 'abcdefghijkl')).toBeUndefined();
      }),
    );
  });

  test.each([
    { pid: 0 },
    { pid: -5 },
    { pid: 1.5 },
    { pid: '7' },
    { startTime: '' },
    { startTime: 7 },
    { bootId: null },
    { pidNamespace: 3 },
  ])('a process with %j is none', (change) => {
    const text = JSON.stringify({ version: 1, ...WORKER, process: { ...identity, ...change } });
    expect(parseWorkerRecord(text)).toBeUndefined();
  });

  test.each([
    { pool: 1 },
    { workerId: null },
    { incarnation: 7 },
    { version: 2 },
    { process: 'none' },
    { process: [] },
  ])('a worker record with %j is none', (change) => {
    const text = JSON.stringify({ version: 1, ...WORKER, process: null, ...change });
    expect(parseWorkerRecord(text)).toBeUndefined();
  });

  test.each([{ uid: 1.5 }, { uid: 'me' }, { marker: 'PATH=/bin' }, { initStartTime: 7 }])(
    'a run file with %j is none',
    (change) => {
      const text = JSON.stringify({ ...(JSON.parse(runFile) as object), ...change });
      expect(parseRunFile(text, 'abcdefghijkl')).toBeUndefined();
    },
  );

  test('names of directories tell run and claimer, whatever is in them', () => {
    const claimed = claimName('abcdefghijkl', identity);
    expect(parseRunDirectoryName(claimed)).toEqual({ runId: 'abcdefghijkl', claimer: identity });
    expect(claimed.length).toBeLessThan(256);
    expect(parseRunDirectoryName('abcdefghijkl')?.claimer).toBeUndefined();
    for (const name of ['..', 'README', 'abcdefghijkl.claim-', 'abcdefghijkl.claim-e30']) {
      expect(parseRunDirectoryName(name)).toBeUndefined();
    }
    expect(parseRunDirectoryName(`${claimed}.claim-x`)).toBeUndefined();
  });
});
