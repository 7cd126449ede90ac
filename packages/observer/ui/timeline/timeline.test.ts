import { describe, expect, test } from '@jest/globals';
import type { Handled, LifeRecord } from '../../src/protocol.ts';
import { hello, rowOf, Wire } from '../live/lines.fixture.ts';
import { createStore, type Store } from '../live/store.ts';
import { incarnationsOf } from '../parts/incarnations.ts';
import { sequenceOf } from './lifelines.ts';
import { shifted, timeRows, zoomed } from './time-rows.ts';

function life(at: number, what: string, path: string, inc = 1, reason?: string): LifeRecord {
  const known = { seq: at, at, what, path, pid: inc * 10, inc };
  return reason === undefined ? known : { ...known, reason };
}
function message(seq: number, from: number | null, actor: number): Handled {
  return {
    ...{ seq, t: seq, waitedMs: 0, tookMs: 1, actor, from, kind: 'cast', event: `m${String(seq)}` },
    ...{ steps: [], actions: [], sent: [], outcome: 'handled', status: 'waiting', value: null },
  };
}
function told(): Store {
  const store = createStore();
  store.apply(hello);
  store.apply(
    new Wire().snap(1_000, [
      rowOf({ pid: 1, path: 'app' }),
      rowOf({ pid: 20, parent: 1, path: 'app/b', inc: 2 }),
      rowOf({ pid: 3, parent: 1, path: 'app/a' }),
      rowOf({ pid: 4, path: 'apple' }),
    ]),
  );
  const list = [
    life(1_100, 'started', 'app/b'),
    life(1_200, 'exited', 'app/b', 1, 'error(x)'),
    life(1_210, 'restarted', 'app/b', 2, 'error(x)'),
  ];
  store.apply({ k: 'life', seq: 1, t: 1_300, list });
  store.apply({ k: 'rec', seq: 1, list: [message(1_150, null, 3)], dropped: 0 });
  return store;
}

describe('the time line', () => {
  test('[I6.6] a row for each path of the subtree, with its incarnations and what happened', () => {
    const rows = timeRows(told(), 'app', ({ what }) => what === 'exited');
    expect(rows.map(({ path }) => path)).toEqual(['app', 'app/a', 'app/b']);
    const [, a, b] = rows;
    expect(a?.ticks.map(({ what, kind, text }) => [what, kind, text])).toEqual([
      ['m1150', 'message', 'handled in 1.00 ms'],
    ]);
    expect(a?.bars.map(({ from, until }) => [from, until])).toEqual([[null, null]]);
    expect(b?.bars.map(({ inc, from, until }) => [inc, from, until])).toEqual([
      [1, 1_100, 1_200],
      [2, 1_210, null],
    ]);
    expect(b?.ticks.map(({ kind }) => kind)).toEqual(['life', 'failure', 'life']);
    expect(timeRows(told(), '', () => false).map(({ path }) => path)).toContain('apple');
  });

  test('[I6.6] a call of Python is as long as it took, and its failure one', () => {
    const store = told();
    const call = { ...message(-1, null, 3), t: 1_160, tookMs: 40, event: 'add' };
    const list = [
      call,
      { ...call, seq: -2, t: 1_170, outcome: 'failed', error: 'TIMEOUT' } as const,
    ];
    store.apply({ k: 'rec', seq: 2, list, dropped: 0 });
    const row = timeRows(store, 'app/a', () => false)[0];
    expect(row?.ticks.map(({ what, kind, tookMs, text }) => [what, kind, tookMs, text])).toEqual([
      ['m1150', 'message', 1, 'handled in 1.00 ms'],
      ['add()', 'message', 40, 'handled in 40.00 ms'],
      ['add()', 'failure', 40, 'failed in 40.00 ms: TIMEOUT'],
    ]);
  });

  test('[I6.6] an end without a beginning is an incarnation, too', () => {
    const [only] = incarnationsOf([life(5, 'exited', 'x', 3, 'killed')]).get('x') ?? [];
    expect(only).toEqual({ path: 'x', inc: 3, pid: 30, from: null, until: 5, reason: 'killed' });
  });

  test('[I6.6] zooms around a moment, and moves, within what there is', () => {
    const whole = { from: 0, until: 1_000 };
    expect(zoomed(whole, 0.5, 500, whole)).toEqual({ from: 250, until: 750 });
    expect(zoomed({ from: 0, until: 100 }, 4, 0, whole)).toEqual({ from: 0, until: 400 });
    expect(zoomed({ from: 600, until: 1_000 }, 9, 900, whole)).toEqual(whole);
    expect(zoomed({ from: 10, until: 20 }, 0.1, 10, whole)).toEqual({ from: 10, until: 20 });
    expect(shifted({ from: 800, until: 900 }, 500, whole)).toEqual({ from: 900, until: 1_000 });
    expect(shifted({ from: 100, until: 200 }, -500, whole)).toEqual({ from: 0, until: 100 });
  });
});

describe('sequenceOf', () => {
  const title = (pid: number): string => `p${String(pid)}`;

  test('[I6.6] lifelines in the order in which they take part, the outside among them', () => {
    const { lifelines, arrows, left } = sequenceOf([message(1, null, 2), message(2, 2, 3)], title);
    expect(lifelines.map((one) => one.title)).toEqual(['p0', 'p2', 'p3']);
    expect(arrows.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(left).toBe(0);
  });

  test('[I6.6] at most 12 lifelines: those with the fewest messages are one; at most 200 arrows', () => {
    const busy = Array.from({ length: 300 }, (_, index) => message(index, 1, 2 + (index % 10)));
    const seldom = Array.from({ length: 5 }, (_, index) => message(400 + index, 1, 50 + index));
    const { lifelines, arrows, left } = sequenceOf([...busy, ...seldom], title);
    expect(lifelines).toHaveLength(12);
    expect(lifelines.at(-1)?.title).toBe('5 others');
    expect(arrows).toHaveLength(200);
    expect(left).toBe(105);
    expect(arrows.at(-1)).toMatchObject({
      from: lifelines.findIndex((one) => one.title === 'p1'),
      to: 11,
    });
  });
});
