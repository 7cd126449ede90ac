import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger, sys } from '@snakepit/core';
import { observe } from '@snakepit/observer';
import { Supervisor } from '@snakepit/supervisor';
import { until } from '../fixtures/snakepit-bench.ts';
import { goTo, keepScreenshot, withObserver } from './chromium.ts';
import { kiln, pottery, wreck } from './pottery.fixture.ts';

const { system, browser, withPage, one } = pottery();

describe('a page for everybody', () => {
  test('[I6.6] at twice the size nothing is cut off at the side', async () => {
    const start = { id: 'oven', start: [kiln] } as const;
    await Supervisor.start(system(), { name: 'Wide', children: [start] });
    system().send(one('kiln').pid, { type: 'break' });
    await withPage(
      async (page) => {
        const screens = ['overview', 'tree', 'machines', 'time', 'incidents', 'pools'];
        for (const [address, landmark] of [
          ...screens.map((name) => [`#/${name}`, `nav [href="#/${name}"][aria-current]`] as const),
          ...['chart', 'state', 'life'].map(
            (tab) => [`#/process/Wide/oven?tab=${tab}`, `#tab-${tab}[aria-selected=true]`] as const,
          ),
        ]) {
          await goTo(page, address);
          await page.locator(landmark).waitFor();
          await page.locator('main > *').first().waitFor();
          const coming = page.locator('main [role=status]').filter({ hasText: /…$/ });
          await coming.waitFor({ state: 'detached' });
          await until(
            () =>
              page.evaluate<boolean>(
                `[document.documentElement, document.querySelector('main')].every(
                  ({ scrollWidth, clientWidth }) => scrollWidth === clientWidth)`,
              ),
            `${address} to fit`,
          );
        }
        await keepScreenshot(page, 'twice-as-large');
      },
      { viewport: { width: 680, height: 410 } },
    );
  });

  test('[I6.6] where colours are forced, states are told apart by words, shapes and lines', async () => {
    const few = createSystem({ logger: silentLogger });
    const observer = await observe(few);
    /** What the map draws of the first processes, and whether it is another colour than what is behind it. */
    const dots = `(() => {
      const canvas = document.querySelector('.dot-map canvas');
      const paper = getComputedStyle(document.body).backgroundColor;
      return [0, 1, 2].map((index) => {
        const { data } = canvas.getContext('2d').getImageData(8 * index, 0, 8, 8);
        const pixels = Array.from({ length: 64 }, (_, at) => [...data.slice(4 * at, 4 * at + 4)]);
        const full = pixels.find(([, , , opacity]) => opacity === 255) ?? [];
        return {
          shape: pixels.map(([, , , opacity]) => (opacity > 127 ? '#' : ' ')).join(''),
          isSeen: full.length > 0 && 'rgb(' + full.slice(0, 3).join(', ') + ')' !== paper,
        };
      });
    })()`;
    try {
      await few.start(kiln, undefined, { name: 'used' });
      await sys.suspend(few, await few.start(kiln, undefined, { name: 'halted' }));
      await few.start(wreck, undefined, { name: 'broken' });
      await withObserver(
        browser(),
        observer,
        async (page) => {
          expect(await page.evaluate(`matchMedia('(forced-colors: active)').matches`)).toBe(true);
          const drawn = await until(async () => {
            const seen = await page.evaluate<{ shape: string; isSeen: boolean }[]>(dots);
            return seen.every(({ isSeen }) => isSeen) ? seen : undefined;
          }, 'the map to be drawn');
          expect(new Set(drawn.map(({ shape }) => shape)).size).toBe(3);
          await goTo(page, '#/tree');
          for (const [path, state] of [
            ['used', '● running · cold'],
            ['halted', '■ suspended · cold'],
            ['broken', '✖ failed'],
          ] as const) {
            const row = page.locator(`.row[data-path="${path}"]:visible`);
            await row.getByText(state, { exact: true }).waitFor();
          }
          const styleOf = (selector: string, property: string): Promise<string> =>
            page.evaluate(
              `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`,
            );
          expect(await styleOf('.row[aria-selected=true]', 'outline-style')).toBe('solid');
          // Who failed has a bar; who was halted has one that nobody sees.
          const bars = ['broken', 'halted'].map((path) =>
            styleOf(`[data-path=${path}]`, 'border-inline-start-color'),
          );
          const paper = await styleOf('body', 'background-color');
          expect((await Promise.all(bars)).map((bar) => bar === paper)).toEqual([false, true]);
          await keepScreenshot(page, 'forced-colours');
          await goTo(page, '#/process/used');
          await page.getByRole('img', { name: /^Statechart kiln, .* active: cold/ }).waitFor();
          const [active, other] = ['.state.active:not(.compound)', '.state:not(.active)'];
          expect(await styleOf(`${active} > .box`, 'stroke-width')).toBe('3px');
          expect(await styleOf(`${other} > .box`, 'stroke-width')).toBe('1px');
          expect(await styleOf(`${active} .mark`, 'fill')).not.toBe(
            await styleOf(`${active} > .box`, 'fill'),
          );
          await keepScreenshot(page, 'forced-colours-chart');
        },
        { forcedColors: 'active' },
      );
    } finally {
      await few.stop();
    }
  });
});
