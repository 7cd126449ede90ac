import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Page } from 'playwright-core';

/**
 * Counts what runs of a page, when `npm run coverage` has prepared a folder for that: there is the script that it runs
 * then. See `scripts/test/page-coverage.mjs`.
 *
 * @returns Ends it, and writes down what ran; to be called while the page is there.
 */
export async function countWhatRuns(page: Page): Promise<() => Promise<void>> {
  const folder = process.env['SNAKEPIT_PAGE_COVERAGE'];
  if (folder === undefined) return () => Promise.resolve();
  await page.route(/\/app-[0-9a-f]+\.js$/, (route) =>
    route.fulfill({ path: join(folder, 'app.js'), contentType: 'text/javascript' }),
  );
  await page.coverage.startJSCoverage({ resetOnNavigation: false });
  return async () => {
    const ran = await page.coverage.stopJSCoverage();
    const scripts = ran.map(({ source, functions }) => ({ source, functions }));
    writeFileSync(join(folder, 'ran', `${randomUUID()}.json`), JSON.stringify(scripts));
  };
}
