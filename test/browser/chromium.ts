import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import type { Observer } from '@snakepit/observer';
import axe from 'axe-core';
import { chromium, type Browser, type ConsoleMessage, type Page } from 'playwright-core';
import { until } from '../fixtures/snakepit-bench.ts';
import { countWhatRuns } from './page-coverage.ts';

const SCREENSHOTS = fileURLToPath(new URL('../../coverage/screenshots/', import.meta.url));

/**
 * Starts Debian's Chromium.
 *
 * @throws Error that says what to install when it is not in the PATH.
 */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    // Settings of a desktop, which it would look for and leave behind.
    env: { ...process.env, GSETTINGS_BACKEND: 'memory' },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function findChromium(): string {
  const directories = (process.env['PATH'] ?? '').split(':');
  // As Debian calls it; Ubuntu's machines have one of the others.
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  for (const path of names.flatMap((name) => directories.map((each) => join(each, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw new Error(
    'chromium is not in the PATH.\nRemedy: node scripts/debian-packages.mjs chromium (Debian, as root)',
  );
}

/** A page, and everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** To be closed by this, not by its context: then it says what of it ran. */
  readonly close: () => Promise<void>;
  /** Hosts that it asked for anything. */
  readonly hosts: ReadonlySet<string>;
  /** Errors of its scripts and of its content policy. */
  readonly trouble: readonly string[];
}

/** Opens an empty page and watches it. */
export async function watchedPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 820 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const count = await countWhatRuns(page);
  const hosts = new Set<string>();
  const trouble: string[] = [];
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:') hosts.add(host);
  });
  page.on('console', (message) => {
    if (message.type() !== 'error' || isOfOneThatEnded(message)) return;
    trouble.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => trouble.push(String(error)));
  const close = async (): Promise<void> => {
    try {
      await count();
    } finally {
      await context.close();
    }
  };
  return { page, close, hosts, trouble };
}

/** Opens the page of an observer; afterwards nothing may have gone wrong in it, and nobody else been asked. */
export async function withObserver(
  browser: Browser,
  observer: Observer,
  use: (page: Page, watched: WatchedPage) => Promise<void>,
  options: Parameters<typeof watchedPage>[1] = {},
): Promise<void> {
  const watched = await watchedPage(browser, options);
  const { page, close, hosts, trouble } = watched;
  try {
    await page.goto(observer.url);
    await page.locator('.health').waitFor();
    await use(page, watched);
    expect(trouble).toEqual([]);
    expect([...hosts]).toEqual([new URL(observer.url).host]);
  } catch (error) {
    await keepScreenshot(page, 'failed');
    throw error;
  } finally {
    await close();
  }
}

/** Browsers log each 404: who asks for a process that has just ended gets one, and nothing is wrong with that. */
function isOfOneThatEnded(message: ConsoleMessage): boolean {
  return message.text().includes('404') && message.location().url.includes('/api/actor?');
}

/** Keeps a picture of a page, for people. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Goes to another screen of an open page. */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(address)}`);
}

/** Presses Tab until what is called so is focused. */
export async function pressTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    const text = await page.evaluate<string>(
      `(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim()`,
    );
    if (name.test(text)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${String(name)} is not reached by Tab`);
}

/** Presses a key until the page is as it should be: it is painted some time after a key. */
export async function pressUntil(
  page: Page,
  key: string,
  isSo: () => Promise<boolean | undefined>,
): Promise<void> {
  await until(async () => {
    if ((await isSo()) === true) return true;
    await page.keyboard.press(key);
    return undefined;
  }, `${key} to get there`);
}

/** Types letters that follow each other at once: each says when it was pressed, however slow this machine is. */
export async function typeAtOnce(page: Page, letters: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const timestamp = Date.now() / 1_000;
  for (const key of letters) {
    const pressed = { key, timestamp };
    await session.send('Input.dispatchKeyEvent', { ...pressed, type: 'keyDown', text: key });
    await session.send('Input.dispatchKeyEvent', { ...pressed, type: 'keyUp' });
  }
  await session.detach();
}

/** What axe finds that is serious or critical: the rule, and the element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html.slice(0, 200))))`,
  );
}
