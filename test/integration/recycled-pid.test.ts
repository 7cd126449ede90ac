import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { platformNamed } from '../../packages/python-bridge/src/os/platform/current.ts';
import {
  isRunning,
  isSameProcess,
  type ProcessIdentity,
} from '../../packages/python-bridge/src/os/process-identity.ts';
import { signalGroup, signalProcess } from '../../packages/python-bridge/src/os/process-killer.ts';
import { inContainer } from '../fixtures/container.ts';
import { runProgram } from '../fixtures/run-program.ts';

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/processes', name);

/** Numbers can be chosen in a pid namespace of one's own. */
const isAllowed = inContainer.length > 0;

const refused = {
  ...{ same: false, running: false, process: ['gone', 'gone'], group: ['gone', 'gone'] },
};

/** A worker dies, and its number goes to the next process, which leads a group with it. */
async function reallyRecycled(): Promise<void> {
  const ended = await runProgram(
    [...['--import', fixture('typescript-loader.mjs')], fixture('recycled-pid.mjs')],
    { command: [...inContainer, process.execPath] },
  );
  expect(ended).toMatchObject({ code: 0, stderr: '', left: [] });
  expect(JSON.parse(ended.stdout)).toEqual({
    ...{ isProcess1: true, samePid: true, sameStart: false, state: 'S', own: 'sent' },
    ...{ ended: ['alreadyGone', []], how: 'alreadyGone' },
    ...refused,
  });
}

/** The same, of a system that only says so. */
function pretended(): void {
  const worker: ProcessIdentity = { bootId: '', pidNamespace: '', pid: 4_711, startTime: '7' };
  const sent: unknown[] = [];
  const deliver = (...signal: readonly unknown[]): 'sent' => {
    sent.push(signal);
    return 'sent';
  };
  const platform = {
    ...platformNamed('linux'),
    ...{ bootId: () => '', pidNamespace: () => '', ownGroupId: () => 1 },
    readStat: (pid: number) => ({ pid, state: 'S', parentPid: 1, groupId: pid, startTime: '8' }),
    ...{ signalProcess: deliver, signalGroup: deliver },
  };
  const signals = ['SIGTERM', 'SIGKILL'] as const;
  expect({
    same: isSameProcess(worker, platform),
    running: isRunning(worker, platform),
    process: signals.map((signal) => signalProcess(worker, signal, platform)),
    group: signals.map((signal) => signalGroup(worker, signal, platform)),
  }).toEqual(refused);
  expect(sent).toEqual([]);
  expect(signalProcess({ ...worker, startTime: '8' }, 'SIGKILL', platform)).toBe('sent');
  expect(sent).toEqual([[4_711, 'SIGKILL']]);
}

describe('a number that comes again', () => {
  test(`[I4.5] [R1.4] is signalled neither as the process nor as the group that had it before (${
    isAllowed ? 'really given again' : 'pretended: pid namespaces are forbidden here'
  })`, async () => {
    if (isAllowed) await reallyRecycled();
    else pretended();
  });
});
