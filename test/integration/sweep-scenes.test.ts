import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { SweepReport } from '../../packages/python-bridge/src/os/run-sweep.ts';
import { playScene } from '../fixtures/run-scene.ts';
import { SnakepitBench } from '../fixtures/snakepit-bench.ts';

// Sweeps where the machine is not as usual: each scene has a pid and a mount namespace of its own.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
  // Other users of a scene sweep in it.
  chmodSync(bench.base, 0o755);
});
afterEach(() => bench.close());

function play<Seen>(scene: string, as: 'anybody' | 'root', input: object = {}): Promise<Seen> {
  return playScene(scene, { stateDir: bench.stateDir, ...input }, { as, token: bench.token });
}

describe('the sweep of a start', () => {
  test('[R1.4] [I4.5] does not touch who has the recycled number of a worker, nor the group of that number', async () => {
    const seen = await play<{
      readonly report: SweepReport;
      readonly sameNumber: boolean;
      readonly sameGroup: boolean;
      readonly sameStart: boolean;
      readonly alive: readonly boolean[];
    }>('recycled', 'anybody');
    expect(seen).toMatchObject({ sameNumber: true, sameGroup: true, sameStart: false });
    expect(seen.alive).toEqual([true, true]);
    expect(seen.report.runs).toMatchObject([{ outcome: 'swept', processes: [] }]);
  });

  interface Strangers {
    readonly report: SweepReport;
    readonly tookMs: number;
    readonly pids: Readonly<Record<'marked' | 'recorded' | 'own', number>>;
    readonly alive: readonly boolean[];
    readonly ids: Readonly<Record<'own' | 'foreign', string>>;
    readonly runs: readonly string[];
  }

  test.each(['user', 'root'])(
    '[R1.4] [R10.3] [I4.5] (as %s) signals no process of another user: what is recorded is named and stays recorded',
    async (sweeper) => {
      const seen = await play<Strangers>('strangers', 'root', { sweeper });
      expect(seen.alive).toEqual([true, true, false]);
      expect(seen.report.runs).toMatchObject([{ runId: seen.ids.own, outcome: 'survivors' }]);
      const processes = seen.report.runs[0]?.processes ?? [];
      expect(processes).toMatchObject([
        { pid: seen.pids.recorded, worker: 'default/w1/1', why: 'record', how: 'notPermitted' },
        { pid: seen.pids.own, why: 'marker', how: 'term' },
      ]);
      // It stays recorded, and the run of the other user is as it was; nobody waits for what cannot be.
      expect(seen.runs).toEqual([seen.ids.own, seen.ids.foreign].sort());
      expect(seen.tookMs).toBeLessThan(5_000);
    },
  );

  test('[R1.4] [I4.5] moves aside records that it may not read, and believes nothing of them', async () => {
    const seen = await play<{
      readonly report: SweepReport;
      readonly ids: Readonly<Record<'ofRun' | 'ofWorker', string>>;
      readonly alive: boolean;
    }>('unreadable', 'root');
    const runs = Object.fromEntries(seen.report.runs.map((one) => [one.runId, one]));
    const corrupt = [{ movedTo: expect.any(String), reason: expect.stringContaining('EACCES') }];
    expect(runs[seen.ids.ofRun]).toMatchObject({ outcome: 'corrupt', processes: [], corrupt });
    expect(runs[seen.ids.ofWorker]).toMatchObject({ outcome: 'swept', processes: [], corrupt });
    expect(seen.alive).toBe(true);
  });

  test('[R1.4] [I4.5] leaves a record alone that it cannot read just now: its run may well live', async () => {
    const seen = await play<{
      readonly report: SweepReport;
      readonly names: readonly string[];
      readonly runId: string;
    }>('unread', 'root');
    const corrupt = [{ reason: expect.stringContaining('EIO') }];
    expect(seen.report.runs).toMatchObject([{ runId: seen.runId, outcome: 'unread', corrupt }]);
    expect(seen.names).toEqual([seen.runId]);
  });

  test('[R10.3] [R10.5] [I4.5] starts though what a dead run left cannot be removed, and says what, why and what to do', async () => {
    const seen = await play<{
      readonly reports: readonly string[];
      readonly path: string;
      readonly runId: string;
    }>('unremovable', 'root', { config: bench.config([{}]) });
    const lines = seen.reports.filter((text) => text.includes('cannot be removed'));
    expect(lines).toEqual([
      expect.stringContaining(`${seen.path}: EBUSY`),
      expect.stringMatching(new RegExp(`${seen.runId}\\.claim-.*: EBUSY`, 'u')),
    ]);
    for (const line of lines) expect(line).toContain('remove it by hand, each start tries again');
  });

  test('[I4.5] a state directory of another user is refused, and left as it is', async () => {
    expect(await play('foreignState', 'root')).toEqual({
      kind: 'unavailable',
      reason: expect.stringContaining('belongs to user 65533'),
      names: [],
    });
  });

  test('[R1.4] [I4.5] where /proc hides other users, what cannot be seen to be dead is left alone', async () => {
    const seen = await play<{
      readonly report: SweepReport;
      readonly ids: Readonly<Record<'own' | 'live', string>>;
      readonly alive: readonly boolean[];
    }>('hidden', 'root');
    const outcomes = Object.fromEntries(seen.report.runs.map((one) => [one.runId, one.outcome]));
    // Process 1 cannot be seen either, which says nothing about the age of the container.
    expect(outcomes).toEqual({ [seen.ids.own]: 'swept', [seen.ids.live]: 'live' });
    expect(seen.alive).toEqual([false, true, true]);
  });

  test('[I4.5] a state directory in /proc is an error that is told, not a loop without end', async () => {
    expect(await play('stateInProc', 'anybody')).toEqual({
      kind: 'unavailable',
      reason: expect.stringMatching(/cannot make \/proc\/snakepit\/state: ENOENT/u),
    });
  });
});

interface Disk {
  readonly escapee: number;
  readonly survived: boolean;
  readonly ended: boolean;
  readonly first: readonly string[];
  readonly next: readonly string[];
  readonly names: readonly string[];
}

describe('a disk that cannot be written to', () => {
  const problems = { fullAtStart: 'ENOSPC', fullLater: 'ENOSPC', readOnly: 'EROFS' } as const;

  test('[R1.4] [I4.5] workers start anyway, one warning says so, and the marker leads the next start to what is left', async () => {
    const play = async (when: keyof typeof problems): Promise<void> => {
      const stateDir = bench.path(when);
      const config = bench.config([{}], { stateDir });
      const input = { stateDir, when, config };
      const seen = await playScene<Disk>('disk', input, { as: 'root', token: bench.token });
      expect(seen).toMatchObject({ survived: true, ended: true });
      const warnings = seen.first.filter((text) => text.includes('run records cannot be written'));
      expect(warnings).toEqual([expect.stringContaining(problems[when])]);
      expect(seen.next).toContainEqual(
        expect.stringMatching(
          new RegExp(`left 1 process behind, ended now: ${seen.escapee} .*marked`, 'u'),
        ),
      );
      // No run of the two is left on disk, however little could be written.
      expect(seen.names).toEqual([]);
    };
    await Promise.all([play('fullAtStart'), play('fullLater'), play('readOnly')]);
  });
});
