import { describe, expect, test } from '@jest/globals';
import { createMarksIndex } from './asked-marks.ts';
import type { Marks } from './platform/platform.ts';

/** Counts what is asked of it. */
function marksOf(entries: readonly string[]): Marks & { asked: number } {
  return {
    asked: 0,
    has(entry) {
      this.asked += 1;
      return entries.includes(entry.toString('utf8'));
    },
    startingWith(prefix) {
      this.asked += 1;
      return entries.filter((entry) => entry.startsWith(prefix));
    },
  };
}

const run = 'SNAKEPIT_RUN_x=1';
const questionsOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ entries: [run, `SNAKEPIT_WORKER=p/w${at}/1`] }));

describe('createMarksIndex', () => {
  test('finds those all of whose entries a process carries', () => {
    const whole = { entries: [run] };
    const other = { entries: ['SNAKEPIT_RUN_y=1'] };
    const three = { entries: [run, 'B=2', 'A=1'] };
    const never = { entries: [run, 'C=3', 'A=1'] };
    const [first, second] = questionsOf(2);
    const asked = [whole, other, three, never, first, second].flatMap((one) => one ?? []);
    const find = createMarksIndex(asked);
    const carried = ['A=1', 'B=2', 'SNAKEPIT_WORKER=server', run, 'SNAKEPIT_WORKER=p/w1/1'];
    expect(new Set(find(marksOf(carried)))).toEqual(new Set([whole, three, second]));
    expect(find(marksOf(['SNAKEPIT_WORKER=p/w1/1']))).toEqual([]);
    expect(find(marksOf(['SNAKEPIT_RUN_y=1', 'SNAKEPIT_WORKER=p/w1/1']))).toEqual([other]);
  });

  test('finds a question once, though a process carries its entry twice', () => {
    const [question] = questionsOf(1);
    const find = createMarksIndex(question === undefined ? [] : [question]);
    const marks = marksOf([run, 'SNAKEPIT_WORKER=p/w0/1', 'SNAKEPIT_WORKER=p/w0/1']);
    expect(find(marks)).toEqual([question]);
  });

  test('[I7.5] asks as little of a process for a thousand questions as for one', () => {
    const costs = [1, 1_000].map((count) => {
      const find = createMarksIndex(questionsOf(count));
      const marks = marksOf([run, 'SNAKEPIT_WORKER=p/w0/1']);
      expect(find(marks)).toHaveLength(1);
      return marks.asked;
    });
    expect(costs).toEqual([2, 2]);
  });
});
