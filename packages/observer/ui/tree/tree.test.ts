import { describe, expect, test } from '@jest/globals';
import { rowOf, shownRows } from '../live/lines.fixture.ts';
import { parseFilter } from './filter.ts';
import { createTypeAhead, type TreeKeys, treeKey } from './tree-keys.ts';
import { countStandings, groupsAbove, listTree, type TreeNode } from './tree-model.ts';

const rows = shownRows([
  rowOf({ pid: 1, path: 'app', kind: 'supervisor', window: '1/3' }),
  rowOf({ pid: 2, parent: 1, path: 'app/pool', kind: 'pool', value: '{"running":"serving"}' }),
  rowOf({ pid: 3, parent: 2, path: 'app/pool/w1', kind: 'worker', status: 'busy', restarts: 2 }),
  rowOf({ pid: 4, parent: 2, path: 'app/pool/w2', kind: 'worker', last: 'call ended', os: 77 }),
  rowOf({ pid: 5, parent: 1, path: 'app/store', kind: 'genServer', value: 'waiting' }),
]);
const paths = (nodes: readonly TreeNode[]) =>
  nodes.map((node) =>
    node.kind === 'process' ? node.path : `${String(node.paths.length)} ${node.label}`,
  );
const passing = (text: string) => rows.filter(parseFilter(text).filter).map(({ name }) => name);

describe('parseFilter', () => {
  test.each([
    ['', ['app', 'pool', 'w1', 'w2', 'store']],
    ['state:busy', ['w1']],
    ['state:serving', ['pool']],
    ['kind:worker -name:w1', ['w2']],
    ['restarts>0', ['w1']],
    ['restarts>=2 restarts<=2', ['w1']],
    ['os=77', ['w2']],
    ['os>0 kind:pool', []],
    ['path:app/*/w*', ['w1', 'w2']],
    ['name:=w1', []],
    ['name=w', []],
    ['name=w1', ['w1']],
    ['"call ended"', ['w2']],
    ['STORE', ['store']],
    ['  pool   w2 ', ['w2']],
  ])('[I6.6] %s', (text, names) => expect(passing(text)).toEqual(names));

  test('[I6.6] says what it did not understand, and goes by the rest', () => {
    const { filter, problem } = parseFilter('mbox>many colour:red kind:pool kind>3');
    expect(problem).toBe('not understood: mbox>many colour:red kind>3');
    expect(rows.filter(filter).map(({ name }) => name)).toEqual(['pool']);
  });

  test('[I6.6] no text takes it long', () => {
    const text = `path:${'*a'.repeat(5_000)}*b`;
    expect(passing(text)).toEqual([]);
    expect(passing('"'.repeat(1_001) + '-'.repeat(1_000))).toEqual([]);
  });
});

