import { describe, expect, test } from '@jest/globals';
import { chooseLaunch, type LaunchedPool } from './choose-launch.ts';

const pool: LaunchedPool = {
  ...{ launch: 'auto', compat: undefined, descendants: 'usual', preload: [], size: 2 },
};

describe('chooseLaunch', () => {
  test('[I7.1] auto forks on Linux and macOS, and says that nothing is in its way', () => {
    const forks = { mode: 'fork', why: 'nothing is in its way', hindrances: [] };
    expect(chooseLaunch(pool, 'linux')).toEqual(forks);
    expect(chooseLaunch(pool, 'darwin')).toEqual(forks);
  });

  test.each([
    ['platform', pool, 'win32', 'Windows cannot fork processes'],
    [
      'compat',
      { ...pool, compat: 'snakepit-0.13' },
      'linux',
      'servers of the original (compat: "snakepit-0.13") cannot be forked',
    ],
    [
      'descendants',
      { ...pool, descendants: 'strict' },
      'linux',
      'with descendants: "strict" each worker has a launcher of its own',
    ],
  ] as const)(
    '[I7.1] auto spawns where %s is in its way, and says so',
    (key, hindered, os, what) => {
      const hindrances = [{ key, what }];
      expect(chooseLaunch(hindered, os)).toEqual({ mode: 'spawn', why: what, hindrances });
      // What somebody asked for is another matter; who asks is refused before.
      expect(chooseLaunch({ ...hindered, launch: 'fork' }, os).mode).toBe('spawn');
    },
  );

  test('[I7.1] auto spawns a single worker, unless something is to be imported before it', () => {
    const one: LaunchedPool = { ...pool, size: 1 };
    const why = 'a fork server costs one worker more than it saves';
    expect(chooseLaunch(one, 'linux')).toEqual({ mode: 'spawn', why, hindrances: [] });
    expect(chooseLaunch({ ...one, preload: ['json'] }, 'linux').mode).toBe('fork');
    expect(chooseLaunch({ ...one, launch: 'fork' }, 'linux').mode).toBe('fork');
  });

  test('[I7.1] everything that is in its way is told', () => {
    const hindered: LaunchedPool = { ...pool, compat: 'snakepit-0.13', descendants: 'strict' };
    const { why, hindrances } = chooseLaunch(hindered, 'win32');
    expect(hindrances.map(({ key }) => key)).toEqual(['platform', 'compat', 'descendants']);
    expect(why).toBe(hindrances.map(({ what }) => what).join('; '));
  });

  test('[I7.1] who asks for one way gets it', () => {
    expect(chooseLaunch({ ...pool, launch: 'spawn' }, 'linux')).toEqual({
      ...{ mode: 'spawn', why: "launch is 'spawn'", hindrances: [] },
    });
    expect(chooseLaunch({ ...pool, launch: 'fork' }, 'linux')).toEqual({
      ...{ mode: 'fork', why: "launch is 'fork'", hindrances: [] },
    });
  });
});
