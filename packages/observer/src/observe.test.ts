import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger, type ActorSystem } from '@snakepit/core';
import { keeper, quietSystem } from './actors.fixture.ts';
import { observe, type Observer } from './observe.ts';
import type { ObserveOptions } from './observe-options.ts';
import { ask, eventually, open, read, tokenOf } from './viewer.fixture.ts';

/** Something to look at, ended in the end. */
async function observed(
  run: (observer: Observer, system: ActorSystem) => Promise<void>,
  options: ObserveOptions = {},
): Promise<void> {
  const system = quietSystem();
  const observer = await observe(system, options);
  try {
    await run(observer, system);
  } finally {
    await observer.close();
    await system.stop();
  }
}

describe('who may look', () => {
  test('[I6.6] the token, our own host and our own page are needed', () =>
    observed(async (observer) => {
      const port = String(observer.port);
      const status = async (headers: Record<string, string>, token?: string): Promise<number> =>
        (await ask(observer, '/api/incidents', { headers, token })).status;
      const token = tokenOf(observer);

      expect(token).toMatch(/^[\w-]{32}$/);
      expect(observer.url).toBe(`http://127.0.0.1:${port}/#token=${token}`);
      expect(await status({}, token)).toBe(200);
      expect(await status({ host: `localhost:${port}` }, token)).toBe(200);
      expect(await status({ origin: `http://127.0.0.1:${port}` }, token)).toBe(200);

      expect(await status({})).toBe(401);
      expect(await status({}, `${token.slice(0, -1)}!`)).toBe(401);
      expect(await status({ authorization: `Basic ${token}` })).toBe(401);
      expect(await status({ host: `evil.example:${port}` }, token)).toBe(421);
      expect(await status({ host: '127.0.0.1:1' }, token)).toBe(421);
      expect(await status({ host: '[::1' }, token)).toBe(421);
      expect(await status({ origin: 'http://evil.example' }, token)).toBe(403);
      expect(await status({ origin: 'null' }, token)).toBe(403);
      expect(await status({ origin: `http://localhost:${port}` }, token)).toBe(403);
    }));

  test('[I6.6] a name that is ours may be asked for, at any port', () =>
    observed(
      async (observer) => {
        const { status } = await ask(observer, '/api/incidents', {
          headers: { host: 'Monitor.example', origin: 'https://Monitor.example' },
        });
        expect(status).toBe(200);
      },
      { names: ['monitor.example'] },
    ));

  test('[I6.6] what is not there, or not in this way, says so', () =>
    observed(async (observer) => {
      expect(await ask(observer, '/api/nothing')).toMatchObject({
        status: 404,
        json: { error: 'there is nothing here.' },
      });
      const wrong = await ask(observer, '/api/live', { method: 'POST', body: {} });
      expect(wrong.status).toBe(405);
      expect(wrong.headers.allow).toBe('GET');
      expect((await ask(observer, '/api/incidents', { method: 'DELETE' })).headers.allow).toBe(
        'GET, POST',
      );
      expect((await ask(observer, '/api/incidents/%E0%A4%A')).status).toBe(404);
      expect((await ask(observer, '/api/actor')).status).toBe(400);
      expect((await ask(observer, '/api/actor?pid=x')).status).toBe(400);
      expect((await ask(observer, '/api/actor?pid=77')).status).toBe(404);
      expect((await ask(observer, '/api/chart?hash=77')).status).toBe(404);
    }));

  test('[I6.6] every answer carries the headers that protect the page, refusals too', () =>
    observed(async (observer) => {
      const answers = [
        await ask(observer, '/api/incidents'),
        await ask(observer, '/api/incidents', { token: undefined }),
        await ask(observer, '/nothing'),
      ];
      for (const { headers } of answers) {
        expect(headers['content-security-policy']).toContain("default-src 'none'");
        expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
        expect(headers['x-content-type-options']).toBe('nosniff');
        expect(headers['referrer-policy']).toBe('no-referrer');
        expect(headers['cross-origin-resource-policy']).toBe('same-origin');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['access-control-allow-origin']).toBeUndefined();
      }
    }));

  test('[I6.6] a body must be JSON, an object, and no longer than 64 kB', () =>
    observed(async (observer) => {
      const status = async (raw: string, headers = {}): Promise<number> =>
        (await ask(observer, '/api/incidents', { raw, headers })).status;
      expect(await status('{}')).toBe(201);
      expect(await status('{')).toBe(400);
      expect(await status('[]')).toBe(400);
      expect(await status('{"title":5}')).toBe(400);
      expect(await status('{}', { 'content-type': 'text/plain' })).toBe(415);
      const long = JSON.stringify({ title: 'x'.repeat(65 * 1024) });
      expect(await status(long)).toBe(413);
      expect(await status(long, { 'transfer-encoding': 'chunked' })).toBe(413);
    }));

  test('[I6.6] garbage ends the connection that it came on, and nothing else', () =>
    observed(async (observer) => {
      const reader = await read(observer);
      await reader.until(() => reader.lines.find(({ k }) => k === 'snap'));
      const socket = connect(observer.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('\u0000\u0001 garbage\r\n\r\n');
      await once(socket, 'close');
      const huge = connect(observer.port, '127.0.0.1');
      huge.on('error', () => undefined);
      huge.write(`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
      await once(huge, 'close');
      expect((await ask(observer, '/api/incidents')).status).toBe(200);
      reader.leave();
      await reader.ended;
    }));

  test('[I6.6] sixteen may look at the same time, one of an id', () =>
    observed(async (observer) => {
      const readers = await Promise.all(
        Array.from({ length: 16 }, (_, index) => read(observer, `?viewer=v${String(index)}`)),
      );
      expect((await ask(observer, '/api/live')).status).toBe(503);
      // The same page again, whose old connection nobody has noticed to be dead.
      const again = await read(observer, '?viewer=v3');
      await readers[3]?.ended;
      expect(readers[3]?.lines.at(-1)).toEqual({ k: 'bye', why: 'replaced' });
      for (const reader of [...readers, again]) reader.leave();
      await Promise.all([...readers, again].map(({ ended }) => ended));
    }));

  test('[I6.6] one who only asks for the head of the stream is no viewer', () =>
    observed(async (observer) => {
      const { status, text } = await ask(observer, '/api/live', { method: 'HEAD' });
      expect([status, text]).toEqual([200, '']);
    }));
});

describe('observe()', () => {
  test.each<[string, object]>([
    ['port', { port: 70_000 }],
    ['port', { port: '80' }],
    ['host', { host: '' }],
    ['host', { host: '0.0.0.0' }],
    ['token', { token: 'short' }],
    ['hz', { hz: 0 }],
    ['hz', { hz: 21 }],
    ['actions', { actions: 'yes' }],
    ['context', { context: 'all' }],
    ['names', { names: [''] }],
    ['names', { names: ['https://monitor.example'] }],
    ['names', { names: ['monitor.example:8443'] }],
    ['redact', { redact: 'secrets' }],
    ['record', { record: 'all' }],
    ['colour', { colour: 'red' }],
  ])('[I6.6] refuses a wrong %s: %j', async (name, options) => {
    await expect(observe(quietSystem(), options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`option ${name} of observe()`),
    });
  });

  test('[I6.6] listens for other machines only with a token of your own, and warns', async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const system = createSystem({ logger });
    const token = 'a-token-of-our-own-0123456789';
    const observer = await observe(system, { host: '0.0.0.0', token });
    try {
      expect(warnings).toEqual([
        'the observer can be reached from other machines, without encryption',
      ]);
      expect(observer.url).toBe(`http://localhost:${String(observer.port)}/#token=${token}`);
      const reader = await read(observer);
      const hello = await reader.until(() => reader.lines.find((line) => line.k === 'hello'));
      expect(hello.can).toEqual({ act: false, context: 'keys' });
      reader.leave();
    } finally {
      await system.stop();
    }
  });

  test('[I6.6] says so when the port is taken, and takes one that was given back', async () => {
    const system = quietSystem();
    const first = await observe(system);
    const { port } = first;
    await expect(observe(system, { port })).rejects.toMatchObject({
      code: 'OBSERVER_CANNOT_LISTEN',
      details: { host: '127.0.0.1', port },
      cause: expect.objectContaining({ code: 'EADDRINUSE' }),
    });
    const reader = await read(first);
    await first.close();
    await reader.ended;
    const second = await observe(system, { port });
    expect(second.port).toBe(port);
    await second.close();
    await system.stop();
  });

  test('[I6.6] costs nothing as long as nobody looks', async () => {
    const system = quietSystem();
    let walks = 0;
    const walk = system.processes.bind(system);
    system.processes = () => {
      walks += 1;
      return walk();
    };
    const listens = (): boolean => system.telemetry.enabled('snakepit.process.exited');
    const observer = await observe(system, { hz: 20, record: 'nothing' });
    expect([walks, listens()]).toEqual([0, false]);
    const [one, other] = [await read(observer), await read(observer, '?viewer=other')];
    await eventually(() => walks > 3, 'the tree is looked at');
    one.leave();
    await one.ended;
    const before = walks;
    await eventually(() => walks > before + 2, 'the other one looks on');
    other.leave();
    await other.ended;
    const isHere = async (): Promise<boolean> =>
      (await ask(observer, '/api/watch', { body: { viewer: 'other', pids: [] } })).status === 200;
    while (await isHere()) await new Promise((resolve) => setTimeout(resolve, 20));
    const after = walks;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([walks, listens()]).toEqual([after, false]);
    await observer.close();
    await system.stop();
  });

  test('[I6.6] says goodbye when it is closed, also in the middle of a table', async () => {
    const system = quietSystem();
    for (let index = 0; index < 6_000; index += 1) system.spawn(keeper, index);
    const observer = await observe(system, { hz: 20 });
    const done = await read(observer);
    await done.until(() => done.lines.find(({ k }) => k === 'snap'));
    const stalled = await open(observer, '/api/live', {});
    const both = [observer.close(), observer.close()];
    expect(both[0]).toBe(both[1]);
    await observer.close();
    await done.ended;
    expect(done.lines.at(-1)).toEqual({ k: 'bye', why: 'closed' });
    stalled.destroy();
    await expect(ask(observer, '/api/incidents')).rejects.toThrow('ECONNREFUSED');
    await system.stop();
  });

  test('[I6.6] of a system that has ended is closed already', async () => {
    const system = quietSystem();
    await system.stop();
    const observer = await observe(system);
    await observer.close();
    const other = await observe(system);
    await expect(ask(other, '/api/incidents')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
  });

  test('[I6.6] ends with the system, whose end it shows first', async () => {
    const system = quietSystem();
    const pid = await system.start(keeper, 1);
    const observer = await observe(system);
    const reader = await read(observer);
    await reader.until(() => (reader.mirror.rows.size === 1 ? true : undefined));
    await system.stop();
    await reader.ended;
    expect(reader.lines.at(-1)).toEqual({ k: 'bye', why: 'stopped' });
    expect(reader.mirror.rows.size).toBe(0);
    const [gone] = reader.lines.flatMap((line) => (line.k === 'delta' ? line.del : []));
    expect([gone?.[0], reader.mirror.text(gone?.[1] ?? -1)]).toEqual([pid.pid.id, 'shutdown']);
    await expect(ask(observer, '/api/incidents')).rejects.toThrow('ECONNREFUSED');
  });
});
