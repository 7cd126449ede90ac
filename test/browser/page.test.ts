import process from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { defineServer, exitReason, ok } from '@snakepit/core';
import { observe } from '@snakepit/observer';
import type { Page } from 'playwright-core';
import { osPidOf, until } from '../fixtures/snakepit-bench.ts';
import { browserBench } from './browser-bench.ts';
import { goTo, keepScreenshot, seriousFindings, typeAtOnce, watchedPage } from './chromium.ts';
import { startRelay } from './relay.ts';

const { browser, snakepit, observer, withPage } = browserBench(2, { actions: true });

const rowsOf = (page: Page, ending: string) => page.locator(`.row[data-path$="${ending}"]:visible`);
/** The path of a worker's process. */
async function workerPath(page: Page, index = 0): Promise<string> {
  const path = await rowsOf(page, '/grpcWorker').nth(index).getAttribute('data-path');
  if (path === null) throw new Error('there is no worker in the tree');
  return path;
}
/** Waits until the tree names a row as the active one. */
const selects = (page: Page, path: RegExp) =>
  page.waitForFunction(
    `(${String(path)}).test(document.getElementById(
      document.getElementById('tree').getAttribute('aria-activedescendant'))?.dataset.path)`,
  );

describe('the page of a running Snakepit', () => {
  test('[I6.6] says how it is, and keeps the token out of the address', async () => {
    await withPage(async (page) => {
      expect(await page.locator('.health').textContent()).toMatch(
        /^2 of 2 workers ready, \d+ processes, /,
      );
      await page.getByText('Nobody needs attention.').first().waitFor();
      await page.getByRole('img', { name: /^Map of all processes: \d+ running/ }).waitFor();
      expect(page.url()).not.toContain('token');
      await page.reload();
      await page.locator('.health').waitFor();
      await keepScreenshot(page, 'overview');
    });
  });

  test('[I6.6] shows the tree as the system has it, and filters it', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/tree');
      await rowsOf(page, '/grpcWorker').nth(1).waitFor();
      const inOrder = (pids: number[]): string => pids.sort((a, b) => a - b).join(' ');
      await until(async () => {
        const shown = await page.evaluate<number[]>(
          `[...document.querySelectorAll('.row[data-pid]:not([hidden])')].map((row) => Number(row.dataset.pid))`,
        );
        const living = [...snakepit().system.processes()].map(({ pid }) => pid.id);
        return inOrder(shown) === inOrder(living);
      }, 'the tree to be as the system has it');
      const worker = rowsOf(page, '/grpcWorker').first();
      await worker.getByText('● running · ready.idle').waitFor();
      await page.getByText(String(osPidOf(snakepit())), { exact: true }).waitFor();
      const cell = (title: string) =>
        page
          .getByRole('columnheader')
          .allTextContents()
          .then((titles) =>
            rowsOf(page, '/grpcWorker').first().getByRole('gridcell').nth(titles.indexOf(title)),
          );
      await (await cell('Memory')).getByText(/^\d\d(\.\d)? MB$|^\d{3} MB$/).waitFor();
      await (await cell('Beat')).getByText(/^\d+(\.\d)? m?s$/).waitFor();
      await keepScreenshot(page, 'tree');
      await page.getByRole('searchbox').fill('kind:worker state:ready -path:*_2*');
      await page.getByText(/^1 of \d+ processes$/).waitFor();
      expect(await rowsOf(page, '/grpcWorker').count()).toBe(1);
      await page.getByRole('searchbox').fill('nobody is called so');
      await page.getByText('No process passes the filter.').waitFor();
      await page.getByRole('searchbox').fill('mbox>many');
      await page.getByText('not understood: mbox>many').waitFor();
    });
  });

  test('[I6.6] opens a chart, sees its process die and come back with a higher incarnation', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/tree?q=kind%3Aworker');
      const path = await workerPath(page);
      await rowsOf(page, '/grpcWorker').first().dblclick();
      const chart = page.getByRole('img', {
        name: /^Statechart grpcWorker, 17 states; active: idle/,
      });
      await chart.waitFor();
      expect(await page.locator('.state.active').evaluateAll((all) => all.length)).toBe(3);
      await page.getByRole('row', { name: '● possible ready process.died stopping' }).waitFor();
      const head = page.locator('[data-incarnation]');
      const before = Number(await head.getAttribute('data-incarnation'));
      await keepScreenshot(page, 'chart');
      const index = path.includes('_worker_1') ? 0 : 1;
      const osPid = osPidOf(snakepit(), index);
      process.kill(osPid, 'SIGKILL');
      await page.locator(`[data-incarnation="${String(before + 1)}"]`).waitFor();
      // It is told for ten seconds: before its successor is ready.
      await goTo(page, '#/overview');
      await page.locator('.attention').getByText('was restarted').first().waitFor();
      await goTo(page, `#/process/${path}`);
      await chart.waitFor();
      expect(osPidOf(snakepit(), index)).not.toBe(osPid);
      await page.getByText('Why its predecessor ended').waitFor();
      await page.getByRole('tab', { name: 'Life' }).click();
      await page.getByRole('cell', { name: 'restarted' }).first().waitFor();
      await keepScreenshot(page, 'life');
      await goTo(page, '#/overview');
      await page.getByText('2 of 2 workers ready').waitFor();
    });
  });

  test('[I6.6] names and data that want to be markup stay text', async () => {
    const bad = '<img src=x onerror="document.title=1">';
    const server = defineServer({ name: bad, init: () => ok({ [bad]: [bad] }) });
    const pid = snakepit().system.spawn(server);
    try {
      await withPage(async (page) => {
        await goTo(page, '#/tree?q=kind:genServer');
        const row = page.locator(`.row[data-pid="${String(pid.id)}"]:visible`);
        expect(await row.textContent()).toContain('<img src=x');
        await row.dblclick();
        await page.getByRole('tab', { name: 'State' }).click();
        await page.locator('summary').getByText(bad).click();
        await page.getByRole('listitem').getByText(bad).last().waitFor();
        expect(await page.locator('main img').count()).toBe(0);
      });
    } finally {
      snakepit().system.exit(pid, exitReason.kill);
    }
  });

  test('[I6.6] is used by the keyboard alone', async () => {
    await withPage(async (page) => {
      const { keyboard } = page;
      await keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await rowsOf(page, '/grpcWorker').first().waitFor();
      expect(await page.evaluate('document.activeElement.id')).toBe('tree');
      await keyboard.press('Home');
      await selects(page, /^[^/]+$/);
      await keyboard.press('ArrowRight');
      expect(await page.locator('[aria-selected=true]:visible').getAttribute('aria-level')).toBe(
        '2',
      );
      await keyboard.press('ArrowLeft');
      await keyboard.press('ArrowLeft');
      await page.locator('.row[aria-expanded=false]:visible').waitFor();
      expect(await page.locator('.row[data-path]:visible').count()).toBe(1);
      await keyboard.press('*');
      await rowsOf(page, '/grpcWorker').first().waitFor();
      await keyboard.press('End');
      await keyboard.press('PageUp');
      await typeAtOnce(page, 'grpc');
      await selects(page, /\/grpcWorker$/);
      await keyboard.press('.');
      await selects(page, /_worker_\d$/);
      await keyboard.press('/');
      expect(await page.evaluate('document.activeElement.type')).toBe('search');
      await keyboard.type('kind:worker');
      await keyboard.press('Escape');
      await keyboard.press('End');
      await selects(page, /\/grpcWorker$/);
      await keyboard.press('Enter');
      await page.getByRole('img', { name: /^Statechart grpcWorker/ }).waitFor();
      await page.locator('#tab-chart').focus();
      for (const tab of ['messages', 'state', 'life', 'worker']) {
        await keyboard.press('ArrowRight');
        await page.locator(`#tab-${tab}[aria-selected=true]:focus`).waitFor();
      }
      await page.getByText('Memory of its process group').waitFor();
    });
  });

  test('[I6.6] shows what a worker handles, and acts only after it was confirmed', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/tree?q=kind%3Aworker');
      await goTo(page, `#/process/${await workerPath(page, 1)}?tab=messages`);
      await page.getByRole('button', { name: 'heartbeat' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Leave it' }).click();
      await dialog.waitFor({ state: 'detached' });
      const acts = () => page.getByRole('group', { name: 'Act on this process' });
      await acts().getByRole('button', { name: 'heartbeat' }).click();
      await dialog.getByRole('button', { name: 'heartbeat' }).click();
      await acts().getByText(/^✓ /).waitFor();
      const { records } = snakepit().system.records.lifeSince(0);
      const acted = records.findLast(({ what }) => what === 'acted');
      expect(acted).toMatchObject({ details: { action: 'heartbeat', ok: true } });
      await acts().getByRole('button', { name: 'kill' }).click();
      expect(await dialog.getByRole('button', { name: 'kill' }).isDisabled()).toBe(true);
      const before = Number(
        await page.locator('[data-incarnation]').getAttribute('data-incarnation'),
      );
      await dialog.getByRole('textbox').fill((await dialog.locator('code').textContent()) ?? '');
      await dialog.getByRole('button', { name: 'kill' }).click();
      await page.locator(`[data-incarnation="${String(before + 1)}"]`).waitFor();
      await page.getByText('connection.established').first().waitFor();
      await keepScreenshot(page, 'messages');
    });
  });
});

