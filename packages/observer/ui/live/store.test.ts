import { describe, expect, test } from '@jest/globals';
import type { Handled, LiveLine } from '../../src/protocol.ts';
import { hello, rowOf, Wire } from './lines.fixture.ts';
import { createStore } from './store.ts';

const root = rowOf({ pid: 1, path: 'app' });
const worker = rowOf({ pid: 2, parent: 1, path: 'app/w1', value: '{"ready":"idle"}' });
const below = rowOf({ pid: 3, parent: 2, path: 'app/w1/beat' });

function started(...rows: readonly ReturnType<typeof rowOf>[]) {
  const store = createStore();
  const wire = new Wire();
  store.apply(hello);
  store.apply(wire.snap(1_000, rows));
  return { store, wire };
}

describe('the store', () => {
  test('[I6.6] reads rows of the whole table and of deltas with the same dictionary', () => {
    const { store, wire } = started(root, worker);
    expect(store.find('app/w1')).toMatchObject({ ...worker, parentPath: 'app', ended: null });
    store.apply(wire.delta(1_250, [{ ...worker, value: 'busy', mbox: 3 }]));
    expect(store.find('app/w1')).toMatchObject({ value: 'busy', mbox: 3, changedAt: 1_250 });
    expect(store.find('app')?.changedAt).toBe(Number.NEGATIVE_INFINITY);
    expect([store.seq, store.t]).toEqual([2, 1_250]);
    expect(store.rates).toEqual([expect.objectContaining({ turns: 10, seconds: 0.25 })]);
  });

  test('[I6.6] an equal object is an unchanged process', () => {
    const { store, wire } = started(root, worker);
    const before = store.find('app');
    store.apply(wire.delta(1_250, [{ ...worker, mbox: 1 }]));
    expect(store.find('app')).toBe(before);
  });

  test('[I6.6] keeps those that ended, with their reason, until they have a successor', () => {
    const { store, wire } = started(root, worker, below);
    store.apply(wire.delta(1_250, [], [[2, 'error(boom)']]));
    expect([...store.living.keys()]).toEqual([1]);
    expect(store.find('app/w1')?.ended).toEqual({ at: 1_250, reason: 'error(boom)' });
    // The end of a parent is the end of all below it.
    expect(store.find('app/w1/beat')?.ended).toEqual({ at: 1_250, reason: null });
    store.apply(wire.delta(1_500, [{ ...worker, pid: 4, inc: 2, restarts: 1 }]));
    expect(store.find('app/w1')).toMatchObject({ pid: 4, inc: 2, ended: null });
    expect([...store.dead.keys()]).toEqual(['app/w1/beat']);
  });

  test('[I6.6] a successor in the same delta takes the place at once', () => {
    const { store, wire } = started(root, worker);
    store.apply(wire.delta(1_250, [{ ...worker, pid: 4, inc: 2 }], [[2, 'killed']]));
    expect(store.find('app/w1')).toMatchObject({ pid: 4, ended: null });
    expect(store.dead.size).toBe(0);
  });

  test('[I6.6] after a gap the new table holds, and who is not in it has ended', () => {
    const { store } = started(root, worker);
    store.apply({ k: 'gap', why: 'slow', from: 1, to: 9 });
    store.apply(new Wire().snap(9_000, [root]));
    expect(store.gaps).toBe(1);
    expect(store.find('app/w1')?.ended).toEqual({ at: 9_000, reason: null });
  });

  test('[I6.6] another run of the system is another world', () => {
    const { store } = started(root, worker);
    store.apply({ ...hello, epoch: 'two' });
    store.apply(new Wire().snap(10, [root]));
    expect(store.find('app/w1')).toBeUndefined();
    expect(store.find('app')?.changedAt).toBe(Number.NEGATIVE_INFINITY);
  });

  test('[I6.6] replaying the lines up to a moment shows that moment', () => {
    const wire = new Wire();
    const lines: LiveLine[] = [
      hello,
      wire.snap(1_000, [root, worker]),
      wire.delta(1_250, [{ ...worker, value: 'busy' }]),
      wire.delta(1_500, [], [[2, 'error(boom)']]),
    ];
    const seen = [2, 3, 4].map((length) => {
      const store = createStore();
      for (const line of lines.slice(0, length)) store.apply(line);
      return [store.t, store.find('app/w1')?.value, store.find('app/w1')?.ended?.reason];
    });
    expect(seen).toEqual([
      [1_000, '{"ready":"idle"}', undefined],
      [1_250, 'busy', undefined],
      [1_500, 'busy', 'error(boom)'],
    ]);
  });

  test('[I6.6] everything that grows has an end: the dead, lives, messages', () => {
    const { store, wire } = started(root);
    const record: Handled = {
      seq: 1,
      t: 1,
      waitedMs: null,
      tookMs: 1,
      actor: 1,
      from: null,
      kind: 'info',
      event: 'x',
      steps: [],
      actions: [],
      sent: [],
      outcome: 'handled',
      status: 'waiting',
      value: null,
    };
    for (let pid = 10; pid < 1_010; pid++) {
      const path = `app/t${String(pid)}`;
      store.apply(wire.delta(pid, [rowOf({ pid, parent: 1, path })]));
      store.apply(wire.delta(pid, [], [[pid, 'normal']]));
      store.apply({
        k: 'rec',
        seq: 1,
        list: [record, { ...record, actor: pid }],
        dropped: 1,
        droppedOf: [[1, 1]],
      });
      const life = { at: pid, what: 'exited', path, pid, inc: 1 };
      const list = [0, 1, 2].map((index) => ({ ...life, seq: pid * 3 + index }));
      for (let told = 0; told < 2; told++) store.apply({ k: 'life', seq: 1, t: pid, list });
    }
    expect(store.living.size).toBe(1);
    expect(store.dead.size).toBe(500);
    expect(store.messagesOf(1).list).toHaveLength(200);
    expect(store.messagesOf(1).dropped).toBe(1_000);
    expect(store.messagesOf(10).list).toHaveLength(0);
    // What was left out is missing where it was, and nowhere else.
    expect(store.messagesOf(1_009)).toMatchObject({ list: [{ actor: 1_009 }], dropped: 0 });
    expect(store.life.length).toBeLessThanOrEqual(2_500);
    expect(new Set(store.life.map(({ seq }) => seq)).size).toBe(store.life.length);
    expect(store.life.at(-1)?.path).toBe('app/t1009');
  });

  test('[I6.6] a fork and what it was made of learn new texts each for themselves', () => {
    const { store, wire } = started(root, worker);
    const fork = store.fork();
    const own = wire.delta(1_250, [{ ...worker, value: 'of the first' }]);
    store.apply(own);
    // The same number stands for another text there.
    fork.apply({ ...own, dict: own.dict.map(() => 'of the second') });
    const again = store.fork();
    again.apply(wire.delta(1_500, [{ ...worker, value: 'later' }]));
    expect([store, fork, again].map((one) => one.find('app/w1')?.value)).toEqual([
      ...['of the first', 'of the second', 'later'],
    ]);
  });

  test('[I6.6] a listener hears of every line, until it does not want to', () => {
    const { store, wire } = started(root);
    let heard = 0;
    const end = store.subscribe(() => (heard += 1));
    store.apply(wire.delta(2_000, []));
    end();
    store.apply({ k: 'bye', why: 'stopped' });
    expect([heard, store.bye]).toEqual([1, 'stopped']);
  });
});
