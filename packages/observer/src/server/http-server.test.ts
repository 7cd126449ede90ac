import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import { observe } from '../observe.ts';
import { observed } from '../table-truth.fixture.ts';
import { ask, tokenOf } from '../viewer.fixture.ts';

describe('what is wrong on the way', () => {
  test('[I6.6] an address that is none, and a body that breaks off, are nobody’s fault here', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const system = createSystem({ logger });
    const observer = await observe(system);
    try {
      expect((await ask(observer, '//')).status).toBe(400);
      expect((await ask(observer, 'http://[', { token: undefined })).status).toBe(400);
      const headers = [
        'POST /api/incidents HTTP/1.1',
        `host: 127.0.0.1:${String(observer.port)}`,
        `authorization: Bearer ${tokenOf(observer)}`,
        'content-type: application/json',
        'content-length: 100',
        'expect: 100-continue',
      ];
      const socket = connect(observer.port, '127.0.0.1');
      socket.write(`${headers.join('\r\n')}\r\n\r\n`);
      // It is asked for the body: the request has begun.
      await once(socket, 'data');
      socket.destroy();
      expect((await ask(observer, '/api/incidents')).json).toEqual({ incidents: [] });
      expect(warnings).toEqual([]);
    } finally {
      await system.stop();
    }
  });

  test('[I6.6] a stream that waits behind another one on its connection ends with it', () =>
    observed(async (observer) => {
      const socket = connect(observer.port, '127.0.0.1');
      const one = (viewer: string): string =>
        [
          `GET /api/live?viewer=${viewer} HTTP/1.1`,
          `host: 127.0.0.1:${String(observer.port)}`,
          `authorization: Bearer ${tokenOf(observer)}`,
          '\r\n',
        ].join('\r\n');
      socket.write(one('first') + one('second'));
      await once(socket, 'data');
      const isHere = async (viewer: string): Promise<boolean> =>
        (await ask(observer, '/api/watch', { body: { viewer, pids: [] } })).status === 200;
      expect([await isHere('first'), await isHere('second')]).toEqual([true, true]);
      socket.destroy();
      const deadline = Date.now() + 5_000;
      while ((await isHere('second')) && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect([await isHere('first'), await isHere('second')]).toEqual([false, false]);
    }));
});
