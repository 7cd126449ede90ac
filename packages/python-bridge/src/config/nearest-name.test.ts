import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { editDistance, nearestName } from './nearest-name.ts';

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['flaw', 'lawn', 2],
  ])('%j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('is a metric: zero only for equals, symmetric, no shortcut through a third', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});

describe('nearestName', () => {
  const known = ['size', 'adapter', 'heartbeat', 'pingInterval'];

  test.each([
    ['sise', 'size'],
    ['adaptor', 'adapter'],
    ['ping_interval', 'pingInterval'],
    ['PINGINTERVAL', 'pingInterval'],
    ['poolSize', 'size'],
    ['heartbeatConfig', 'heartbeat'],
    ['colour', undefined],
    ['x', undefined],
    ['size'.repeat(100_000), undefined],
  ])('%s: %s', (unknown, expected) => {
    expect(nearestName(unknown, known)).toBe(expected);
  });
});
