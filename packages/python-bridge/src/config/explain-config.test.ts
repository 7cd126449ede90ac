import { describe, expect, test } from '@jest/globals';
import { explainConfig } from './explain-config.ts';
import type { ConfigExplanation } from './explain-config.ts';

function explain(config: unknown, env: Record<string, string> = {}): ConfigExplanation {
  return explainConfig(config, { env, cwd: '/srv/app' });
}

function of(explanation: ConfigExplanation, key: string): unknown {
  const found = explanation.values.find((value) => value.key === key);
  return found === undefined ? undefined : [found.value, found.source];
}

const config = {
  size: 2,
  adapter: 'shared.Adapter',
  heartbeat: { pingInterval: 5000, maxMissed: 5 },
  env: { API_TOKEN: 'top', REGION: 'eu' },
  pools: [
    { name: 'a', heartbeat: { maxMissed: 1 }, requestTimeout: Infinity },
    {
      name: 'b',
      size: 7,
      env: { API_TOKEN: 'own' },
      adapterArgs: ['--api-key=abc', '--token', 'def', '--mode=fast', 'x'],
    },
  ],
};

describe('explainConfig', () => {
  test('[I5.13] says of each key its value and who says so', () => {
    const explained = explain(config, {
      SNAKEPIT_TERM_TIMEOUT: '4000',
      SNAKEPIT_STATE_DIR: 'run',
      SNAKEPIT_HEARTBEAT_MAX_MISSED: '',
    });
    expect(explained.faults).toEqual([]);
    expect(of(explained, 'pools[0].size')).toEqual([2, 'top level']);
    expect(of(explained, 'pools[1].size')).toEqual([7, 'pools[1]']);
    expect(of(explained, 'pools[0].heartbeat.maxMissed')).toEqual([1, 'pools[0]']);
    expect(of(explained, 'pools[1].heartbeat.maxMissed')).toEqual([5, 'top level']);
    expect(of(explained, 'pools[1].heartbeat.enabled')).toEqual([true, 'default']);
    expect(of(explained, 'pools[1].heartbeat.timeoutThreshold')).toEqual([15_000, 'derived']);
    expect(of(explained, 'pools[0].requestTimeout')).toEqual(['Infinity', 'pools[0]']);
    expect(of(explained, 'pools[0].termTimeout')).toEqual([4000, 'SNAKEPIT_TERM_TIMEOUT']);
    expect(of(explained, 'pools[0].python')).toEqual([null, 'default']);
    expect(of(explained, 'pools[0].cwd')).toEqual(['/srv/app', 'default']);
    expect(of(explained, 'stateDir')).toEqual(['/srv/app/run', 'SNAKEPIT_STATE_DIR']);
    expect(of(explained, 'handleSignals')).toEqual([true, 'default']);
  });

  test('[I5.12] shows where workers of others are, and not their token', () => {
    const token = 'b1946ac92492d2347c6235b4d2611184';
    const remote = { address: 'gpu1:7443', tls: { ca: 'ca.pem' }, token };
    const explained = explain({ pools: [{ name: 'far', remote }] }, { SNAKEPIT_POOL_SIZE: '5' });
    expect(explained.faults).toEqual([]);
    expect(of(explained, 'pools[0].remote.address')).toEqual([['gpu1:7443'], 'pools[0]']);
    expect(of(explained, 'pools[0].remote.tls.ca')).toEqual(['/srv/app/ca.pem', 'pools[0]']);
    expect(of(explained, 'pools[0].remote.token')).toEqual(['***', 'pools[0]']);
    expect(of(explained, 'pools[0].size')).toEqual([1, 'derived']);
    expect(JSON.stringify(explained.values)).not.toContain(token);
    const local = explain({ pools: [{ name: 'a', adapter: 'a.B' }] });
    expect(local.values.filter(({ key }) => key.includes('remote'))).toEqual([]);
  });

  test('a number that another key decides is derived, whoever says one', () => {
    const pools = [{ name: 'a', adapter: 'a.B', profile: 'thread' }];
    const explained = explain({ pools, concurrency: 4 }, { SNAKEPIT_THREADS_PER_WORKER: '6' });
    expect(of(explained, 'pools[0].concurrency')).toEqual([6, 'derived']);
    expect(of(explained, 'pools[0].threadsPerWorker')).toEqual([6, 'SNAKEPIT_THREADS_PER_WORKER']);
    const same = explain({ pools: [{ name: 'a', adapter: 'a.B' }], concurrency: 4 });
    expect(of(same, 'pools[0].concurrency')).toEqual([4, 'top level']);
  });

  test('[I5.13] shows no secret', () => {
    const explained = explain(config);
    const hidden = { API_TOKEN: '***', REGION: '***' };
    expect(of(explained, 'pools[0].env')).toEqual([hidden, 'top level']);
    expect(of(explained, 'pools[1].env')).toEqual([hidden, 'top level, pools[1]']);
    expect(of(explained, 'pools[1].adapterArgs')).toEqual([
      ['--api-key=***', '--token', '***', '--mode=fast', 'x'],
      'pools[1]',
    ]);
    expect(JSON.stringify(explained.values)).not.toMatch(/"own"|abc|def"/);
  });

  test('every key of every pool is there, and what the environment says where there is no configuration', () => {
    const [one, none] = [explain({ pools: [{ name: 'a', adapter: 'a.B' }] }), explain(undefined)];
    const keys = one.values.map(({ key }) => key);
    expect(keys).toContain('pools[0].restart.backoff.jitter');
    expect(keys).toContain('socketDir');
    expect(new Set(keys).size).toBe(keys.length);
    expect(none.values.map(({ key }) => key)).toEqual(
      keys
        .map((key) => key.replace('pools[0].', ''))
        .filter((key) => key !== 'name' && key !== 'adapter'),
    );
    expect(none.config).toBeUndefined();
    const told = explain(undefined, { SNAKEPIT_POOL_SIZE: '3' });
    expect(of(told, 'size')).toEqual([3, 'SNAKEPIT_POOL_SIZE']);
  });

  test('with faults it says what would hold without them', () => {
    const faulty = { size: 4, pools: [7, { name: 'b', adapter: 'a.B', size: 0 }] };
    const explained = explain(faulty, { SNAKEPIT_TERM_TIMEOUT: 'long' });
    expect(explained.faults.map(({ where }) => where).sort()).toEqual([
      'SNAKEPIT_TERM_TIMEOUT',
      'pools[0]',
      'pools[1].size',
    ]);
    expect(explained.config).toBeUndefined();
    expect(of(explained, 'pools[1].size')).toEqual([4, 'top level']);
    expect(of(explained, 'pools[1].termTimeout')).toEqual([3000, 'default']);
    expect(explain(7)).toMatchObject({ values: [], config: undefined });
  });
});
