import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createSystem,
  defineServer,
  noreply,
  ok,
  silentLogger,
  type ActorSystem,
  type HealthCheck,
} from '@snakepit/core';
import { healthHandler, observe, type HealthOptions, type Observer } from '../index.ts';

let system: ActorSystem;
const servers: Server[] = [];
let observer: Observer | undefined;
/** What the only source says. */
let checks: HealthCheck[];
beforeEach(() => {
  system = createSystem({ logger: silentLogger });
  checks = [check('pool a', 'ok', { parts: [check('worker 1'), check('worker 2')] })];
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await observer?.close();
  await system.stop();
});

function check(
  name: string,
  status: HealthCheck['status'] = 'ok',
  more: Partial<HealthCheck> = {},
): HealthCheck {
  return { name, status, isStarted: true, message: `${name} is ${status}`, ...more };
}
const addSource = (): (() => void) =>
  system.observation.addSource({ name: 'fake', checks: () => checks });

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const made = createServer(listener);
  servers.push(made);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((made.address() as AddressInfo).port)}`;
}
const serveHealth = (options: HealthOptions = {}): Promise<string> =>
  serve(healthHandler(system, { maxAgeMs: 0, ...options }));
async function get(url: string, init: RequestInit = {}): Promise<readonly [number, string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

describe('probes', () => {
  test('[T4.3] degraded is ready, down is not; what will not get better by itself is dead', async () => {
    const url = await serveHealth();
    addSource();
    const states = async (): Promise<number[]> => {
      const paths = ['livez', 'readyz', 'startupz'];
      return Promise.all(paths.map(async (path) => (await fetch(`${url}/${path}`)).status));
    };
    expect(await states()).toEqual([200, 200, 200]);
    checks = [check('pool a', 'degraded')];
    expect(await states()).toEqual([200, 200, 200]);
    checks = [check('pool a', 'down')];
    expect(await states()).toEqual([200, 503, 200]);
    checks = [check('pool a', 'down', { isStarted: false })];
    expect(await states()).toEqual([200, 503, 503]);
    checks = [check('pool a'), check('supervision', 'down', { isFinal: true })];
    expect(await states()).toEqual([503, 503, 503]);
  });

  test('[T4.3] text as of Kubernetes: ok, or a line for each check; reasons only with details', async () => {
    const url = await serveHealth();
    addSource();
    expect(await get(`${url}/readyz`)).toEqual([200, 'ok']);
    expect(await get(`${url}/readyz?verbose`)).toEqual([
      200,
      '[+]pool a ok\nreadyz check passed\n',
    ]);
    checks = [check('pool a'), check('pool b', 'down')];
    expect(await get(`${url}/readyz`)).toEqual([
      503,
      '[+]pool a ok\n[-]pool b failed: reason withheld\nreadyz check failed\n',
    ]);
    expect(await get(`${url}/readyz?exclude=pool%20b&verbose`)).toEqual([
      200,
      '[+]pool a ok\n[+]pool b excluded: ok\nreadyz check passed\n',
    ]);
    const telling = await serveHealth({ details: true });
    expect((await get(`${telling}/readyz`))[1]).toContain('[-]pool b failed: pool b is down\n');
  });

  test('[T4.3] HEAD says the same without a body; other methods and paths are none of it', async () => {
    const url = await serveHealth();
    expect(await get(`${url}/livez`, { method: 'HEAD' })).toEqual([200, '']);
    expect((await get(`${url}/livez`, { method: 'POST' }))[0]).toBe(405);
    expect((await get(`${url}/health/workers`))[0]).toBe(404);
    expect((await get(`${url}//`))[0]).toBe(404);
    const mounted = healthHandler(system);
    const app = await serve((request: IncomingMessage, response) => {
      mounted(request, response, () => response.end('the app'));
    });
    expect(await get(`${app}/`)).toEqual([200, 'the app']);
    expect(await get(`${app}/livez`)).toEqual([200, 'ok']);
  });

  test('[T4.3] before there is a system it lives, and neither is ready nor has started', async () => {
    const late: { system?: ActorSystem } = {};
    const url = await serve(healthHandler(() => late.system, { details: true, maxAgeMs: 0 }));
    expect((await get(`${url}/livez`))[0]).toBe(200);
    expect(await get(`${url}/readyz`)).toEqual([503, 'readyz check failed']);
    expect((await get(`${url}/startupz`))[0]).toBe(503);
    expect((await get(`${url}/health/workers`))[0]).toBe(503);
    expect((await get(`${url}/health/processes`))[0]).toBe(503);
    late.system = system;
    expect((await get(`${url}/readyz`))[0]).toBe(200);
  });

  test('[T4.3] who was stopped is not ready, and who cannot tell its health is not well', async () => {
    const url = await serveHealth({ details: true });
    const remove = addSource();
    expect((await get(`${url}/readyz`))[0]).toBe(200);
    remove();
    expect((await get(`${url}/readyz`))[1]).toContain('[-]fake failed: it was stopped');
    addSource();
    expect((await get(`${url}/readyz`))[0]).toBe(200);
    system.observation.addSource({
      name: 'broken',
      checks: () => {
        throw new Error('a bug');
      },
    });
    expect((await get(`${url}/readyz`))[1]).toContain(
      '[-]broken failed: its health cannot be told: a bug',
    );
  });

  test('[T4.3] who was stopped before anybody asked is not ready either', async () => {
    const remove = addSource();
    const url = await serveHealth();
    remove();
    expect((await get(`${url}/readyz`))[0]).toBe(503);
  });

  test('all who ask within a while get the same answer', async () => {
    let asked = 0;
    system.observation.addSource({
      name: 'counted',
      checks: () => {
        asked += 1;
        return checks;
      },
    });
    const url = await serveHealth({ maxAgeMs: 60_000 });
    for (let i = 0; i < 10; i++) await get(`${url}/readyz`);
    expect(asked).toBe(1);
  });
});

