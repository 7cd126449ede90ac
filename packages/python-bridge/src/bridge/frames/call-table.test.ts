import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CallTable } from './call-table.ts';

describe('CallTable', () => {
  test('finds what a Map would find, and gives no number twice', () => {
    const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.nat()), { maxLength: 600 });
    fc.assert(
      fc.property(steps, (all) => {
        const table = new CallTable<{ readonly id: number }>();
        const model = new Map<number, { readonly id: number }>();
        for (const step of all) {
          const open = [...model.values()];
          if (step === 'add' || open.length === 0) {
            const call = { id: table.nextId() };
            expect(model.has(call.id)).toBe(false);
            model.set(call.id, call);
            table.add(call);
          } else {
            const call = open[step % open.length] ?? { id: 0 };
            model.delete(call.id);
            table.remove(call);
            expect(table.get(call.id)).toBeUndefined();
          }
          expect(table.all()).toEqual([...model.values()]);
        }
        for (const [id, call] of model) expect(table.get(id)).toBe(call);
      }),
    );
  });

  test('a number of another call in the same place is none of its own', () => {
    const table = new CallTable<{ readonly id: number }>();
    const call = { id: table.nextId() };
    table.add(call);
    expect([call.id + 64, call.id + 2 ** 31, 0, 0.5, NaN].map((id) => table.get(id))).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });

  test('what takes long keeps its number and its place', () => {
    const table = new CallTable<{ readonly id: number }>();
    const long = { id: table.nextId() };
    table.add(long);
    for (let count = 0; count < 1_000; count++) {
      const call = { id: table.nextId() };
      table.add(call);
      table.remove(call);
    }
    expect(table.get(long.id)).toBe(long);
    expect(table.all()).toEqual([long]);
  });
});
