import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pid, type RegistryKey } from '../index.ts';
import { mapKeyOf } from './registry-key.ts';

const key = fc.letrec<{ key: RegistryKey }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.constantFrom('', '\0', '\0[]', '[]', '1', '1n', '<1>', 'null', 'true'),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('key'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('key'), { maxKeys: 3 }),
  ),
})).key;

/** Equal as keys are: by structure; `0` and `-0` are one number, and the prototype does not matter. */
function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    one.length === other.size &&
    one.every(([name, value]) => other.has(name) && equal(value, other.get(name)))
  );
}

describe('keys', () => {
  test('are one in a map exactly when they are equal by structure', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(new Set([mapKeyOf(a), mapKeyOf(b)]).size).toBe(equal(a, b) ? 1 : 2);
        expect(new Set([mapKeyOf(a), mapKeyOf(copyOf(a))]).size).toBe(1);
      }),
      { numRuns: 2_000 },
    );
  });

  const pid = new Pid(1);
  test.each<[string, RegistryKey, RegistryKey, boolean]>([
    ['a text and a number', '1', 1, false],
    ['a text and a list that looks like it in text', '["a"]', ['a'], false],
    ['a text that begins as lists do inside', '\0["a"]', ['a'], false],
    ['two such texts', '\0x', '\0x', true],
    ['a number and a bigint', 1, 1n, false],
    ['zero and minus zero', [0], [-0], true],
    ['members in another order', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
    ['a pid and itself', ['to', pid], ['to', pid], true],
    ['a pid and its text', [pid], ['<1>'], false],
    ['null and its text', [null], ['null'], false],
    ['a list and an object', ['a'], { 0: 'a' }, false],
  ])('%s', (_, a, b, same) => {
    expect(new Set([mapKeyOf(a), mapKeyOf(b)]).size).toBe(same ? 1 : 2);
  });

  test('what is often a key is one as it is', () => {
    for (const plain of ['lobby', 7, 7n, true, null, pid]) expect(mapKeyOf(plain)).toBe(plain);
  });

  class Room {
    readonly id = 1;
  }
  const circle: unknown[] = [];
  circle.push(circle);
  const holed = [1];
  holed.length = 3;
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['NaN in a list', [Number.NaN]],
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['an instance of a class', new Room()],
    ['a date in an object', { at: new Date(0) }],
    ['a hole in a list', holed],
    ['a circle', circle],
  ])('%s is refused, with what to do instead', (_, odd) => {
    expect(() => mapKeyOf(odd as RegistryKey)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^\[INVALID_ARGUMENT\] the key .*Use an id of the thing/s),
      }),
    );
  });
});

function copyOf(value: RegistryKey): RegistryKey {
  if (Array.isArray(value)) return value.map(copyOf as (one: unknown) => RegistryKey);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value as Record<string, RegistryKey>).reverse();
  return Object.fromEntries(members.map(([name, one]) => [name, copyOf(one)]));
}
