import { describe, expect, test } from '@jest/globals';
import { routeOf, type Affinity, type Route, type Situation } from './affinity.ts';

const rows: readonly [Affinity, Situation['own'], boolean, Route][] = [
  ['hint', 'none', true, 'any'],
  ['hint', 'none', false, 'wait'],
  ['hint', 'free', true, 'own'],
  ['hint', 'busy', true, 'any'],
  ['hint', 'busy', false, 'wait'],
  ['strictQueue', 'none', true, 'any'],
  ['strictQueue', 'none', false, 'wait'],
  ['strictQueue', 'free', true, 'own'],
  ['strictQueue', 'busy', true, 'wait'],
  ['strictQueue', 'lost', true, 'lost'],
  ['strictFailFast', 'none', true, 'any'],
  ['strictFailFast', 'none', false, 'busy'],
  ['strictFailFast', 'free', true, 'own'],
  ['strictFailFast', 'busy', true, 'busy'],
  ['strictFailFast', 'lost', false, 'lost'],
];

describe('routeOf', () => {
  test.each(rows)(
    '[I5.3] %s, own worker %s, any free: %s → %s',
    (affinity, own, isAnyFree, route) => {
      expect(routeOf({ affinity, own, isAnyFree })).toBe(route);
    },
  );
});
