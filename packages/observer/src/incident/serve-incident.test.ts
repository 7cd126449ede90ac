import { request } from 'node:http';
import { expect, test } from '@jest/globals';
import { serveIncident } from './serve-incident.ts';

const content = { title: 'it <b>broke</b>', wall: 0, lines: [], charts: {} };

/** Asks with a host of its own choice. */
function asked(url: string, host?: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('[I6.6] a saved incident is a page of this machine, for whoever has the key, until it is closed', async () => {
  const served = await serveIncident(content);
  try {
    const { origin, hostname } = new URL(served.url);
    expect(hostname).toBe('127.0.0.1');
    const response = await fetch(served.url);
    const { headers, status } = response;
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      ...[200, 'text/html; charset=utf-8', 'no-store'],
    ]);
    expect(headers.get('content-security-policy')).toBe("frame-ancestors 'none'");
    const html = await response.text();
    expect(html).toContain('<h1>it &#60;b&#62;broke&#60;/b&#62;</h1>');
    expect(html).toContain("default-src 'none'");
    expect((await fetch(served.url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(served.url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${origin}/${'x'.repeat(32)}`)).status).toBe(401);
    expect((await fetch(`${origin}/`)).status).toBe(404);
    // A name that somebody pointed at this machine.
    expect(await asked(served.url, 'evil.example')).toBe(421);
  } finally {
    await served.close();
  }
  await expect(fetch(served.url)).rejects.toThrow();
});
