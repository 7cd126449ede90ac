import { describe, expect, test } from '@jest/globals';
import { showValue } from './show-value.ts';

const untouchable = new Proxy(
  {},
  {
    get: () => {
      throw new Error('hands off');
    },
    getPrototypeOf: () => {
      throw new Error('hands off');
    },
  },
);
const circle: { self?: unknown } = {};
circle.self = circle;

describe('showValue', () => {
  test.each<[string, unknown, string]>([
    ['a text', 'text', 'text'],
    ['nothing', undefined, 'undefined'],
    [
      'a function',
      function named() {
        return 1;
      },
      'function named',
    ],
    ['an error', new RangeError('too far'), 'RangeError: too far'],
    ['plain data', { a: [1] }, '{"a":[1]}'],
    ['what JSON has no word for', { toJSON: () => undefined }, '[object Object]'],
    ['a circle', circle, '[object Object]'],
    ['a bigint inside', { n: 1n }, '[object Object]'],
    ['what cannot be looked at', untouchable, '[object]'],
  ])('%s', (_what, value, text) => {
    expect(showValue(value)).toBe(text);
  });
});
