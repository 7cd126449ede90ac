import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { readIncident, serveIncident } from '@snakepit/observer';
import type { Page } from 'playwright-core';
import { osPidOf } from '../fixtures/snakepit-bench.ts';
import { browserBench, workerPath } from './browser-bench.ts';
import {
  goTo,
  keepScreenshot,
  pressTo,
  pressUntil,
  seriousFindings,
  watchedPage,
} from './chromium.ts';

const { bench, browser, snakepit, withPage } = browserBench(3);

const incarnation = (page: Page, inc: number) =>
  page.locator(`[data-incarnation="${String(inc)}"]`).waitFor();

describe('why, when, and how it was before', () => {
  test('[I6.6] a worker is killed: its card says why, and the page goes back to when it lived', async () => {
    await withPage(async (page) => {
      const path = workerPath(0);
      await goTo(page, `#/process/${path}`);
      await incarnation(page, 1);
      const victim = osPidOf(snakepit(), 0);
      process.kill(victim, 'SIGKILL');
      await incarnation(page, 2);
      await goTo(page, `#/process/${path}?tab=life`);
      const card = page.getByRole('region', { name: 'Why did it restart: incarnation 1' });
      await card.getByText('WORKER_CRASHED').first().waitFor();
      await card.getByText(`${String(victim)} ended by SIGKILL (killed)`).waitFor();
      await card.getByText(/restart 1 of \d+ within 5 s by/).waitFor();
      await card.getByText('as incarnation 2,').waitFor();
      await page
        .getByRole('img', { name: /^lived / })
        .nth(1)
        .waitFor();
      await keepScreenshot(page, 'restart-card');
      // From here on by keys alone.
      await pressTo(page, /show the moment before$/);
      await page.keyboard.press('Enter');
      await page.getByText('◂ replaying', { exact: true }).waitFor();
      await incarnation(page, 1);
      await goTo(page, '#/tree?q=kind%3Aworker');
      const row = page.locator(`.row[data-path="${path}"]:visible`);
      await row.waitFor();
      // A moment before the record it may be on its way to its end already.
      await pressTo(page, /^Moment$/);
      await pressUntil(page, 'ArrowLeft', async () =>
        (await row.textContent())?.includes('● running · ready.idle'),
      );
      expect(await row.textContent()).toContain(String(victim));
      await pressUntil(
        page,
        'PageUp',
        async () => (await row.textContent())?.includes(String(victim)) !== true,
      );
      await keepScreenshot(page, 'replay');
      await pressTo(page, /^● Live$/);
      await page.keyboard.press('Enter');
      await page.getByText(String(osPidOf(snakepit(), 0)), { exact: true }).waitFor();
      await page.getByText('● live', { exact: true }).waitFor();
    });
  });

  test('[I6.6] a worker exits in the middle of a call: its card has the call and the last words', async () => {
    await withPage(async (page) => {
      const call = snakepit().execute('exit', { code: 3, last_words: 'out of ideas' });
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      const [, worker = ''] = /(default_worker_\d)/.exec(String(error)) ?? [];
      const index = Number(worker.at(-1)) - 1;
      await goTo(page, `#/process/${workerPath(index)}?tab=life`);
      const card = page.getByRole('region', { name: /^Why did it restart/ });
      await card.getByText(/ended by code 3 \(exit/).waitFor();
      await card.getByText('out of ideas').first().waitFor();
      const failed = card.getByRole('region', { name: 'Calls that failed with it' });
      await failed.getByText(`exit in default on ${worker}`).waitFor();
      await keepScreenshot(page, 'last-words');
    });
  });

  test('[I6.6] an incident is kept, saved, and opened again from a file that asks for nothing', async () => {
    const file = bench.path('incident.html');
    const json = bench.path('incident.json');
    // Whoever died in another test is back.
    await snakepit().awaitReady();
    const before = (snakepit().workers()[1]?.restarts ?? 0) + 1;
    await withPage(
      async (page) => {
        process.kill(osPidOf(snakepit(), 1), 'SIGKILL');
        await goTo(page, `#/process/${workerPath(1)}`);
        await incarnation(page, before + 1);
        // It is told for ten seconds: before its successor is ready.
        await goTo(page, '#/overview');
        const restarted = page.getByRole('listitem').filter({ hasText: workerPath(1) });
        await restarted.getByText('was restarted').waitFor();
        await page.getByText('3 of 3 workers ready').waitFor();
        await goTo(page, '#/incidents');
        await page.getByRole('cell', { name: /worker default_worker_2 .*died/ }).waitFor();
        await page.getByLabel('What happened').fill('somebody was curious');
        await page.keyboard.press('Enter');
        await page.getByText(/^✓ kept as incident \d/).waitFor();
        await page.getByRole('cell', { name: 'somebody was curious' }).waitFor();
        const save = async (name: RegExp, to: string) => {
          const [download] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('button', { name }).first().press('Enter'),
          ]);
          await download.saveAs(to);
        };
        await save(/^Page of incident/, file);
        await save(/^JSON of incident/, json);
        await page
          .getByRole('button', { name: /^Replay incident/ })
          .first()
          .press('Enter');
        await page.getByText(/Incident: somebody was curious · ◂ replaying/).waitFor();
        await page.getByRole('button', { name: '● Live' }).click();
        await page.getByLabel('Open a saved incident').setInputFiles(json);
        await page.getByText(/Incident: somebody was curious · ◂ replaying/).waitFor();
      },
      { acceptDownloads: true },
    );
    expect(readFileSync(file).length).toBeLessThan(1_000_000);
    const requests: string[] = [];
    const { page, close, trouble } = await watchedPage(browser());
    try {
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      await page.getByText('3 of 3 workers ready').waitFor();
      await goTo(page, `#/process/${workerPath(1)}`);
      await page.getByRole('img', { name: /^Statechart grpcWorker/ }).waitFor();
      await incarnation(page, before + 1);
      await page.getByRole('button', { name: 'Before the last failure' }).click();
      await incarnation(page, before);
      // A moment before the record it may be on its way to its end already.
      await pressTo(page, /^Moment$/);
      const idle = page.getByRole('img', { name: /^Statechart grpcWorker, .*; active: idle/ });
      await pressUntil(page, 'ArrowLeft', () => idle.isVisible());
      await keepScreenshot(page, 'incident-file');
      expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([
        pathToFileURL(file).href,
      ]);
      const served = await serveIncident(await readIncident(json));
      try {
        await page.goto(served.url);
        await page.getByText('3 of 3 workers ready').waitFor();
        expect(requests.filter((url) => !url.startsWith('data:')).slice(1)).toEqual([served.url]);
      } finally {
        await served.close();
      }
      expect(trouble).toEqual([]);
    } catch (error) {
      await keepScreenshot(page, 'failed-file');
      throw error;
    } finally {
      await close();
    }
  });
});

