import { describe, expect, test } from '@jest/globals';
import type { ActorRow } from '@snakepit/observer';
import { pageOf, pictureOf } from './picture.ts';
import { bytes, duration, plain, stateText } from './text.ts';
import { firstView, interestOf, listOf, press, treeOf, type Pressed, type View } from './view.ts';
import type { ViewedSystem } from './viewed-system.ts';

function row(pid: number, change: Partial<ActorRow> = {}): ActorRow {
  return {
    ...{ pid, parent: pid === 1 ? 0 : 1, path: `p${String(pid)}`, inc: 1, kind: 'genServer' },
    ...{ name: `p${String(pid)}`, label: '', value: 'waiting', status: 'waiting', restarts: 0 },
    ...{ window: null, mbox: 0, since: 0, last: null, lastAt: null, err: null, chart: null },
    ...{ os: null, rss: null, hb: null, inflight: null },
    ...change,
  };
}
function systemOf(rows: readonly ActorRow[]): ViewedSystem {
  return {
    ...{ name: 'shop', standing: 'live', rows, life: [], wallOffset: 0, turnsPerSecond: 0 },
    ...{ turns: new Map(), panels: {}, story: undefined },
  };
}
const list = [row(1), row(2), row(3), row(4)];
/** What is looked at after some keys. */
function after(keys: readonly string[], from: View = firstView): View {
  return keys.reduce<View>((view, key) => {
    const pressed: Pressed = press(view, key, { list, page: 2 });
    if (pressed === 'quit' || 'move' in pressed) throw new Error(`${key} leads out`);
    return pressed;
  }, from);
}

describe('keys', () => {
  test.each([
    [['down', 'j'], { path: 'p3' }],
    [['end'], { path: 'p4' }],
    [['f', 'f', 'f'], { path: 'p4' }],
    [['end', 'b'], { path: 'p2' }],
    [['end', 'home', 'up'], { path: 'p1' }],
    [['return'], { screen: 'process', path: 'p1' }],
    [['down', 'return', 'escape'], { screen: 'tree', path: 'p2' }],
    [['3', 'return'], { screen: 'process', path: 'p3' }],
    [['l', '4', 'return', 'backspace'], { screen: 'top', path: 'p4' }],
    [['9', '9', 'return'], { screen: 'tree', path: undefined, digits: '' }],
    [['1', '2', 'backspace'], { digits: '1' }],
    [['1', 'escape'], { digits: '', screen: 'tree' }],
    [['1', 'w'], { digits: '', screen: 'pools' }],
    [['i', '2', '0', '0', '0', 'return'], { intervalMs: 2_000, isInterval: false }],
    [['i', '1', 'return'], { intervalMs: 100 }],
    [['i', 'return'], { intervalMs: 500, isInterval: false }],
    [['s', 's', 's'], { screen: 'top', sort: 'memory' }],
    [['s', 's', 's', 's', 's'], { sort: 'mailbox' }],
    [['p'], { isPaused: true }],
    [['p', 'p'], { isPaused: false }],
    [['w', 'j', 'j', 'k'], { screen: 'pools', scroll: 1 }],
    [['w', 'home'], { scroll: 0 }],
    [['?', 'escape'], { screen: 'tree' }],
    [['constructor', 'x'], firstView],
  ])('[I6.7] %p', (keys, expected) => {
    expect(after(keys)).toMatchObject(expected);
  });

  test('[I6.7] quit, and moving in time', () => {
    const shown = { list, page: 2 };
    expect([press(firstView, 'q', shown), press(firstView, 'ctrl-c', shown)]).toEqual([
      'quit',
      'quit',
    ]);
    expect(press(firstView, 'left', shown)).toEqual({ move: -1 });
    expect(press(firstView, ']', shown)).toEqual({ move: 10 });
    expect(press(firstView, 'down', { list: [], page: 2 })).toMatchObject({ path: undefined });
  });

  test('[I6.7] nobody asks for more than is looked at', () => {
    expect(interestOf(after(['down']))).toEqual({ path: undefined, turns: false, panels: false });
    expect(interestOf(after(['return'])).path).toBe('p1');
    expect(interestOf(after(['s', 's'])).turns).toBe(true);
    expect(interestOf(after(['w'])).panels).toBe(true);
  });
});

