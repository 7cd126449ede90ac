import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pid } from '../index.ts';
import { RegistryTable } from './registry-table.ts';

const pids = [1, 2, 3].map((id) => new Pid(id));
const pid = fc.constantFrom(...pids);
const key = fc.constantFrom<string | readonly string[]>('a', 'b', ['a']);

type Step =
  | {
      readonly kind: 'add';
      readonly pid: Pid;
      readonly key: string | readonly string[];
      readonly value: number;
    }
  | { readonly kind: 'remove'; readonly pid: Pid; readonly key: string | readonly string[] }
  | { readonly kind: 'forget'; readonly pid: Pid };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add' as const), pid, key, value: fc.nat() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), pid, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), pid }) },
);

interface Row {
  readonly pid: Pid;
  readonly key: string | readonly string[];
  readonly value: number;
}

function isAt(row: Row, wanted: string | readonly string[]): boolean {
  return JSON.stringify(row.key) === JSON.stringify(wanted);
}

/** The same by a plain list. */
function play(rows: readonly Row[], one: Step): readonly Row[] {
  if (one.kind === 'add') return [...rows, { pid: one.pid, key: one.key, value: one.value }];
  if (one.kind === 'forget') return rows.filter((row) => row.pid !== one.pid);
  return rows.filter((row) => row.pid !== one.pid || !isAt(row, one.key));
}

function perform(table: RegistryTable, one: Step): void {
  if (one.kind === 'add') table.add(one.pid, one.key, one.value);
  else if (one.kind === 'forget') table.forget(one.pid);
  else table.remove(table.ofUnder(one.pid, one.key));
}

const shown = (found: readonly { readonly pid: Pid; readonly value: unknown }[]): unknown =>
  found.map(({ pid: { id }, value }) => [id, value]);

describe('a table', () => {
  test('holds after any history what a plain list would, in its order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const table = new RegistryTable();
        let rows: readonly Row[] = [];
        for (const one of steps) {
          perform(table, one);
          rows = play(rows, one);
          expect(table.size).toBe(rows.length);
          for (const wanted of ['a', 'b', ['a']] as const) {
            const under = rows.filter((row) => isAt(row, wanted));
            expect(shown(table.under(wanted))).toEqual(shown(under));
            expect(table.first(wanted)?.value).toBe(under[0]?.value);
            for (const who of pids) {
              const own = under.filter((row) => row.pid === who);
              expect(shown(table.ofUnder(who, wanted))).toEqual(shown(own));
            }
          }
          for (const who of pids) {
            const own = rows.filter((row) => row.pid === who);
            expect(shown(table.of(who))).toEqual(shown(own));
            expect(table.has(who)).toBe(own.length > 0);
          }
        }
        table.clear();
        expect([table.size, table.under('a'), table.of(new Pid(1))]).toEqual([0, [], []]);
      }),
      { numRuns: 500 },
    );
  });
});
