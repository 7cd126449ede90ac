import { describe, expect, test } from '@jest/globals';
import { observe } from '@snakepit/observer';
import { Supervisor } from '@snakepit/supervisor';
import type { Page } from 'playwright-core';
import { until } from '../fixtures/snakepit-bench.ts';
import { goTo, keepScreenshot, pressTo, watchedPage } from './chromium.ts';
import { kiln, potter, pottery } from './pottery.fixture.ts';

const { system, browser, withPage, one } = pottery({ actions: true });

const chartOfKiln = (page: Page, state: string) =>
  page
    .getByRole('img', { name: new RegExp(`^Statechart kiln, 2 states; active: ${state}\\.$`) })
    .waitFor();
const incarnation = (page: Page, inc: number) =>
  page.locator(`[data-incarnation="${String(inc)}"]`).waitFor();
const rowOf = (page: Page, path: string) => page.locator(`.row[data-path="${path}"]:visible`);

describe('the chart of a process', () => {
  test('[I6.6] lights its state and last transition, its delay runs down, and what waits is on the shelf', async () => {
    const pid = await system().start(kiln, undefined, { name: 'kiln' });
    await withPage(async (page) => {
      await goTo(page, '#/process/kiln');
      await chartOfKiln(page, 'cold');
      expect(await page.locator('.ring.left').count()).toBe(0);
      // Its messages are told from when it is watched.
      await until(async () => {
        system().send(pid, { type: 'shout' });
        await goTo(page, '#/process/kiln?tab=messages');
        return (await page.getByRole('cell', { name: '○ ignored' }).count()) > 0 || undefined;
      }, 'messages to be told');
      for (let sent = 0; sent < 1_000; sent += 1) system().send(pid, { type: 'shout' });
      const gaps = page.getByText(/⚠ \d+ records came too fast to be kept: there are gaps/);
      await gaps.waitFor();
      await goTo(page, '#/process/kiln?tab=chart');
      system().send(pid, { type: 'fire' });
      await chartOfKiln(page, 'hot');
      await page.locator('.route.last').first().waitFor();
      await page.getByRole('row', { name: /^★ last .*cold fire isSafe hot glow$/ }).waitFor();
      const delay = page.getByRole('listitem').filter({ hasText: 'in kiln.hot: ' });
      await delay.getByText(/^in kiln\.hot: [1-5]\d s of 1 min 0 s left$/).waitFor();
      const ring = page.locator('.ring.left');
      const left = async (): Promise<number> =>
        Number((await ring.getAttribute('stroke-dasharray'))?.split(' ')[0]);
      const first = await left();
      await until(async () => (await left()) < first || undefined, 'the ring to get shorter');
      system().send(pid, { type: 'serve' });
      await page.getByRole('heading', { name: 'Postponed' }).waitFor();
      await page.getByText('1 message: serve').waitFor();
      await keepScreenshot(page, 'delay');
      await goTo(page, '#/time?of=kiln&view=sequence');
      await page.locator('.sequence').filter({ has: gaps }).waitFor();
    });
  });

  test('[I6.6] who leaves a question and asks again at once is asked', async () => {
    await system().start(kiln, undefined, { name: 'oven' });
    await withPage(async (page) => {
      await goTo(page, '#/process/oven');
      await pressTo(page, /^suspend$/);
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      // A dialog tells that it was closed some time after that; keys of people may come first.
      await page.evaluate(
        `document.querySelector('dialog').close(); document.activeElement.click()`,
      );
      await dialog.waitFor();
    });
  });

  test('[I6.6] suspended and resumed by keys: each is confirmed and recorded, and what waited is handled', async () => {
    const pid = await system().start(kiln, undefined, { name: 'stove' });
    system().send(pid, { type: 'fire' });
    system().send(pid, { type: 'serve' });
    await withPage(async (page) => {
      const { keyboard } = page;
      await goTo(page, '#/process/stove');
      await chartOfKiln(page, 'hot');
      const dialog = page.getByRole('dialog');
      await pressTo(page, /^suspend$/);
      await keyboard.press('Enter');
      await dialog.waitFor();
      await keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      expect(system().processInfo(pid)?.status).toBe('waiting');
      await pressTo(page, /^suspend$/);
      await keyboard.press('Enter');
      await dialog.waitFor();
      await keyboard.press('Enter');
      await page.getByText('■ suspended').first().waitFor();
      system().send(pid, { type: 'open' });
      await page.getByRole('heading', { name: 'Waiting' }).waitFor();
      await page.getByText('1 message: open').waitFor();
      await keepScreenshot(page, 'suspended');
      await goTo(page, '#/tree');
      // With what is postponed.
      const waiting = rowOf(page, 'stove').locator('.cell-4');
      await waiting.getByText('2', { exact: true }).waitFor();
      await goTo(page, '#/process/stove');
      await page.getByText('1 message: open').waitFor();
      await pressTo(page, /^resume$/);
      await keyboard.press('Enter');
      await dialog.waitFor();
      await keyboard.press('Enter');
      await chartOfKiln(page, 'cold');
      await page.getByRole('heading', { name: 'Postponed' }).waitFor({ state: 'detached' });
      await goTo(page, '#/process/stove?tab=messages');
      const record = page.getByRole('row').filter({ hasText: 'open' }).first();
      await record.getByText('✓ handled').waitFor();
      expect(await record.textContent()).toContain('kiln.hot → kiln.cold');
      await goTo(page, '#/process/stove?tab=life');
      await page
        .getByRole('cell', { name: /^acted/ })
        .nth(1)
        .waitFor();
      const acted = system()
        .records.lifeSince(0)
        .records.filter(({ what }) => what === 'acted');
      expect(acted.map(({ details }) => details?.['action'])).toEqual(['suspend', 'resume']);
    });
  });

  test('[I6.6] of what is no statechart: its timers; its data without secrets, or as much as it may show', async () => {
    const { pid } = await system().start(potter, { pots: 3, apiKey: 'sk-1' }, { name: 'potter' });
    await withPage(async (page) => {
      await goTo(page, '#/process/potter');
      await page.getByText('It is no statechart').waitFor();
      await page.getByText(/^until glaze is sent: [1-5]\d s of 1 min 0 s left$/).waitFor();
      await goTo(page, '#/process/potter?tab=state');
      await page.getByText('[redacted]').waitFor();
      await page.getByText('Linked to: nobody.').waitFor();
      await goTo(page, '#/process/nobody');
      await page.getByText('No process has this path').waitFor();
      await goTo(page, '#/nowhere');
      await page.getByRole('heading', { name: 'Nothing is here' }).waitFor();
    });
    for (const [context, text] of [
      ['keys', 'Only the names of members are shown here'],
      ['none', 'Contexts are not shown here'],
    ] as const) {
      const observer = await observe(system(), { context });
      const { page, close } = await watchedPage(browser());
      try {
        await page.goto(observer.url);
        await goTo(page, '#/process/potter?tab=state');
        await page.getByText(text).waitFor();
        expect(await page.locator('main').textContent()).not.toContain('sk-1');
      } finally {
        await close();
        await observer.close();
      }
    }
    expect(system().isAlive(pid)).toBe(true);
  });
});

