import { describe, expect, test } from '@jest/globals';
import { until } from '../fixtures/snakepit-bench.ts';
import { browserBench, workerPath } from './browser-bench.ts';
import { goTo, keepScreenshot } from './chromium.ts';

const { snakepit, withPage } = browserBench(3);

describe('along time', () => {
  test('[I6.6] the time line by keys, and the messages of a call between lifelines', async () => {
    await withPage(async (page) => {
      const pool = 'snakepit/run/services/pools/default';
      await goTo(page, `#/time?of=${encodeURIComponent(pool)}`);
      const line = page.getByRole('group', { name: 'Time line; the list below says the same' });
      await page.getByRole('img', { name: /^\d\d rows from / }).waitFor();
      await page.getByRole('cell', { name: 'workerReady' }).first().waitFor();
      await line.focus();
      const { keyboard } = page;
      await keyboard.press('ArrowDown');
      await page.locator('.cursor').getByText(pool, { exact: true }).waitFor();
      const cursor = page.locator('.cursor');
      let at = await cursor.textContent();
      for (let presses = 0; presses < 12 && at?.endsWith('/grpcWorker') !== true; presses += 1) {
        const before = at;
        await keyboard.press('ArrowDown');
        await until(async () => (at = await cursor.textContent()) !== before, 'the cursor to move');
      }
      await keyboard.press('.');
      await page
        .locator('.cursor')
        .getByText(/grpcWorker: \d\d:\d\d:\d\d\.\d{3} started, incarnation 1/)
        .waitFor();
      await keyboard.press('+');
      await keyboard.press('+');
      await keepScreenshot(page, 'time-line');
      await keyboard.press('Home');
      await page.getByLabel('Part of the tree').fill('snakepit/sessionStore');
      // Who types takes a while: the screen is painted twice a second.
      const picture = page.getByRole('img', { name: /^\d\d rows from / });
      for (let painted = 0; painted < 2; painted += 1) {
        const label = await picture.getAttribute('aria-label');
        await until(
          async () => (await picture.getAttribute('aria-label')) !== label,
          'it to be painted',
        );
      }
      await keyboard.press('Enter');
      await page.getByRole('button', { name: 'Sequence' }).press('Enter');
      await page.getByText('No message was handled here since this page looks.').waitFor();
      // Messages are told of those who are watched, from when they are: calls until one was seen.
      const called = page.locator('.messages-list').getByText(/outside → .*sessionStore:\s*create/);
      let calls = 0;
      await until(async () => {
        const session = snakepit().session(`seen ${String((calls += 1))}`);
        await session.execute('add', { a: 1, b: 2 });
        return (await called.count()) > 0 ? true : undefined;
      }, 'the messages of a call to be shown');
      await page.getByRole('img', { name: /^\d+ messages? between outside, / }).waitFor();
      await page.getByRole('button', { name: 'As Mermaid text' }).press('Enter');
      const text = await page.getByLabel('Mermaid text').textContent();
      expect(text).toMatch(
        /^sequenceDiagram\n {2}participant p0 as outside\n[\s\S]* {2}p0->>p\d+: create\n/,
      );
      await keepScreenshot(page, 'sequence');
    });
  });

  test('[I6.6] calls of Python are arrows to the worker, with the time that they took', async () => {
    await withPage(async (page) => {
      await goTo(page, `#/time?of=${encodeURIComponent(workerPath(2))}&view=sequence`);
      const call = page
        .locator('.messages-list')
        .getByText(/outside → .*grpcWorker: add\(\) \d+(\.\d)? ms/);
      // Told of who is watched, from when it is; and some worker gets them.
      await until(async () => {
        await Promise.all([1, 2, 3].map(() => snakepit().execute('add', { a: 1, b: 2 })));
        return (await call.count()) > 0 ? true : undefined;
      }, 'a call to be shown');
      await page
        .locator('.lifelines')
        .getByText(/^add\(\) /)
        .first()
        .waitFor();
      await keepScreenshot(page, 'calls');
      await page.getByRole('button', { name: 'Time line' }).press('Enter');
      await page.getByRole('cell', { name: 'add()' }).first().waitFor();
    });
  });

  test('[I6.6] the time line by the pointer: brush, zoom, click; let go of anywhere', async () => {
    await withPage(async (page) => {
      await goTo(page, `#/time?of=${encodeURIComponent(workerPath(0))}`);
      const picture = page.getByRole('img', { name: /^\d+ rows? from / });
      await page.getByRole('cell', { name: 'workerReady' }).first().waitFor();
      /** The times that are shown, in milliseconds of the day. */
      const shown = async (): Promise<readonly [number, number]> => {
        const label = (await picture.getAttribute('aria-label')) ?? '';
        const [from = 0, until = 0] = [...label.matchAll(/(\d\d):(\d\d):(\d\d\.\d{3})/g)].map(
          ([, hours, minutes, seconds]) =>
            1_000 * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)),
        );
        // Past midnight the day begins again.
        return [from, until < from ? until + 86_400_000 : until];
      };
      const lengthOf = ([from, until]: readonly [number, number]): number => until - from;
      const box = await picture.boundingBox();
      if (box === null) throw new Error('the time line is not to be seen');
      // Where time begins and ends: names are left of it.
      const [left, right] = [box.x + 230, box.x + box.width - 8];
      const row = box.y + 22 + 10;
      await page.mouse.move(left + (right - left) * 0.25, row);
      await page.mouse.down();
      await page.mouse.move(left + (right - left) * 0.5, row, { steps: 4 });
      // It stands still as long as somebody chooses.
      const all = await shown();
      await keepScreenshot(page, 'brush');
      // Below the page: it is told to the time line all the same.
      await page.mouse.move(left + (right - left) * 0.75, box.y + box.height + 60, { steps: 4 });
      await page.mouse.up();
      await until(
        async () => lengthOf(await shown()) < lengthOf(all) * 0.55,
        'the part to be shown',
      );
      const part = await shown();
      expect(lengthOf(part)).toBeGreaterThan(lengthOf(all) * 0.45);
      expect(part[0]).toBeGreaterThan(all[0]);
      // A part that was chosen stays; a brush chooses no row.
      await page.locator('.cursor').getByText('No row is chosen').waitFor();
      await page.mouse.move(left + 20, row);
      await page.mouse.move(left + 200, row);
      expect(await shown()).toEqual(part);

      await page.keyboard.down('Control');
      await page.mouse.wheel(0, -100);
      await page.keyboard.up('Control');
      await until(async () => lengthOf(await shown()) < lengthOf(part) * 0.9, 'it to be larger');
      const zoomed = await shown();
      expect(zoomed[0]).toBeGreaterThanOrEqual(part[0]);
      expect(zoomed[1]).toBeLessThanOrEqual(part[1]);
      await page.mouse.click(left + 200, row);
      await page.locator('.cursor').getByText(workerPath(0)).waitFor();
      expect(await shown()).toEqual(zoomed);
      await page.getByRole('group', { name: /^Time line/ }).focus();
      await page.keyboard.press('Home');
      await until(async () => lengthOf(await shown()) >= lengthOf(all), 'all to be shown');
    });
  });
});
