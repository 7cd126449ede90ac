import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
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
import { startProcess } from '../../../../test/fixtures/processes/host-bench.mjs';
import { currentIdentity, readStartTime, type ProcessIdentity } from './process-identity.ts';
import type { RunFile } from './run-record-format.ts';
import { createRunId } from './run-records.ts';
import { sweepEarlierRuns } from './run-sweep.ts';

jest.setTimeout(60_000);

let stateDirectory = '';
let token: Token = createToken();
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'socket-sweep-'));
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

describe('sockets outside of the records', () => {
  /** As a runtime leaves it that could not be recorded, or that has another state directory. */
  function leaveSockets(place: string, name: string, changes: Partial<RunFile>): string {
    const path = join(place, name);
    mkdirSync(path, { mode: 0o700 });
    const runId = name.replace(/^sp-/u, '');
    const run: RunFile = {
      ...{ version: 1, runId, owner: somebodyDead(), uid: process.getuid?.() ?? -1 },
      ...{ initStartTime: readStartTime(1) ?? '', marker: `SNAKEPIT_RUN_${runId}=1` },
      ...changes,
    };
    writeFileSync(join(path, 'run.json'), JSON.stringify(run));
    writeFileSync(join(path, 'w1.sock'), '');
    return path;
  }

  test('[R1.4] [I4.5] of a dead run that nobody recorded go, unless one of its processes may use them', async () => {
    const ids = [createRunId(), createRunId(), createRunId(), createRunId()] as const;
    // Other tests sweep the same place meanwhile: nothing is there for a moment that they would judge otherwise.
    const { identity: user } = startProcess(token, ['sleep', '1000'], {
      [`SNAKEPIT_RUN_${ids[1]}`]: '1',
    });
    const [dead, used, live, unsigned] = [
      leaveSockets(tmpdir(), `sp-${ids[0]}`, {}),
      leaveSockets(tmpdir(), `sp-${ids[1]}`, {}),
      leaveSockets(tmpdir(), `sp-${ids[2]}`, { owner: currentIdentity() }),
      join(tmpdir(), `sp-${ids[3]}`),
    ];
    mkdirSync(unsigned, { mode: 0o700 });
    writeFileSync(join(unsigned, 'w1.sock'), '');
    try {
      await sweepEarlierRuns({ stateDirectory });
      expect([dead, used, live, unsigned].map(existsSync)).toEqual([false, true, true, true]);
      expect(isAlive(user.pid)).toBe(true);
      await endCarriers(token);
      await sweepEarlierRuns({ stateDirectory });
      expect([used, live, unsigned].map(existsSync)).toEqual([false, true, true]);
    } finally {
      for (const path of [dead, used, live, unsigned]) {
        rmSync(path, { recursive: true, force: true });
      }
    }
  });

  test('[I4.5] in a directory of the configuration go too, also from before a restart of the machine', async () => {
    const socketDir = join(stateDirectory, 'sockets');
    mkdirSync(socketDir);
    const earlier = leaveSockets(socketDir, createRunId(), {
      owner: { ...somebodyDead(), bootId: 'another' },
    });
    const runId = createRunId();
    const run = join(stateDirectory, 'runs', runId);
    mkdirSync(run, { mode: 0o700 });
    const copy = JSON.parse(readFileSync(join(earlier, 'run.json'), 'utf8')) as RunFile;
    const marker = `SNAKEPIT_RUN_${runId}=1`;
    writeFileSync(join(run, 'run.json'), JSON.stringify({ ...copy, runId, marker }));
    mkdirSync(join(socketDir, runId), { mode: 0o700 });
    const { runs, notRemoved } = await sweepEarlierRuns({ stateDirectory, socketDir });
    expect(runs).toMatchObject([{ runId, outcome: 'earlierBoot' }]);
    expect(notRemoved).toEqual([]);
    expect(existsSync(earlier)).toBe(false);
    expect(readdirSync(socketDir)).toEqual([]);
  });
});