describe('a worker that is drained', () => {
  test('[I6.6] is confirmed by its path, recorded, shown as drained, and serves again', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/tree?q=kind%3Aworker');
      const path = await workerPath(page);
      await goTo(page, `#/process/${path}?tab=life`);
      await page.getByRole('button', { name: 'drain' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('finishes its calls and takes no more').waitFor();
      await dialog.getByRole('textbox').fill(path);
      await dialog.getByRole('button', { name: 'drain' }).click();
      await page.getByText(/✓ worker default_worker_\d takes no calls, and has none any/).waitFor();
      await page.getByText('▽ drained').first().waitFor();
      for (const what of ['drain began', 'acted']) {
        await page.getByRole('cell', { name: what }).first().waitFor();
      }
      await goTo(page, '#/overview');
      const pool = page.locator('.attention').getByRole('listitem').filter({ hasText: 'degraded' });
      await pool.getByText('serves, but not with all that it should have').waitFor();
      await keepScreenshot(page, 'drained');
      await goTo(page, `#/process/${path}?tab=life`);
      await page.getByRole('button', { name: 'serve' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'serve' }).click();
      await page.getByText('● running').first().waitFor();
    });
  });
});

describe('the page for everybody', () => {
  test.each(['light', 'dark'] as const)(
    '[I6.6] axe finds nothing serious (%s)',
    async (colorScheme) => {
      await withPage(
        async (page) => {
          await goTo(page, '#/tree');
          const path = await workerPath(page);
          for (const [address, landmark] of [
            ['#/overview', '.dot-map'],
            ['#/tree', '.tree .row[data-path]'],
            [`#/process/${path}`, '.chart'],
            ...['messages', 'state', 'life', 'worker'].map(
              (tab) => [`#/process/${path}?tab=${tab}`, `#tab-${tab}[aria-selected=true]`] as const,
            ),
          ] as const) {
            await goTo(page, address);
            await page.locator(landmark).first().waitFor();
            const found = await seriousFindings(page);
            expect([address, found]).toEqual([address, []]);
          }
          if (colorScheme === 'dark') await keepScreenshot(page, 'dark');
        },
        { colorScheme, bypassCSP: true, reducedMotion: 'reduce' },
      );
    },
  );
});

