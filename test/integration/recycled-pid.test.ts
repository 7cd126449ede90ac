import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/processes', name);

describe('a number that comes again', () => {
  const unshare = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child=KILL'];
  const allowed = spawnSync('unshare', [...unshare.slice(1), 'true']).status === 0;

  // What it needs is forbidden in many containers; process-killer.test.ts pretends the same.
  (allowed ? test : test.skip)(
    '[I4.5] [R1.4] is signalled neither as the process nor as the group that had it before',
    async () => {
      const ended = await runProgram(
        [...['--import', fixture('typescript-loader.mjs')], fixture('recycled-pid.mjs')],
        { command: [...unshare, process.execPath] },
      );
      expect(ended).toMatchObject({ code: 0, stderr: '', left: [] });
      expect(JSON.parse(ended.stdout)).toEqual({
        isProcess1: true,
        samePid: true,
        sameStart: false,
        same: false,
        running: false,
        process: ['gone', 'gone'],
        group: ['gone', 'gone'],
        state: 'S',
        own: 'sent',
        empty: true,
      });
    },
  );
});
