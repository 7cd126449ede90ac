import { describe, expect, test } from '@jest/globals';
import type { ProcessStat } from '../../os/process-identity.ts';
import { describeNotice } from './describe-notice.ts';
import type { HostNotice } from './worker-surroundings.ts';
import type { CleanupReport } from './worker-cleanup.ts';

const ref = { host: 'local', pool: 'default', workerId: 'w1', incarnation: '1' };
const stuck: ProcessStat = { pid: 77, state: 'D', parentPid: 1, groupId: 70, startTime: '5' };
const nothing: CleanupReport = {
  ...{ groupKill: 'gone', survivors: [], killedSingly: [], escaped: [] },
  ...{ isConfirmed: true, recordLeft: undefined, durationMs: 1 },
};

function cleanedUp(report: Partial<CleanupReport>): HostNotice {
  return { kind: 'cleanedUp', ref, report: { ...nothing, ...report } };
}

describe('describeNotice', () => {
  test.each([
    ['sent', '77 (D): does not die of SIGKILL'],
    ['notPermitted', '77 (D): we are not permitted to signal it (EPERM)'],
  ] as const)(
    '[R10.3] a cleanup that failed (%s) is an error that names worker, process, reason and what comes next',
    (lastAttempt, reason) => {
      const line = describeNotice(
        cleanedUp({ survivors: [{ ...stuck, lastAttempt }], escaped: [stuck] }),
      );
      expect(line?.level).toBe('error');
      expect(line?.text).toContain('worker default/w1/1');
      expect(line?.text).toContain('killed as a group, by marker and one by one');
      expect(line?.text).toContain(reason);
      expect(line?.text).toContain('stays recorded, and the next start tries again');
    },
  );

  test('[R10.3] what only the second means could end is a warning', () => {
    const line = describeNotice(cleanedUp({ groupKill: 'notPermitted', killedSingly: [stuck] }));
    expect(line?.level).toBe('warn');
    expect(line?.text).toContain(
      '(notPermitted), so its processes were killed by marker or one by one: 77 (D)',
    );
  });

  test('[R10.3] [R10.5] that nothing could be seen is an error, a record that stays a warning', () => {
    expect(describeNotice(cleanedUp({ isConfirmed: false }))).toEqual({
      level: 'error',
      text: expect.stringMatching(/worker default\/w1\/1 is left .*stays recorded/u),
    });
    expect(describeNotice(cleanedUp({ recordLeft: 'EROFS: read-only' }))).toEqual({
      level: 'warn',
      text: expect.stringMatching(/worker default\/w1\/1 is left, but its record is.*EROFS/u),
    });
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
