import { describe, expect, test } from '@jest/globals';
import { activeStates } from './active-states.ts';
import { everyKind, hostileMachine } from './chart.fixture.ts';
import { arrowsOf } from './chart-boxes.ts';
import { chartOf, type Chart } from './chart.ts';
import type { ChartBox } from './chart-layout.ts';
import { chartPicture, type SvgNode } from './chart-picture.ts';
import { drawChart } from './draw-chart.ts';
import {
  createChartLayouts,
  createLayoutThread,
  layoutChart,
  type LayoutThread,
} from './layout-chart.ts';

const chart = chartOf(everyKind);

function all(node: SvgNode): SvgNode[] {
  return [node, ...node.children.flatMap((one) => (typeof one === 'string' ? [] : all(one)))];
}
function withClass(node: SvgNode, name: string): SvgNode[] {
  return all(node).filter(({ attributes }) => attributes['class']?.split(' ').includes(name));
}
const contains = (outer: ChartBox, inner: ChartBox): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

/** A real one that counts, and first does something else. */
class CountedThread implements LayoutThread {
  asked = 0;
  ended = 0;
  readonly #thread = createLayoutThread();
  readonly #first: (Error | number)[];

  /** @param first - How the first layouts fail, or how long they may take. */
  constructor(first: readonly (Error | number)[] = []) {
    this.#first = [...first];
  }

  layout(one: Chart): ReturnType<LayoutThread['layout']> {
    this.asked += 1;
    const other = this.#first.shift();
    return other instanceof Error
      ? Promise.reject(other)
      : this.#thread.layout(one, other ?? undefined);
  }

  end(): Promise<void> {
    this.ended += 1;
    return this.#thread.end();
  }
}

