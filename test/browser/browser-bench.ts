import { afterAll, beforeAll, jest } from '@jest/globals';
import { observe, type ObserveOptions, type Observer } from '@snakepit/observer';
import type { Snakepit } from '@snakepit/python-bridge';
import type { Browser } from 'playwright-core';
import { SnakepitBench } from '../fixtures/snakepit-bench.ts';
import { launchChromium, withObserver } from './chromium.ts';

/** What the tests of one file share: a browser, and a Snakepit that is observed. */
export interface BrowserBench {
  readonly bench: SnakepitBench;
  /** The parts can be asked for from the first test on. */
  readonly browser: () => Browser;
  readonly snakepit: () => Snakepit;
  readonly observer: () => Observer;
  /** See {@link withObserver}. */
  readonly withPage: (
    use: Parameters<typeof withObserver>[2],
    options?: Parameters<typeof withObserver>[3],
  ) => Promise<void>;
}

/** Opens it before the tests of this file, and closes it after them. */
export function browserBench(size: number, options: ObserveOptions = {}): BrowserBench {
  // Ten times as long as any test takes.
  jest.setTimeout(90_000);
  const bench = new SnakepitBench();
  let browser: Browser | undefined;
  let snakepit: Snakepit | undefined;
  let observer: Observer | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
    snakepit = await bench.start({ size });
    observer = await observe(snakepit.system, options);
  }, 90_000);
  afterAll(async () => {
    try {
      await browser?.close();
    } finally {
      await observer?.close();
      await bench.close();
    }
  }, 90_000);
  const parts = {
    browser: () => opened(browser),
    snakepit: () => opened(snakepit),
    observer: () => opened(observer),
  };
  return {
    bench,
    ...parts,
    withPage: (use, settings) => withObserver(parts.browser(), parts.observer(), use, settings),
  };
}

function opened<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('it is opened before the first test');
  return part;
}

/** The path of a worker of its pool. */
export function workerPath(index: number): string {
  return `snakepit/run/services/pools/default/workerSupervisor/default_worker_${String(index + 1)}/grpcWorker`;
}
