import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { PoolConfig, RemoteConfig, Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import {
  Certificates,
  ended,
  freePort,
  REMOTE_TOKEN,
  spawnStranger,
  startStranger,
  type Identity,
} from '../fixtures/remote-workers.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { errorOf, isAlive, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Workers that somebody else runs: who is let in on both sides, and what becomes of them.

jest.setTimeout(120_000);

let bench: SnakepitBench;
let certificates: Certificates;
let ours: { readonly authority: Identity; readonly worker: Identity; readonly client: Identity };
let port: number;
beforeEach(async () => {
  bench = new SnakepitBench();
  certificates = new Certificates(bench);
  const authority = certificates.authority('ours');
  ours = {
    authority,
    worker: certificates.signed('worker', authority, 'DNS:localhost,IP:127.0.0.1'),
    client: certificates.signed('client', authority, 'DNS:client'),
  };
  port = await freePort();
});
afterEach(() => bench.close());

/** Arguments of a worker that knows its clients by their certificates. */
function mutualTls(): readonly string[] {
  const { authority, worker } = ours;
  return [
    ...['--tls-cert', worker.cert, '--tls-key', worker.key],
    ...['--tls-client-ca', authority.cert],
  ];
}

function remote(changes: RemoteConfig = {}): RemoteConfig {
  const { authority, client } = ours;
  const tls = { ca: authority.cert, ...client };
  return { address: `localhost:${String(port)}`, tls, token: REMOTE_TOKEN, ...changes };
}

function start(changes: RemoteConfig = {}, pool: Partial<PoolConfig> = {}): Promise<Snakepit> {
  return bench.startRemote({ name: 'far', ...pool, remote: remote(changes) });
}

describe.each(callPaths)('workers that others start, on the path %s', (path) => {
  test('[I5.12] are called over mutual TLS, and live on when the pool stops', async () => {
    const stranger = await startStranger(bench, {
      listen: `localhost:${String(port)}`,
      args: mutualTls(),
    });
    expect(stranger.said()).toContain('with mutual TLS');
    const snakepit = await start({}, poolOf(path));
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(await snakepit.execute('pid')).toBe(stranger.process.pid);
    const zeros = await snakepit.execute<Uint8Array>('zeros', { count: 3_000_000 });
    expect(zeros).toHaveLength(3_000_000);
    expect((await errorOf(snakepit.execute('fail', { message: 'no' }))).code).toBe(
      'PYTHON_EXCEPTION',
    );
    expect((await snakepit.tools()).map(({ name }) => name)).toContain('add');
    const [worker] = snakepit.workers();
    // Its number would be that of another process here.
    expect(worker?.osPid).toBeUndefined();
    await until(
      () => typeof snakepit.workers()[0]?.heartbeat?.beats.latencyMs === 'number',
      'an answer to a ping',
    );
    await snakepit.stop();
    expect(isAlive(stranger.process.pid ?? 0)).toBe(true);
    stranger.process.kill('SIGTERM');
    expect(await ended(stranger)).toBe(0);
  });

  test('[I5.12] are told of calls that the pool gives up when it stops', async () => {
    await startStranger(bench, { listen: `127.0.0.1:${String(port)}` });
    const plain = { address: `127.0.0.1:${String(port)}`, tls: undefined };
    const snakepit = await start(plain, poolOf(path));
    const [mark, cancelled] = [bench.path('began'), bench.path('cancelled')];
    const given = errorOf(snakepit.execute('wait', { seconds: 50, mark, cancelled }));
    await bench.marked('began');
    await snakepit.stop({ timeout: 0 });
    expect((await given).code).toBe('WORKER_UNAVAILABLE');
    expect(await bench.marked('cancelled')).toHaveLength(1);
  });

  test('[I5.12] are connected to again when they were started again', async () => {
    const listen = `localhost:${String(port)}`;
    const first = await startStranger(bench, { listen, args: mutualTls() });
    const snakepit = await start(
      {},
      {
        ...poolOf(path),
        heartbeat: { pingInterval: 1_000, timeoutThreshold: 5_000 },
        restart: { maxRestarts: 1 },
      },
    );
    const stuck = errorOf(snakepit.execute('wait', { seconds: 60, mark: bench.path('began') }));
    await bench.marked('began');
    first.process.kill('SIGKILL');
    expect(['WORKER_CRASHED', 'WORKER_UNAVAILABLE']).toContain((await stuck).code);
    await until(() => snakepit.workers()[0]?.state.startsWith('ready') !== true, 'its loss');
    // Longer than the starts that it has, were they counted.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const second = await startStranger(bench, { listen, args: mutualTls() });
    expect(await snakepit.execute('pid', {}, { timeout: 30_000 })).toBe(second.process.pid);
    expect(snakepit.workers()[0]?.state).toMatch(/^ready/u);
  });
});

describe('who connects to a worker of others', () => {
  test('[I5.12] is refused without certificate, with one of others, without TLS, with a wrong token', async () => {
    const stranger = await startStranger(bench, {
      listen: `localhost:${String(port)}`,
      args: mutualTls(),
    });
    const authority = certificates.authority('others');
    const { cert, key } = certificates.signed('stranger', authority, 'DNS:client');
    const { cert: ca } = ours.authority;
    const refused: readonly (readonly [RemoteConfig, RegExp])[] = [
      [{ tls: { ca } }, /cannot be reached/u],
      [{ tls: { ca, cert, key } }, /cannot be reached/u],
      [{ tls: undefined }, /cannot be reached/u],
      [{ token: 'f'.repeat(32) }, /the token was refused/u],
    ];
    for (const [changes, why] of refused) {
      const error = await errorOf(start(changes));
      expect(error).toMatchObject({
        code: 'WORKER_START_FAILED',
        details: { failure: 'unreachable', reason: expect.stringMatching(why) },
      });
      expect(`${error.message}${JSON.stringify(error.details)}`).not.toContain('f'.repeat(32));
    }
    expect(stranger.process.exitCode).toBeNull();
    const snakepit = await start();
    expect(await snakepit.execute('pid')).toBe(stranger.process.pid);
  });

  test('[I5.12] does not connect to one whose certificate is of another authority or name', async () => {
    const listen = `localhost:${String(port)}`;
    await startStranger(bench, { listen, args: mutualTls() });
    const others = certificates.authority('others');
    const reasonOf = async (changes: RemoteConfig): Promise<unknown> =>
      (await errorOf(start(changes))).details['reason'];
    const tls = { ca: ours.authority.cert, ...ours.client };
    expect(await reasonOf({ tls: { ...tls, ca: others.cert } })).toMatch(/verify|self.signed/u);
    expect(await reasonOf({ tls: { ...tls, serverName: 'worker.example' } })).toMatch(/altnames/u);
  });

  test('[I5.12] checks certificates though the environment of Node says not to', async () => {
    const listen = `localhost:${String(port)}`;
    await startStranger(bench, { listen, args: mutualTls() });
    const others = certificates.authority('others');
    const tls = { ca: others.cert, ...ours.client };
    const program = `
      import { readFileSync } from 'node:fs';
      import { Snakepit } from '@snakepit/python-bridge';
      const config = JSON.parse(process.env.CONFIG);
      const outcome = await Snakepit.start(config).then(() => 'let in', (error) => error.details.reason);
      console.log(outcome);
      // The other way of calling connects by itself.
      const { openFramesCall } = await import('./packages/python-bridge/dist/bridge/frames/frames-call.js');
      const { address, token, tls } = config.pools[0].remote;
      const call = openFramesCall({ address, token, tls: { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) } });
      call.on('data', () => { console.log('let in'); process.exit(); });
      await new Promise((resolve) => call.on('error', ({ message }) => { console.log(message); resolve(); }));
      process.exit();`;
    const config = { ...bench.config([]), logger: undefined };
    const pools = [{ name: 'far', remote: remote({ tls }) }];
    const { stdout } = await runProgram(['--input-type=module', '-e', program], {
      env: { CONFIG: JSON.stringify({ ...config, pools }), NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    });
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/verify|self.signed/iu),
      expect.stringMatching(/verify|self.signed/iu),
    ]);
  });

  test('[I5.12] needs the name that is in the certificate, which may be another than the address', async () => {
    const named = certificates.signed('named', ours.authority, 'DNS:worker.example');
    const args = ['--tls-cert', named.cert, '--tls-key', named.key];
    const file = bench.path('token');
    writeFileSync(file, `${REMOTE_TOKEN}\n`);
    await startStranger(bench, {
      listen: `127.0.0.1:${String(port)}`,
      args: [...args, '--token-file', file],
      env: {},
    });
    const changes = { address: `127.0.0.1:${String(port)}`, token: undefined, tokenFile: file };
    const tls = { ca: ours.authority.cert };
    expect((await errorOf(start({ ...changes, tls }))).details['reason']).toMatch(/altnames/u);
    for (const path of callPaths) {
      const named = { ...changes, tls: { ...tls, serverName: 'worker.example' } };
      const snakepit = await start(named, poolOf(path));
      expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
      await snakepit.stop();
    }
  });
});

