import { afterAll, beforeAll, jest } from '@jest/globals';
import {
  createSystem,
  defineServer,
  defineStatechart,
  noreply,
  ok,
  silentLogger,
  type ActorSystem,
  type ProcessInfo,
} from '@snakepit/core';
import { observe, type Observer, type ObserveOptions } from '@snakepit/observer';
import type { Browser } from 'playwright-core';
import { setup } from 'xstate';
import type { BrowserBench } from './browser-bench.ts';
import { launchChromium, withObserver } from './chromium.ts';

/** Fires pots; who wants to be served while it is hot has to wait, and nobody can be served by a broken one. */
export const kiln = defineStatechart(
  setup({
    types: { events: {} as { readonly type: 'fire' | 'open' | 'serve' | 'shout' | 'break' } },
    guards: { isSafe: () => true },
    actions: {
      glow: () => undefined,
      crack: () => {
        throw new Error('the kiln cracked');
      },
    },
  }).createMachine({
    id: 'kiln',
    initial: 'cold',
    on: { break: { actions: 'crack' } },
    states: {
      cold: { on: { fire: { target: 'hot', guard: 'isSafe', actions: 'glow' }, serve: {} } },
      hot: { meta: { postpone: ['serve'] }, on: { open: 'cold' }, after: { 60_000: 'cold' } },
    },
  }),
);

/** Nothing can be done with it. */
export const wreck = defineStatechart(
  setup({}).createMachine({ id: 'wreck', initial: 'failed', states: { failed: {} } }),
);

/** Reminds itself of something in a minute. */
export const potter = defineServer({
  name: 'potter',
  init: (pots: { readonly pots: number; readonly apiKey: string }, self) => {
    self.sendAfter(60_000, { type: 'glaze' });
    return ok(pots);
  },
  info: (pots) => noreply(pots),
});

/** A system without Python, a browser that looks at it, and who is in it. */
export interface Pottery extends Pick<BrowserBench, 'browser' | 'withPage'> {
  readonly system: () => ActorSystem;
  /** Who has this label; the last one that was started. */
  readonly one: (label: string) => ProcessInfo;
}

/** Opens it before the tests of this file, and closes it after them. */
export function pottery(options: ObserveOptions = {}): Pottery {
  // Ten times as long as any test takes.
  jest.setTimeout(90_000);
  const system = createSystem({ name: 'pottery', logger: silentLogger });
  let parts: readonly [Browser, Observer] | undefined;
  const opened = (): readonly [Browser, Observer] => {
    if (parts === undefined) throw new Error('it is opened before the first test');
    return parts;
  };
  beforeAll(async () => {
    parts = [await launchChromium(), await observe(system, options)];
  }, 90_000);
  afterAll(async () => {
    try {
      await parts?.[0].close();
    } finally {
      await system.stop();
    }
  });
  return {
    system: () => system,
    browser: () => opened()[0],
    withPage: (use, settings) => withObserver(...opened(), use, settings),
    one: (label) => {
      const found = [...system.processes()].findLast((one) => one.label === label);
      if (found === undefined) throw new Error(`there is no ${label}`);
      return found;
    },
  };
}