describe('the order of processes', () => {
  test('[I6.7] a tree; who outlives its parent is a root', () => {
    const rows = [row(1), row(2), row(3, { parent: 2 }), row(4), row(5, { parent: 99 })];
    expect(treeOf(rows).map(({ row: { pid }, depth }) => [pid, depth])).toEqual([
      ...[
        [1, 0],
        [2, 1],
        [3, 2],
        [4, 1],
        [5, 0],
      ],
    ]);
  });

  test('[I6.7] a list by mailbox, turns, memory or latency', () => {
    const rows = [
      row(1, { mbox: 1, rss: 5 }),
      row(2, { mbox: 7 }),
      row(3, { hb: 3, rss: 9 }),
      row(4, { hb: 8 }),
    ];
    const turns = new Map([[4, 100]]);
    const order = (sort: View['sort']) =>
      listOf({ ...firstView, screen: 'top', sort }, rows, turns).map(({ pid }) => pid);
    expect(order('mailbox')).toEqual([2, 1, 3, 4]);
    expect(order('turns')).toEqual([4, 1, 2, 3]);
    expect(order('memory')).toEqual([3, 1, 2, 4]);
    expect(order('latency')).toEqual([4, 3, 1, 2]);
  });
});

describe('a picture', () => {
  const hostile = 'a\u001B[31m\u009B2J\r\nb漢';

  test.each([
    [80, 24],
    [20, 5],
    [300, 60],
    [1, 1],
    [40, 2],
  ])('[I6.7] fits into %p x %p, whatever processes are called', (columns, rows) => {
    const system = systemOf(
      Array.from({ length: 50 }, (_, index) =>
        row(index + 1, { name: hostile, path: hostile, value: hostile, err: hostile }),
      ),
    );
    const views = [['end'], ['l'], ['w'], ['return'], ['?'], ['1'], ['i']].map((keys) =>
      after(keys),
    );
    for (const view of views) {
      const picture = pictureOf(system, view, { columns, rows });
      expect(picture).toHaveLength(Math.min(rows, picture.length));
      expect(picture.length).toBeLessThanOrEqual(Math.max(rows, 1));
      for (const { text } of picture) {
        expect(text.length).toBeLessThanOrEqual(columns);
        expect(text).toMatch(/^[ -~…]*$/);
      }
    }
    expect(pageOf({ columns, rows })).toBeGreaterThan(0);
  });

  test('[I6.7] columns that have no room are left out, the name is not', () => {
    const system = systemOf([row(1, { name: 'n'.repeat(40), rss: 50_000_000, os: 4_711 })]);
    const head = (columns: number): string | undefined =>
      pictureOf(system, firstView, { columns, rows: 24 })[2]?.text;
    expect(head(160)).toMatch(/# PROCESS +STATE +STATUS +RESTART +MBOX +TURNS.S +MEMORY .* LAST$/);
    expect(head(80)).toMatch(/# PROCESS +STATE +STATUS +RESTART +MBOX$/);
    expect(head(30)).toMatch(/^ +# PROCESS$/);
    expect(pictureOf(system, firstView, { columns: 160, rows: 24 })[3]?.text).toMatch(
      /47\.7M .* 4711 /,
    );
  });

  test('[I6.7] the page with the marked process is shown, and it is marked', () => {
    const system = systemOf(Array.from({ length: 100 }, (_, index) => row(index + 1)));
    const view = { ...firstView, path: 'p60' };
    const picture = pictureOf(system, view, { columns: 80, rows: 24 });
    const marked = picture.filter(({ isMarked }) => isMarked).map(({ text }) => text.trim());
    expect(marked).toHaveLength(3);
    expect(marked[1]).toMatch(/^60 +p60 /);
  });
});

test('[I6.7] numbers and texts are short', () => {
  expect([null, 0, 1_023, 1_024, 47_000_000, 5e12, 9e15].map(bytes)).toEqual([
    ...['-', '0B', '1023B', '1.0K', '44.8M', '4.5T', '8185T'],
  ]);
  expect([null, 0.25, 42, 1_500, 120_000].map(duration)).toEqual([
    ...['-', '0.3ms', '42ms', '1.5s', '2.0min'],
  ]);
  expect(plain('abcdef', 4)).toBe('abc…');
  expect([null, 'idle', '{"a":"b","c":{"d":{}}}', '{"cut'].map(stateText)).toEqual([
    ...['-', 'idle', 'a.b,c.d', '{"cut'],
  ]);
});
