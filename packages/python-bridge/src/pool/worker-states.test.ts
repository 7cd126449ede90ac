import { describe, expect, test } from '@jest/globals';
import { stateOf, statesOf, withState, withoutState } from './worker-states.ts';

const idsOf = (count: number) => Array.from({ length: count }, (_, at) => `pool_worker_${at + 1}`);

describe('the states of many workers', () => {
  test('[R8.1] each is found, and a change of one leaves all others, and what was before, as they are', () => {
    const ids = idsOf(1_000);
    const before = statesOf(ids, 'starting');
    const after = withState(before, 'pool_worker_500', 'ready');
    expect(stateOf(after, 'pool_worker_500')).toBe('ready');
    expect(ids.filter((id) => stateOf(after, id) === 'starting')).toHaveLength(999);
    expect(ids.every((id) => stateOf(before, id) === 'starting')).toBe(true);
    expect(stateOf(after, 'pool_worker_1001')).toBeUndefined();
  });

  test('[R8.1] of a thousand hardly any are copied for a change', () => {
    const before = statesOf(idsOf(1_000), 'starting');
    const after = withState(before, 'pool_worker_500', 'ready');
    const copied = after.filter((record, at) => record !== before[at]);
    expect(copied).toHaveLength(1);
    expect(copied.flatMap((record) => Object.keys(record)).length).toBeLessThanOrEqual(64);
  });

  test('those that are added one by one are spread, too', () => {
    let states = statesOf<string>(idsOf(1), 'starting');
    for (const id of idsOf(1_000)) states = withState(states, id, `of ${id}`);
    expect(Math.max(...states.map((record) => Object.keys(record).length))).toBeLessThanOrEqual(64);
    expect(idsOf(1_000).every((id) => stateOf(states, id) === `of ${id}`)).toBe(true);
  });

  test('one that is taken out is not there any more; names of all objects are nobody', () => {
    const states = withoutState(statesOf(['a', 'b'], 'ready'), 'a');
    expect(['a', 'b', 'constructor', '__proto__'].map((id) => stateOf(states, id))).toEqual([
      ...[undefined, 'ready', undefined, undefined],
    ]);
    expect(stateOf(withState(statesOf([], 'ready'), 'c', 'down'), 'c')).toBe('down');
  });
});