describe('a worker that others start', () => {
  test('[I5.12] does not listen beyond loopback without TLS, nor without a good token', async () => {
    const elsewhere = `0.0.0.0:${String(port)}`;
    const here = `127.0.0.1:${String(port)}`;
    const good = { SNAKEPIT_TOKEN: REMOTE_TOKEN };
    const wrong = [
      { listen: elsewhere, env: good, says: /without TLS/u },
      { listen: here, env: {}, says: /there is no token/u },
      { listen: here, env: { SNAKEPIT_TOKEN: 'short' }, says: /at least 16 characters/u },
      { listen: here, args: ['--token-file', bench.path('none')], env: {}, says: /cannot read/u },
      { listen: here, args: ['--tls-cert', ours.worker.cert], env: good, says: /needs both/u },
      {
        ...{ listen: here, env: good, says: /cannot use .* for TLS/u },
        args: ['--tls-cert', ours.worker.cert, '--tls-key', ours.client.key],
      },
    ];
    await Promise.all(
      wrong.map(async ({ says, ...options }) => {
        const stranger = spawnStranger(bench, options);
        expect(await ended(stranger)).toBe(78);
        expect(stranger.said()).toMatch(says);
        expect(stranger.said()).not.toContain(REMOTE_TOKEN);
      }),
    );
  });

  test('[I5.12] has its own place in the pool; one more, and a replacement, have none', async () => {
    const other = await freePort();
    const at = [port, other].map((number) => `127.0.0.1:${String(number)}`);
    const [first, second] = await Promise.all(at.map((listen) => startStranger(bench, { listen })));
    const snakepit = await start({ address: at, tls: undefined });
    expect(snakepit.workers()).toHaveLength(2);
    const mark = bench.path('both');
    const both = [1, 2].map(() => snakepit.execute('wait', { seconds: 1, mark }));
    await bench.marked('both', 2);
    await Promise.all(both);
    // Both are free, so two calls at once go to one each.
    const pids = new Set(await Promise.all([1, 2].map(() => snakepit.execute('pid'))));
    expect(pids).toEqual(new Set([first?.process.pid, second?.process.pid]));
    const full = await errorOf(snakepit.pool('far').resize(3));
    expect(full.details['reason']).toMatch(/each of the 2 addresses .* has its worker already/u);
    expect(snakepit.workers()).toHaveLength(2);
    await errorOf(snakepit.pool('far').recycle());
    expect(snakepit.workers().map(({ id }) => id)).toEqual(['far_worker_1', 'far_worker_2']);
    await snakepit.restartWorker('far_worker_1');
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
  });
});