describe('listTree', () => {
  const list = (options: Partial<Parameters<typeof listTree>[1]> = {}) =>
    listTree(rows, { filter: null, toggled: new Set(), ...options });

  test('[I6.6] parents before children, with their place among siblings', () => {
    expect(paths(list())).toEqual(['app', 'app/pool', 'app/pool/w1', 'app/pool/w2', 'app/store']);
    expect(list()[3]).toMatchObject({ level: 3, position: 2, siblings: 2, hasChildren: false });
  });

  test('[I6.6] what is closed hides what is below it', () => {
    const nodes = list({ toggled: new Set(['app/pool']) });
    expect(paths(nodes)).toEqual(['app', 'app/pool', 'app/store']);
    expect(nodes[1]).toMatchObject({ isOpen: false, hasChildren: true });
  });

  test('[I6.6] a filter shows what passes under what is above it', () => {
    const filtered = list({ filter: parseFilter('w2').filter, toggled: new Set(['app']) });
    expect(paths(filtered)).toEqual(['app', 'app/pool', 'app/pool/w2']);
  });

  test('[I6.6] more than 20 equal children are one line, with a count for each standing', () => {
    const many = shownRows([
      rowOf({ pid: 1, path: 'pool' }),
      rowOf({ pid: 2, parent: 1, path: 'pool/manager', label: 'manager' }),
      ...Array.from({ length: 100 }, (_, index) =>
        rowOf({
          pid: 10 + index,
          parent: 1,
          path: `pool/w${String(index)}`,
          label: 'worker',
          status: index < 3 ? 'starting' : 'waiting',
          inc: index < 3 ? 2 : 1,
        }),
      ),
    ]);
    const closed = listTree(many, { filter: null, toggled: new Set() });
    expect(paths(closed)).toEqual(['pool', 'pool/manager', '100 worker']);
    expect(countStandings(many.slice(2))).toBe('97 running, 3 restarting');
    const group = closed[2];
    const open = listTree(many, { filter: null, toggled: new Set([group?.key ?? '']) });
    expect(open).toHaveLength(103);
    expect(open[3]).toMatchObject({ level: 3, position: 1, siblings: 100 });
    expect(groupsAbove(many, 'pool/w55')).toEqual(new Set([group?.key]));
    expect(groupsAbove(many, 'pool/manager')).toEqual(new Set());
    expect(listTree(many, { filter: parseFilter('w7').filter, toggled: new Set() })).toHaveLength(
      12,
    );
  });

  test('[I6.6] one that ended stays under its parent, or at the top when that is gone', () => {
    const ended = rows.slice(2).map((row) => ({ ...row, ended: { at: 1, reason: 'killed' } }));
    expect(paths(listTree(ended, { filter: null, toggled: new Set() }))).toEqual([
      'app/pool/w1',
      'app/pool/w2',
      'app/store',
    ]);
  });
});

describe('treeKey', () => {
  const nodes = listTree(rows, { filter: null, toggled: new Set() });
  function press(selected: number, ...pressed: string[]) {
    const done: string[] = [];
    const ahead = createTypeAhead();
    let prevented = 0;
    const keys: TreeKeys = {
      nodes,
      selected,
      pageLength: 2,
      nameOf: (node) => (node.kind === 'process' ? node.path.replace(/.*\//, '') : ''),
      select: (index) => done.push(`select ${String(index)}`),
      toggle: (list) => done.push(`toggle ${paths(list).join(' ')}`),
      open: (node) => done.push(`open ${node.key}`),
      search: () => done.push('search'),
    };
    for (const [index, key] of pressed.entries()) {
      const event = { key, ctrlKey: false, metaKey: false, altKey: false, timeStamp: index * 100 };
      treeKey({ ...event, preventDefault: () => (prevented += 1) }, keys, ahead);
    }
    return { done, prevented };
  }

  test.each([
    [0, 'ArrowDown', 'select 1'],
    [4, 'ArrowDown', 'select 4'],
    [0, 'ArrowUp', 'select 0'],
    [1, 'End', 'select 4'],
    [3, 'Home', 'select 0'],
    [1, 'PageDown', 'select 3'],
    [1, 'PageUp', 'select 0'],
    [0, 'ArrowRight', 'select 1'],
    [1, 'ArrowLeft', 'toggle app/pool'],
    [3, 'ArrowLeft', 'select 1'],
    [3, '.', 'select 1'],
    [3, 'Enter', 'open app/pool/w2'],
    [3, '/', 'search'],
    [2, 's', 'select 4'],
  ])('[I6.6] from row %i, %s: %s', (selected, key, done) => {
    expect(press(selected, key)).toEqual({ done: [done], prevented: 1 });
  });

  test('[I6.6] letters typed quickly are one name', () => {
    expect(press(0, 'w', '2').done).toEqual(['select 2', 'select 3']);
  });

  test('[I6.6] other keys are left alone', () => {
    expect(press(0, 'Tab', 'F5', ' ', 'Escape')).toEqual({ done: [], prevented: 0 });
  });
});