describe('many at once', () => {
  test('[I6.6] the population of a machine is as many as the system has, in each state', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/machines');
      await page.getByRole('link', { name: 'grpcWorker' }).press('Enter');
      const truth = [...snakepit().system.processes()].filter(
        ({ label }) => label === 'grpcWorker',
      );
      expect(truth).toHaveLength(3);
      const ready = page.locator('[data-state-row="grpcWorker.ready.idle"][data-count="3"]');
      await ready.waitFor();
      await page.getByRole('img', { name: /^Statechart grpcWorker, .* 3 in idle/ }).waitFor();
      await ready.getByRole('button').press('Enter');
      const members = page.getByRole('region', { name: 'In grpcWorker.ready.idle' });
      await members.getByRole('link').nth(2).waitFor();
      expect(await members.getByRole('link').allTextContents()).toEqual(
        [0, 1, 2].map((index) => workerPath(index)),
      );
      await keepScreenshot(page, 'machines');
    });
  });

  test('[I6.6] the pools, their workers, and the traceback of a call that failed', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/pools');
      await page.getByRole('cell', { name: '3 of 3' }).waitFor();
      await expect(snakepit().execute('fail', { message: 'no such luck' })).rejects.toThrow();
      const failing = page.getByRole('region', { name: 'Failing calls' });
      const traceback = failing.locator('pre').first();
      await traceback.waitFor();
      expect(await traceback.textContent()).toMatch(/^Traceback[\s\S]*ValueError: no such luck$/);
      expect(await failing.getByRole('listitem').first().textContent()).toMatch(
        /^fail in default on default_worker_\d/,
      );
      // Another one comes before it: what somebody reads stays open.
      await expect(snakepit().execute('fail', { message: 'not again' })).rejects.toThrow();
      await failing.getByRole('listitem').filter({ hasText: 'not again' }).waitFor();
      await failing.locator('pre').filter({ hasText: 'no such luck' }).waitFor();
      const row = page.getByRole('row').filter({ hasText: 'default_worker_3' });
      await row.getByText(String(osPidOf(snakepit(), 2)), { exact: true }).waitFor();
      await snakepit().execute('slow', { seconds: 0.4 });
      const slowest = page.getByRole('region', { name: 'Slowest calls' });
      await slowest
        .getByText(/^slow in default on default_worker_\d · (?:[4-9]\d\d ms|\d+\.\d s) · ended /)
        .waitFor();
      // Some of them fall to this worker, whichever it is that is asked.
      const session = snakepit().session('talker', { affinity: 'strictQueue' });
      await session.execute('say', { text: 'glad to be here' });
      const keeps = page.getByRole('row').filter({ hasText: 'talker' });
      const [, talker = ''] =
        /strictQueue: (default_worker_\d) in default/.exec((await keeps.textContent()) ?? '') ?? [];
      const output = page.getByRole('row').filter({ hasText: talker });
      await output.getByRole('button', { name: 'Output' }).press('Enter');
      const lines = page.getByRole('region', { name: `Output of ${talker}` });
      await lines.getByText('glad to be here').waitFor();
      await keepScreenshot(page, 'output');
      await goTo(page, `#/process/${workerPath(Number(talker.at(-1)) - 1)}?tab=worker`);
      await page.getByRole('region', { name: 'output' }).getByText('glad to be here').waitFor();
      await goTo(page, '#/pools');
      await session.end();
      await keepScreenshot(page, 'pools');
    });
  });

  test('[I6.6] a supervisor shows its strategy, its children in order and how near it is to its end', async () => {
    await withPage(async (page) => {
      await goTo(page, '#/process/snakepit/run?tab=supervisor');
      await page.getByText('rest for one: those').waitFor();
      expect(await page.getByRole('rowheader').allTextContents()).toEqual([
        'processRegistry',
        'services',
      ]);
      expect(await page.locator('[data-standing]').first().textContent()).toBe(
        '● below: 0 of 3 restarts within 5 s; 3 more crashes would be repaired.',
      );
    });
  });
});

describe('these screens for everybody', () => {
  test.each(['light', 'dark'] as const)(
    '[I6.6] axe finds nothing serious (%s)',
    async (colorScheme) => {
      await withPage(
        async (page) => {
          for (const [address, landmark] of [
            ['#/pools', 'tbody tr'],
            ['#/machines', '.population'],
            ['#/incidents', '.keep'],
            ['#/time', '.time-box'],
            ['#/time?view=sequence', '.time button[aria-pressed=true] >> text=Sequence'],
            [`#/process/${workerPath(0)}?tab=life`, '.card'],
            ['#/process/snakepit?tab=supervisor', '[data-standing]'],
          ] as const) {
            await goTo(page, address);
            await page.locator(landmark).first().waitFor();
            const found = await seriousFindings(page);
            expect([address, found]).toEqual([address, []]);
          }
        },
        { colorScheme, bypassCSP: true, reducedMotion: 'reduce' },
      );
    },
  );
});