describe('the page where something is wrong', () => {
  test('[I6.6] without a token it says what to open, with a wrong one that it was refused', async () => {
    const { page, close } = await watchedPage(browser());
    try {
      const address = observer().url.replace(/#.*$/, '');
      await page.goto(address);
      await page.getByRole('heading', { name: 'The key is missing' }).waitFor();
      await page.goto(`${address}#token=${'x'.repeat(32)}`);
      await page.getByRole('heading', { name: 'The server refused this page' }).waitFor();
    } finally {
      await close();
    }
  });

  test('[I6.6] keeps the last picture when the observer ends, and says so', async () => {
    const other = await observe(snakepit().system);
    const { page, close } = await watchedPage(browser());
    try {
      await page.goto(other.url);
      await page.locator('.health').waitFor();
      await other.close();
      await page.getByText(/the observer was closed, as of \d\d:\d\d:\d\d/).waitFor();
      expect(await page.locator('.health').textContent()).toContain('2 of 2 workers ready');
      await page.locator('main.as-of').waitFor();
    } finally {
      await close();
      await other.close();
    }
  });

  test('[I6.6] a connection that is lost is told, and what happened meanwhile is there when it is back', async () => {
    // By a name, so that it may be asked for at the port of the relay.
    const other = await observe(snakepit().system, { names: ['localhost'] });
    const relay = await startRelay(other.port);
    const { page, close } = await watchedPage(browser());
    try {
      await page.goto(other.url.replace(`127.0.0.1:${String(other.port)}`, relay.host));
      await goTo(page, '#/tree');
      await rowsOf(page, '/grpcWorker').nth(1).waitFor();
      relay.cut();
      await page.getByText(/✖ connection lost, as of \d\d:\d\d:\d\d; trying again/).waitFor();
      await page.locator('main.as-of').waitFor();
      expect(await rowsOf(page, '/grpcWorker').count()).toBe(2);
      const pid = snakepit().system.spawn(defineServer({ name: 'late', init: () => ok(0) }));
      relay.mend();
      await page.getByText('● live', { exact: true }).waitFor();
      await page.locator(`.row[data-pid="${String(pid.id)}"]:visible`).waitFor();
      snakepit().system.exit(pid, exitReason.kill);
    } finally {
      await close();
      await relay.close();
      await other.close();
    }
  });
});
