import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Pid } from './pid.ts';

describe('a pid', () => {
  test('is written the same wherever it is shown', () => {
    const pid = new Pid(12);
    expect(`${String(pid)} ${JSON.stringify({ pid })} ${inspect({ pid })}`).toBe(
      '<12> {"pid":"<12>"} { pid: <12> }',
    );
  });
});
