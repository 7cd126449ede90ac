import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '@snakepit/core';
import { createGuard } from './guard.ts';
import { listen } from './http-server.ts';
import { pageRoutes } from './page-files.ts';
import { createRouteTable } from './route-table.ts';

const directory = mkdtempSync(join(tmpdir(), 'page-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function serve<T>(routes: ReturnType<typeof pageRoutes>, use: (base: string) => Promise<T>) {
  const parts = {
    guard: createGuard('t'.repeat(24), []),
    routes: createRouteTable(routes),
    logger: silentLogger,
  };
  const server = await listen(parts, '127.0.0.1', 0);
  try {
    return await use(`http://127.0.0.1:${String(server.port)}`);
  } finally {
    await server.close();
  }
}

describe('pageRoutes', () => {
  test('[I6.6] serves the page and its files without a token, hashed ones for ever', async () => {
    const files = {
      'index.html': '<p>é</p>',
      'app-1.js': 'let a;',
      'app-2.css': 'p{}',
      'x.map': '{}',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    await serve(pageRoutes(directory), async (base) => {
      const page = await fetch(base);
      expect([page.status, page.headers.get('content-type')]).toEqual([
        200,
        'text/html; charset=utf-8',
      ]);
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(await page.text()).toBe('<p>é</p>');
      const script = await fetch(`${base}/app-1.js`);
      expect(script.headers.get('cache-control')).toContain('immutable');
      expect(await script.text()).toBe('let a;');
      expect((await fetch(`${base}/app-2.css`, { method: 'HEAD' })).status).toBe(200);
      for (const path of ['/x.map', '/index.html', '/../page-files.ts', '/%2e%2e/package.json']) {
        expect((await fetch(base + path)).status).toBe(404);
      }
    });
  });

  test('[I6.6] says what to do when the page was not built', async () => {
    await serve(pageRoutes(join(directory, 'nowhere')), async (base) => {
      const answer = await fetch(base);
      expect([answer.status, await answer.json()]).toEqual([
        503,
        { error: 'the page was not built; run: npm run build' },
      ]);
    });
  });
});
