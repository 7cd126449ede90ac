import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { ConfigFault } from './config-fault.ts';
import type { ResolvedPool } from './config.ts';
import { resolveConfig } from './resolve-config.ts';

const token = 'b1946ac92492d2347c6235b4d2611184';
const good = { address: 'gpu1.example.com:7443', tls: { ca: 'ca.pem' }, token };

function resolvePool(remote: object, pool: object = {}, top: object = {}): ResolvedPool {
  const config = { ...top, pools: [{ name: 'far', ...pool, remote }] };
  const [resolved] = resolveConfig(config, { env: {}, cwd: '/srv/app' }).pools;
  if (resolved === undefined) throw new Error('there is no pool');
  return resolved;
}

function messagesOf(remote: object, pool: object = {}): readonly string[] {
  try {
    resolvePool(remote, pool);
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    const faults = error.details['faults'] as readonly ConfigFault[];
    expect(JSON.stringify([error.message, faults])).not.toContain('sesame');
    return faults.map(({ message }) => message);
  }
  return [];
}

describe('remote', () => {
  test('[I5.12] a pool has one worker for each address; paths are absolute', () => {
    const address = ['gpu1:7443', '[2001:db8::1]:7443'];
    const tls = { ca: 'ca.pem', cert: '/etc/client.pem', key: 'client.key', serverName: 'gpu' };
    const pool = resolvePool({ address, tls, tokenFile: 'token' });
    expect(pool.size).toBe(2);
    expect(pool.remote).toEqual({
      address,
      tls: {
        ca: '/srv/app/ca.pem',
        cert: '/etc/client.pem',
        key: '/srv/app/client.key',
        serverName: 'gpu',
      },
      token: undefined,
      tokenFile: '/srv/app/token',
    });
    expect(Object.isFrozen(pool.remote)).toBe(true);
  });

  test('[I5.12] what the top level says of processes is not about workers of others', () => {
    const top = {
      ...{ size: 4, adapter: 'a.B', watchdog: true, descendants: 'strict', profile: 'thread' },
      ...{ compat: 'snakepit-0.13', serverScript: 'x.py', recycle: { maxAge: 1000 } },
    };
    expect(resolvePool(good, { concurrency: 3 }, top)).toMatchObject({
      ...{ size: 1, watchdog: false, descendants: 'usual', compat: undefined, concurrency: 3 },
      recycle: { maxAgeMs: Infinity },
    });
    expect(resolvePool(good, {}, top).serverScript).toBeUndefined();
  });

  test('[I5.12] without TLS only on loopback', () => {
    for (const address of ['127.0.0.1:7443', 'localhost:7443', '[::1]:7443']) {
      expect(messagesOf({ address, token })).toEqual([]);
    }
    for (const address of ['0.0.0.0:7443', 'gpu1:7443', 'localhost.example.com:7443']) {
      expect(messagesOf({ address: ['localhost:1', address], token })).toEqual([
        `pools[0].remote.tls.ca is missing; ${address} is not on this machine's loopback and needs TLS.`,
      ]);
    }
  });

  test.each([
    [{ ...good, address: undefined }, /remote\.address is missing/u],
    [{ ...good, address: 'gpu1' }, /remote\.address is "gpu1"; it must be an address such as/u],
    [{ ...good, address: 'http://gpu1:7443' }, /remote\.address is "http/u],
    [{ ...good, address: 'unix:/tmp/x:1' }, /remote\.address is "unix/u],
    [{ ...good, address: [] }, /remote\.address is an array of 0/u],
    [{ ...good, address: ['a:1', 'a:1'] }, /remote\.address names a:1 twice/u],
    [{ ...good, token: undefined }, /remote\.token is missing/u],
    [{ ...good, token: 'open sesame' }, /remote\.token must have at least 16 characters/u],
    [{ ...good, token: 'open sesame, I say' }, /remote\.token must have at least 16/u],
    [{ ...good, tokenFile: 'token' }, /remote\.tokenFile goes not with token/u],
    [{ ...good, tls: { ca: 'c', cert: 'c' } }, /remote\.tls\.key is missing/u],
    [{ ...good, tls: { ca: 'c', key: 'c' } }, /remote\.tls\.cert is missing/u],
    [{ ...good, address: 'localhost:1', tls: { serverName: 'a' } }, /remote\.tls\.ca is missing/u],
    [{ ...good, insecure: true }, /remote\.insecure is not an option/u],
  ])('[I5.12] %j is refused', (remote, message) => {
    expect(messagesOf(remote)).toEqual([expect.stringMatching(message)]);
  });

  test.each(['size', 'adapter', 'env', 'compat', 'python', 'recycle'])(
    '[I5.12] %s of such a pool is refused',
    (key) => {
      const values = {
        ...{ size: 2, adapter: 'a.B', env: { A: 'b' }, compat: 'snakepit-0.13' },
        ...{ python: 'python3', recycle: { maxAge: 1000 } },
      };
      const own = { [key]: values[key as keyof typeof values] };
      expect(messagesOf(good, own)).toContain(
        `pools[0].${key} does not count with remote; say it where the workers are started.`,
      );
    },
  );
});
