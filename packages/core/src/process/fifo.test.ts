import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Fifo } from './fifo.ts';

/** What can be done to a queue, and to the array that it must equal. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push'), item: fc.integer() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('shift'), item: fc.integer() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take'), item: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pushMany'), item: fc.nat(3_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shiftMany'), item: fc.nat(3_000) }) },
  { weight: 0, arbitrary: fc.record({ do: fc.constant('clear'), item: fc.integer() }) },
);

function apply(
  queue: Fifo<number>,
  model: number[],
  { do: what, item }: { do: string; item: number },
) {
  switch (what) {
    case 'push':
      queue.push(item);
      model.push(item);
      break;
    case 'shift':
      expect(queue.shift()).toBe(model.shift());
      break;
    case 'pushMany':
      for (let n = 0; n < item; n++) apply(queue, model, { do: 'push', item: n });
      break;
    case 'shiftMany':
      for (let n = 0; n < item; n++) apply(queue, model, { do: 'shift', item: n });
      break;
    case 'take': {
      const matches = (one: number): boolean => one % 8 === item;
      const at = model.findIndex(matches);
      expect(queue.find(matches)).toBe(model[at]);
      expect(queue.take(matches)).toBe(at === -1 ? undefined : model.splice(at, 1)[0]);
      break;
    }
    default:
      queue.clear();
      model.length = 0;
  }
}

describe('Fifo', () => {
  test('does what an array does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new Fifo<number>();
        const model: number[] = [];
        for (const one of steps) {
          apply(queue, model, one);
          expect([queue.length, queue.ready, queue.first]).toEqual([
            model.length,
            model.length > 0,
            model[0],
          ]);
        }
        apply(queue, model, { do: 'clear', item: 0 });
        expect(queue.length).toBe(0);
      }),
    );
  });
});