describe('a supervisor and its children', () => {
  test('[I6.6] restarts slide out of the window, until so many count that it gives up', async () => {
    const start = (name: string, maxRestarts: number, maxSeconds: number) =>
      Supervisor.start(system(), {
        name,
        maxRestarts,
        maxSeconds,
        children: [{ id: 'oven', start: [kiln] }],
      });
    // Long enough for the page to be asked several times, on a busy machine too.
    await start('Patient', 3, 4);
    await withPage(async (page) => {
      await goTo(page, '#/process/Patient?tab=supervisor');
      const standing = page.locator('[data-standing]');
      await standing.getByText('● below: 0 of 3 restarts within 4 s').waitFor();
      const seen = page.evaluate<number[]>(`new Promise((resolve) => {
        const places = [];
        const timer = setInterval(() => {
          const circle = document.querySelector('.window-line circle');
          if (circle !== null) places.push(Number(circle.getAttribute('cx')));
          else if (places.length > 0) resolve(places, clearInterval(timer));
        }, 50);
      })`);
      system().send(one('kiln').pid, { type: 'break' });
      await standing.getByText('● below: 1 of 3 restarts within 4 s; 2 more crashes').waitFor();
      // The attempt counts at once; of whom it was, and why, is known when it has been made.
      await page
        .getByRole('listitem')
        .filter({ hasText: /^oven .* ago, counts for .* more: error\(Error: the kiln cracked\)$/ })
        .waitFor();
      const spoken = page.locator('[aria-live=polite].unseen');
      await spoken.getByText(/^1 needs attention; first: Patient\/oven /).waitFor();
      const places = await seen;
      expect(places.length).toBeGreaterThan(2);
      expect(places.at(-1)).toBeLessThan(places[0] ?? 0);
      await standing.getByText('● below: 0 of 3').waitFor();

      await start('Strict', 2, 60);
      const path = 'Strict/oven';
      await goTo(page, `#/process/${path}?tab=life`);
      await incarnation(page, 1);
      system().send(one('kiln').pid, { type: 'break' });
      await incarnation(page, 2);
      await goTo(page, '#/process/Strict?tab=supervisor');
      await standing.getByText('● below: 1 of 2').waitFor();
      system().send(one('kiln').pid, { type: 'break' });
      await standing
        .getByText(/^▲ full: 2 of 2 restarts within 60 s; one more crash within [1-5]\d s/)
        .waitFor();
      await keepScreenshot(page, 'window-full');
      await goTo(page, '#/overview');
      const attention = page.locator('.attention');
      await attention.getByText('has used 2 of 2 restarts before it gives up').waitFor();
      system().send(one('kiln').pid, { type: 'break' });
      await attention.getByRole('listitem').filter({ hasText: '⚠ gave up Strict' }).waitFor();
      await keepScreenshot(page, 'gave-up');
      await goTo(page, '#/process/Strict?tab=supervisor');
      await standing
        .getByText('⚠ exceeded: it has given up (restarts that counted: 2/2).')
        .waitFor();
    });
  });

  test('[I6.6] the card of one that was watched has the message in hand, and which restart it was', async () => {
    await Supervisor.start(system(), {
      name: 'Careful',
      maxRestarts: 5,
      maxSeconds: 60,
      children: [{ id: 'oven', start: [kiln] }],
    });
    system().send(one('kiln').pid, { type: 'open' });
    await withPage(async (page) => {
      await goTo(page, '#/process/Careful/oven?tab=messages');
      await page.getByRole('heading', { name: 'Before' }).waitFor();
      await until(async () => {
        system().send(one('kiln').pid, { type: 'shout' });
        return (await page.getByRole('cell', { name: '○ ignored' }).count()) > 0 || undefined;
      }, 'messages to be told');
      system().send(one('kiln').pid, { type: 'break' });
      await incarnation(page, 2);
      await goTo(page, '#/process/Careful/oven?tab=life');
      const card = page.getByRole('region', { name: 'Why did it restart: incarnation 1' });
      await card.getByText(/^break, crashed in \d+\.\d\d ms: .*the kiln cracked/).waitFor();
      await card.getByText(/restart 1 of 5 within 60 s by Careful/).waitFor();
      await goTo(page, '#/tree');
      const restarts = rowOf(page, 'Careful/oven').locator('.cell-3');
      await restarts.getByText('1', { exact: true }).waitFor();
    });
  });
});