describe('layoutChart', () => {
  test('[I6.6] every state is inside its parent, siblings do not touch, every arrow has a way', async () => {
    const layout = await layoutChart(chart);
    const boxOf = (id: string | null): ChartBox => {
      const box = layout.states[chart.states.findIndex((state) => state.id === id)];
      return box ?? { x: 0, y: 0, width: layout.width, height: layout.height };
    };
    for (const state of chart.states) {
      expect(contains(boxOf(state.parent), boxOf(state.id))).toBe(true);
      for (const other of chart.states) {
        if (other === state || other.parent !== state.parent) continue;
        const [a, b] = [boxOf(state.id), boxOf(other.id)];
        const apart =
          a.x + a.width <= b.x ||
          b.x + b.width <= a.x ||
          a.y + a.height <= b.y ||
          b.y + b.height <= a.y;
        expect([state.id, other.id, apart]).toEqual([state.id, other.id, true]);
      }
    }
    expect(layout.initials).toHaveLength(2);
    expect(layout.routes).toHaveLength(2 + arrowsOf(chart).length);
    for (const route of layout.routes) expect(route.points.length).toBeGreaterThanOrEqual(2);
    expect(await layoutChart(chart)).toEqual(layout);
  });

  test('[I6.6] an equal chart is laid out once; one that failed is tried again', async () => {
    const thread = new CountedThread([new Error('no')]);
    const layouts = createChartLayouts(thread);
    await expect(layouts.layoutOf(chart)).rejects.toThrow('no');
    const [first, second] = await Promise.all([
      layouts.layoutOf(chart),
      layouts.layoutOf(chartOf(everyKind)),
    ]);
    expect(second).toBe(first);
    expect(thread.asked).toBe(2);
  });

  test('[I6.6] one that takes too long is given up, and the next one is laid out', async () => {
    const layouts = createChartLayouts(new CountedThread([1]));
    await expect(layouts.layoutOf(chart)).rejects.toThrow('it took longer than 1 ms');
    expect((await layouts.layoutOf(chart)).states).toHaveLength(chart.states.length);
  });

  test('[I6.6] many asked for at once share a thread, which ends with the last; each is as it would be alone', async () => {
    const thread = new CountedThread();
    const layouts = createChartLayouts(thread);
    const charts = [chart, chartOf(hostileMachine()), { ...chart, id: 'another' }];
    const together = await Promise.all(charts.map((one) => layouts.layoutOf(one)));
    expect([thread.asked, thread.ended]).toEqual([3, 1]);
    expect(together).toEqual(await Promise.all(charts.map((one) => layoutChart(one))));
    await layouts.layoutOf({ ...chart, id: 'a fourth' });
    expect([thread.asked, thread.ended]).toEqual([4, 2]);
  });

  test('[I6.6] closed, it leaves nothing that computes or waits', async () => {
    const layouts = createChartLayouts();
    const charts = ['one', 'two', 'three'].map((id) => ({ ...chart, id }));
    const found = Promise.allSettled(charts.map((one) => layouts.layoutOf(one)));
    await new Promise((resolve) => setImmediate(resolve));
    await layouts.close();
    expect((await found).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    await expect(layouts.layoutOf(chart)).rejects.toThrow('nobody looks any more');
  });

  test('[I6.6] a graph that ELK refuses rejects, and says of which machine', async () => {
    const broken = { ...chart, edges: [{ ...chart.edges[1], targets: ['nowhere'] }] };
    await expect(layoutChart(broken as typeof chart)).rejects.toThrow('no layout for every');
  });
});

describe('drawChart', () => {
  test('[I6.6] shows active states by a mark too, the last transition, timers and counts', async () => {
    const picture = chartPicture(chart, await layoutChart(chart), {
      active: activeStates(chart, 'resting'),
      lastEdge: 'every|*|0',
      timers: [
        { event: 'xstate.after.patience.every.resting', delayMs: 1000, leftMs: 250 },
        { event: 'xstate.after.5000.every.resting', delayMs: 5000, leftMs: 4321 },
      ],
      counts: { 'every.resting': 97, 'every.done': 3 },
    });
    expect(picture.attributes['aria-label']).toBe(
      'Statechart every, 9 states; active: resting; 97 in resting, 3 in done.',
    );
    expect(withClass(picture, 'active').map(({ attributes }) => attributes['data-state'])).toEqual([
      'every',
      'every.resting',
    ]);
    expect(withClass(picture, 'mark')).toHaveLength(2);
    expect(withClass(picture, 'last').map(({ children }) => children.at(-1))).toEqual(['*']);
    expect(withClass(picture, 'number').map(({ children }) => children[0])).toEqual(['97', '3']);
    expect(withClass(picture, 'line').map(({ children }) => children.at(-1))).toEqual(
      expect.arrayContaining(['after patience 0.3 s', 'after 5000 4.3 s']),
    );
    const [ring] = withClass(picture, 'left');
    const [left, around] = ring?.attributes['stroke-dasharray']?.split(' ').map(Number) ?? [];
    expect((left ?? 0) / (around ?? 1)).toBeCloseTo(0.25, 1);
  });

  test('[I6.6] a picture stands alone: style inside, nothing from elsewhere, no style attribute', async () => {
    const svg = drawChart(chart, await layoutChart(chart));
    expect(svg.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg']);
    expect(svg).toContain('<style>');
    expect(svg).not.toMatch(/ style=|href|<script|url\(|@import/);
  });

  test('[I6.6] hostile names stay text', async () => {
    const hostile = chartOf(hostileMachine());
    const svg = drawChart(hostile, await layoutChart(hostile), { active: [hostile.root] });
    const tags = new Set([...svg.matchAll(/<\/?([a-z]+)/gi)].map(([, tag]) => tag));
    expect([...tags].sort()).toEqual(
      ['circle', 'g', 'path', 'polygon', 'rect', 'style', 'svg', 'text', 'title'].sort(),
    );
    expect(svg).not.toMatch(/<[^>"]*("[^"]*"[^>"]*)*\son[a-z]+=/i);
    for (const character of ['\u0000', '\u001b', '\ud800']) expect(svg).not.toContain(character);
    expect(svg).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  });
});
