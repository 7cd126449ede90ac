import { describe, expect, test } from '@jest/globals';
import { createFlatActor } from './flat-actor.ts';

describe('createFlatActor', () => {
  test('what a handler throws reaches the sender, past XState, and the actor goes on', () => {
    const seen: unknown[] = [];
    const actor = createFlatActor(
      { state: 1, stateValue: 'waiting' },
      {
        handle: (message) => {
          if (message === 'fail') throw new Error('boom');
          seen.push(message);
        },
      },
    );
    actor.send('one');
    expect(() => {
      actor.send('fail');
    }).toThrow('boom');
    actor.send('two');
    actor.stop();
    actor.send('late');
    expect(seen).toEqual(['one', 'two']);
  });
});