describe('pages', () => {
  test('[T4.3] workers: how many are how, each with what to do', async () => {
    addSource();
    const broken = check('worker 3', 'down', { remedy: 'mend it', details: { osPid: 7 } });
    checks.push(check('pool b', 'down', { parts: [broken], remedy: 'see its workers' }));
    const url = await serveHealth({ details: true });
    const [status, text] = await get(`${url}/health/workers`);
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      status: 'down',
      counts: { total: 3, ok: 2, degraded: 0, down: 1 },
      pools: [
        { name: 'pool a', workers: [{ name: 'worker 1' }, { name: 'worker 2' }] },
        { remedy: 'see its workers', workers: [{ remedy: 'mend it', details: { osPid: 7 } }] },
      ],
    });
  });

  test('[T4.3] processes: how many, and who is falling behind', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const stuck = defineServer({
      name: 'stuck',
      init: () => ok(0),
      cast: {
        wait: async (state: number) => {
          await held;
          return noreply(state);
        },
      },
    });
    const { pid } = await system.start(stuck);
    for (let i = 0; i < 1_500; i++) system.cast(pid, { type: 'wait' });
    const url = await serveHealth({ details: true });
    const [status, text] = await get(`${url}/health/processes`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      status: 'degraded',
      runtime: { osPid: process.pid },
      processes: {
        total: 1,
        waitingMessages: 1_499,
        longestMailboxes: [{ name: 'stuck', length: 1_499 }],
      },
      checks: [{ name: 'mailboxes', status: 'degraded', remedy: expect.any(String) }],
    });
    release();
  });

  test('[T4.3] the observer answers probes to everybody, and pages to who has the token', async () => {
    addSource();
    checks = [check('pool a', 'down')];
    observer = await observe(system);
    const { origin, hash } = new URL(observer.url);
    expect((await get(`${origin}/livez`))[0]).toBe(200);
    expect(await get(`${origin}/readyz`)).toEqual([
      503,
      '[-]pool a failed: reason withheld\nreadyz check failed\n',
    ]);
    expect((await get(`${origin}/health/workers`))[0]).toBe(401);
    const headers = { authorization: `Bearer ${hash.replace('#token=', '')}` };
    expect((await get(`${origin}/health/processes`, { headers }))[0]).toBe(503);
  });
});
