import { describe, expect, test } from '@jest/globals';
import type { ProcessStat } from '../../os/process-identity.ts';
import { describeNotice } from './describe-notice.ts';
import type { HostNotice } from './local-worker.ts';

const ref = { host: 'local', pool: 'default', workerId: 'w1', incarnation: '1' };
const stuck: ProcessStat = { pid: 77, state: 'D', parentPid: 1, groupId: 70, startTime: '5' };

function cleanedUp(report: { survivors?: ProcessStat[]; escaped?: ProcessStat[] }): HostNotice {
  const { survivors = [], escaped = [] } = report;
  return { kind: 'cleanedUp', ref, report: { survivors, escaped, durationMs: 1 } };
}

describe('describeNotice', () => {
  test('[R10.3] a cleanup that failed is an error that names the process and what comes next', () => {
    const line = describeNotice(cleanedUp({ survivors: [stuck], escaped: [stuck] }));
    expect(line?.level).toBe('error');
    expect(line?.text).toContain('77 (D)');
    expect(line?.text).toContain('the next start tries again');
  });

  test('what had to be hunted down is told, an ordinary end is not', () => {
    expect(describeNotice(cleanedUp({ escaped: [stuck] }))).toMatchObject({ level: 'info' });
    expect(describeNotice(cleanedUp({}))).toBeUndefined();
  });

  test.each([
    [{ kind: 'recordFailed', ref, reason: 'disk full' }, 'warn', 'disk full'],
    [{ kind: 'protocolError', ref, detail: 'not JSON' }, 'warn', 'not JSON'],
    [{ kind: 'stuck', ref, pid: 9 }, 'error', 'process 9'],
  ] as const)('%j is told', (notice, level, text) => {
    expect(describeNotice(notice)).toEqual({ level, text: expect.stringContaining(text) });
  });
});