describe('the tree', () => {
  test.each([
    ['no-preference', true],
    ['reduce', false],
  ] as const)('[I6.6] what changed shines up (%s): %s', async (reducedMotion, shines) => {
    const name = `kiln of ${reducedMotion}`;
    const pid = await system().start(kiln, undefined, { name });
    await withPage(
      async (page) => {
        await goTo(page, '#/tree');
        await rowOf(page, name).getByText('· cold').waitFor();
        await page.evaluate(`window.shone = [];
          new MutationObserver(() => {
            const row = document.querySelector('.row.pulse[data-path="${name}"]');
            if (row !== null) shone.push(getComputedStyle(row).animationName);
          }).observe(document.getElementById('tree'), { subtree: true, attributes: true });`);
        // What is painted so late that it is no news any more shines no more: then once again.
        const shone = await until(async () => {
          for (const [type, state] of [
            ['fire', 'hot'],
            ['open', 'cold'],
          ] as const) {
            system().send(pid, { type });
            await rowOf(page, name).getByText(`· ${state}`).waitFor();
          }
          const seen = await page.evaluate<string[]>('shone');
          return seen.length > 0 || !shines ? seen : undefined;
        }, 'it to shine');
        expect(new Set(shone)).toEqual(new Set(shines ? ['pulse'] : []));
      },
      { reducedMotion },
    );
  });

  test('[I6.6] many of a kind are one line, which opens; a cell of the map is one of them', async () => {
    await Supervisor.start(system(), {
      name: 'Crowd',
      children: Array.from({ length: 25 }, (_, index) => ({
        id: `p${String(index)}`,
        start: [potter, { pots: index, apiKey: '' }],
      })),
    });
    await withPage(async (page) => {
      await goTo(page, '#/tree?q=');
      const line = page.locator('.row:visible').filter({ hasText: '25 × potter' });
      await line.getByText('25 running').waitFor();
      expect(await rowOf(page, 'Crowd/p7').count()).toBe(0);
      await line.locator('.twist').click();
      await rowOf(page, 'Crowd/p7').waitFor();
      await line.dblclick();
      await until(
        async () => (await rowOf(page, 'Crowd/p7').count()) === 0 || undefined,
        'it to be closed',
      );
      // An address that names one of them shows it.
      await goTo(page, '#/overview');
      await goTo(page, `#/tree?sel=${encodeURIComponent('Crowd/p7')}`);
      await rowOf(page, 'Crowd/p7').waitFor();
      await goTo(page, '#/overview');
      const map = page.getByRole('img', { name: /^Map of all processes: \d+ running/ });
      await map.hover({ position: { x: 3, y: 3 } });
      const hovered = page.locator('.hovered');
      await hovered.getByText(/: running$/).waitFor();
      const [path = ''] = ((await hovered.textContent()) ?? '').split(': ');
      await map.click({ position: { x: 3, y: 3 } });
      await page.getByRole('heading', { name: path, exact: true }).waitFor();
    });
  });
});
