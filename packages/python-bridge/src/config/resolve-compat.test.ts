import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { ResolvedPool } from './config.ts';
import { resolveConfig } from './resolve-config.ts';

function poolWith(options: object): ResolvedPool | undefined {
  const pool = { name: 'old', adapter: 'app.adapter.Adapter', ...options };
  return resolveConfig({ pools: [pool] }, { env: {}, cwd: '/home/me' }).pools[0];
}

function complaint(options: object): string {
  try {
    poolWith(options);
  } catch (error) {
    if (isSnakepitError(error) && error.code === 'INVALID_CONFIG') return error.message;
  }
  throw new Error('it was accepted');
}

describe('compat', () => {
  test('[I5.11] a server of the original runs where it is, unless somebody says otherwise', () => {
    const original = { compat: 'snakepit-0.13', serverScript: 'deps/snakepit/grpc_server.py' };
    expect(poolWith(original)).toMatchObject({
      compat: 'snakepit-0.13',
      serverScript: '/home/me/deps/snakepit/grpc_server.py',
      cwd: '/home/me/deps/snakepit',
    });
    expect(poolWith({ ...original, cwd: 'work' })).toMatchObject({ cwd: '/home/me/work' });
    expect(poolWith({})).toMatchObject({ compat: undefined, serverScript: undefined });
  });

  test('[I5.11] neither goes without the other, and there is one version', () => {
    expect(complaint({ compat: 'snakepit-0.13' })).toContain(
      'pools[0].serverScript is missing; it goes with compat',
    );
    expect(complaint({ serverScript: 'x.py' })).toContain(
      'pools[0].compat is missing; it goes with serverScript',
    );
    const wrong = complaint({ compat: 'snakepit-0.12', serverScript: 'x.py' });
    expect(wrong).toContain('pools[0].compat is "snakepit-0.12"; it must be "snakepit-0.13".');
    expect(wrong).not.toContain('missing');
  });
});

describe('envAllow', () => {
  test('[I5.12] nothing is another thing than not said', () => {
    expect(poolWith({})?.envAllow).toBeUndefined();
    expect(poolWith({ envAllow: [] })?.envAllow).toEqual([]);
    expect(poolWith({ envAllow: ['AWS_*', 'MODEL'] })?.envAllow).toEqual(['AWS_*', 'MODEL']);
    expect(complaint({ envAllow: 'AWS_*' })).toContain('it must be an array of strings');
  });
});
