import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { ConfigFault } from './config-fault.ts';
import { resolveConfig, type ConfigSurroundings } from './resolve-config.ts';
import { onlyPool, pool, resolved } from './resolved.fixture.ts';

const original = { compat: 'snakepit-0.13', serverScript: 'grpc_server.py' };
const token = 'b1946ac92492d2347c6235b4d2611184';
const remote = { name: 'far', remote: { address: 'localhost:7443', token } };

/** Where faults are, and what is said of them. */
function faultsOf(
  config: unknown,
  env: Record<string, string> = {},
  platform: ConfigSurroundings['platform'] = 'linux',
): readonly ConfigFault[] {
  try {
    resolveConfig(config, { env, cwd: '/srv/app', platform });
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    return error.details['faults'] as readonly ConfigFault[];
  }
  return [];
}

describe('launch', () => {
  test('[I7.1] is auto; another for all pools, for one, by the environment', () => {
    const launchOf = (top: object, own: object, env: Record<string, string> = {}): string =>
      onlyPool({ ...top, pools: [{ ...pool, ...own }] }, env).launch;
    expect(launchOf({}, {})).toBe('auto');
    expect(launchOf({ launch: 'spawn' }, {})).toBe('spawn');
    expect(launchOf({ launch: 'auto' }, { launch: 'fork' })).toBe('fork');
    expect(launchOf({ launch: 'auto' }, { launch: 'fork' }, { SNAKEPIT_LAUNCH: 'spawn' })).toBe(
      'spawn',
    );
    expect(faultsOf({ pools: [{ ...pool, launch: 'vfork' }] })).toEqual([
      {
        where: 'pools[0].launch',
        message: 'pools[0].launch is "vfork"; it must be "auto" or "fork" or "spawn".',
      },
    ]);
  });

  test('[I7.1] fork is refused where workers cannot be forked: key, value, what is allowed, why', () => {
    expect(faultsOf({ pools: [{ ...pool, launch: 'fork', descendants: 'strict' }] })).toEqual([
      {
        where: 'pools[0].launch',
        message:
          'pools[0].launch is "fork"; it must be "auto" or "spawn" for pool pools[0], because with descendants: "strict" each worker has a launcher of its own. With "auto" its workers are forked wherever that is possible.',
      },
    ]);
    const [fault] = faultsOf({
      launch: 'fork',
      pools: [pool, { ...pool, name: 'b', ...original }],
    });
    expect(fault).toEqual({
      where: 'launch',
      message: expect.stringMatching(
        /^launch is "fork"; it must be "auto" or "spawn" for pool pools\[1\], because servers of the original \(compat: "snakepit-0\.13"\) cannot be forked\./,
      ),
    });
    const onWindows = faultsOf({ pools: [{ ...pool, launch: 'fork' }] }, {}, 'win32');
    expect(onWindows.map(({ message }) => message)).toEqual([
      expect.stringContaining('because Windows cannot fork processes.'),
    ]);
    expect(faultsOf({ pools: [{ ...pool, launch: 'auto' }] }, {}, 'win32')).toEqual([]);
    expect(faultsOf({ launch: 'fork', pools: [pool] })).toEqual([]);
  });

  test('[I7.1] the environment speaks to those that can be forked; on Windows to nobody', () => {
    const config = {
      pools: [
        { ...pool, descendants: 'strict' },
        { ...pool, name: 'b' },
      ],
    };
    const env = { SNAKEPIT_LAUNCH: 'fork' };
    expect(faultsOf(config, env)).toEqual([]);
    expect(faultsOf(config, env, 'win32').map(({ where }) => where)).toEqual(
      // Once for each pool: each is told why.
      ['SNAKEPIT_LAUNCH', 'SNAKEPIT_LAUNCH'],
    );
    expect(faultsOf(config, { SNAKEPIT_LAUNCH: 'thread' })).toEqual([
      {
        where: 'SNAKEPIT_LAUNCH',
        message: 'SNAKEPIT_LAUNCH is "thread"; it must be "auto" or "fork" or "spawn".',
      },
    ]);
  });

  test('[I7.1] workers that others start are launched by nobody here', () => {
    expect(faultsOf({ launch: 'fork', preload: ['json'], pools: [pool, remote] })).toEqual([]);
    const { launch, preload } = onlyPool({ launch: 'fork', preload: ['json'], pools: [remote] });
    expect({ launch, preload }).toEqual({ launch: 'spawn', preload: [] });
    expect(
      faultsOf({ pools: [{ ...remote, launch: 'fork', preload: ['json'] }] }).map(
        ({ where }) => where,
      ),
    ).toEqual(['pools[0].launch', 'pools[0].preload']);
  });
});

describe('preload', () => {
  test('[I7.1] is a list of names of modules', () => {
    const preload = ['numpy', 'my_app.models', 'café._x1'];
    const config = { launch: 'auto', pools: [{ ...pool, preload }] };
    expect(resolved(config).pools[0]?.preload).toEqual(preload);
    for (const name of ['', 'a b', 'a.', '.a', 'a..b', '1a', 'a-b', '-c', 'a;b', 'a/b', 'a\0']) {
      expect(faultsOf({ launch: 'auto', pools: [{ ...pool, preload: ['ok', name] }] })).toEqual([
        {
          where: 'pools[0].preload',
          message:
            'pools[0].preload is an array of 2; it must be an array of names of Python modules, such as ["numpy", "my_app.models"].',
        },
      ]);
    }
  });

  test('[I7.1] is refused where nobody would import it, unless the environment wants that', () => {
    const preload = ['json'];
    const own = { launch: 'spawn', pools: [{ ...pool, preload }] };
    expect(faultsOf(own)).toEqual([
      {
        where: 'pools[0].preload',
        message:
          'pools[0].preload is an array of 1; with launch "spawn" it does not count, say launch: "auto" or "fork".',
      },
    ]);
    const top = { launch: 'spawn', preload, pools: [pool] };
    expect(faultsOf(top).map(({ where }) => where)).toEqual(['preload']);
    expect(faultsOf({ pools: own.pools })).toEqual([]);
    expect(faultsOf({ pools: own.pools }, { SNAKEPIT_LAUNCH: 'spawn' })).toEqual([]);
    expect(faultsOf({ launch: 'spawn', pools: [{ ...pool, preload: [] }] })).toEqual([]);
    const mixed = {
      launch: 'auto',
      preload,
      pools: [pool, { ...pool, name: 'b', launch: 'spawn' }],
    };
    expect(faultsOf(mixed)).toEqual([]);
  });
});
