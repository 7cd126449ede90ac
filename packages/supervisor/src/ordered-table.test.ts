import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { emptyIndex, indexDelete, indexGet, indexSet } from './key-index.ts';
import {
  emptyTable,
  firstBetween,
  lastBetween,
  tableDelete,
  tableGet,
  tableSet,
  tableValues,
  type OrderedTable,
} from './ordered-table.ts';

const key = fc.oneof(fc.nat(70), fc.nat(2_000), fc.constantFrom(31, 32, 1_023, 1_024, 2 ** 33));
const change = fc.record({ key, remove: fc.boolean() });

test('agrees with a sorted Map for any changes', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), key, key, (changes, probe, other) => {
      let table: OrderedTable<string> = emptyTable();
      const model = new Map<number, string>();
      for (const { key: at, remove } of changes) {
        table = remove ? tableDelete(table, at) : tableSet(table, at, `v${String(at)}`);
        if (remove) model.delete(at);
        else model.set(at, `v${String(at)}`);
      }
      const keys = [...model.keys()].sort((a, b) => a - b);
      expect(table.size).toBe(model.size);
      expect([...tableValues(table)]).toEqual(keys.map((at) => model.get(at)));
      expect(tableGet(table, probe)).toBe(model.get(probe));
      const [from, upTo] = probe < other ? [probe, other] : [other, probe];
      const between = keys.filter((at) => at >= from && at <= upTo);
      expect(firstBetween(table, from, upTo)?.[0]).toBe(between[0]);
      expect(lastBetween(table, from, upTo)?.[0]).toBe(between.at(-1));
    }),
  );
});

test('a change leaves the table before it as it was', () => {
  const before = tableSet(emptyTable<string>(), 1, 'a');
  tableSet(before, 1, 'b');
  tableDelete(before, 1);
  expect(tableGet(before, 1)).toBe('a');
});

test('is plain: JSON keeps it', () => {
  const table = tableSet(tableSet(emptyTable<string>(), 3, 'a'), 2_000, 'b');
  expect(JSON.parse(JSON.stringify(table))).toEqual(table);
});

test('a search goes on until the test passes', () => {
  const table = [1, 2, 3].reduce((sofar, at) => tableSet(sofar, at, at), emptyTable<number>());
  expect(firstBetween(table, 0, 9, (value) => value > 1)).toEqual([2, 2]);
  expect(lastBetween(table, 0, 9, (value) => value < 3)).toEqual([2, 2]);
  expect(firstBetween(table, 0, 9, () => false)).toBeUndefined();
});

describe('an index', () => {
  test('agrees with a Map, also where keys share a row', () => {
    const sharing = [1, 1 + 32_768, 2, 2 + 2 * 32_768, 40_000];
    // With all of them it is more than a list.
    const all = [...sharing, 3, 4, 5, 6, 7, 8];
    const keys = fc.constantFrom(...all);
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, fc.boolean(), fc.nat(9)), { size: '+1' }), (changes) => {
        let index = emptyIndex<number>();
        const model = new Map<number, number>();
        for (const [at, remove, value] of changes) {
          index = remove ? indexDelete(index, at) : indexSet(index, at, value);
          if (remove) model.delete(at);
          else model.set(at, value);
        }
        for (const at of all) {
          expect(indexGet(index, at)).toBe(model.get(at));
        }
      }),
    );
  });

  test('takes strings', () => {
    const index = indexSet(indexSet(emptyIndex<string>(), 'a', 1), 'b', 2);
    expect([indexGet(index, 'a'), indexGet(index, 'b'), indexGet(index, 'c')]).toEqual([
      1,
      2,
      undefined,
    ]);
  });
});
