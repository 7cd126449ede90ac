import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  carriers,
  isAlive,
  membersOf,
  until,
} from '../../../../../test/fixtures/processes/census.mjs';
import { openBench, type Bench } from '../../../../../test/fixtures/processes/host-bench.mjs';
import type { CleanupReport } from './worker-cleanup.ts';

// Signals that fail: the function that sends them is the only thing here that is not real.

jest.setTimeout(60_000);

const never = new AbortController().signal;
const kill = process.kill.bind(process);

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await bench.close();
});

/** Signals to some numbers are not permitted; the others get theirs. */
function refuseSignals(isRefused: (pid: number) => boolean): void {
  jest.spyOn(process, 'kill').mockImplementation((pid, signal) => {
    if (signal === 0 || !isRefused(pid)) return kill(pid, signal);
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
}

async function cleanupReport(): Promise<CleanupReport> {
  const find = (): CleanupReport | undefined =>
    bench.notices.flatMap((one) => (one.kind === 'cleanedUp' ? one.report : []))[0];
  return until(find, 'the cleanup to be over');
}

describe('when the group cannot be killed', () => {
  test('[R10.3] [I4.5] whoever carries the mark is killed by it, and whoever carries none one by one', async () => {
    refuseSignals((pid) => pid < 0);
    const program = 'sleep 1000 & env -i sleep 1000 & exec sleep 1000';
    const spec = { ...bench.spec('unused'), command: ['sh', '-c', program] as const };
    const worker = await bench.createHost().start(spec, never);
    const kids = await until(() => {
      const found = membersOf(worker.pid ?? 0).filter((pid) => pid !== worker.pid);
      return found.length === 2 && carriers(bench.token).length === 2 ? found : undefined;
    }, 'a child with and one without our mark');
    kill(worker.pid ?? 0, 'SIGTERM');
    expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGTERM' });
    expect(kids.filter(isAlive)).toEqual([]);
    const report = await cleanupReport();
    expect(report.survivors).toEqual([]);
    expect(report.groupKill).toBe('notPermitted');
    expect(report.escaped).toEqual([]);
    expect(report.killedSingly.map(({ pid }) => pid).sort()).toEqual([...kids].sort());
    expect(bench.recordedWorkers()).toEqual([]);
  });

  test('[R10.3] [I4.5] and nothing else helps, the process is named with the reason, and the worker stays recorded', async () => {
    const program = 'sleep 1000 & exec sleep 1000';
    const spec = { ...bench.spec('unused'), command: ['sh', '-c', program] as const };
    const worker = await bench.createHost().start(spec, never);
    const [kid = 0] = await until(() => {
      const found = membersOf(worker.pid ?? 0).filter((pid) => pid !== worker.pid);
      return found.length === 1 ? found : undefined;
    }, 'the child');
    refuseSignals((pid) => pid < 0 || pid === kid);
    kill(worker.pid ?? 0, 'SIGTERM');
    await worker.exited;
    const report = await cleanupReport();
    expect(report.survivors).toMatchObject([{ pid: kid, lastAttempt: 'notPermitted' }]);
    expect(report.durationMs).toBeLessThan(10_000);
    expect(isAlive(kid)).toBe(true);
    expect(bench.recordedWorkers()).toHaveLength(1);
    expect(bench.run.closeRun()).toMatchObject({ ok: false });
  });
});
