import { describe, expect, test } from '@jest/globals';
import { defineErrors, isSnakepitError } from './index.ts';

const fail = defineErrors({
  TOO_MANY: {
    message: ({ count }: { count: number }) => `there are ${String(count)} of at most 3.`,
    remedy: () => 'Remove some.',
  },
  LOST: { message: ({ id }: { id: string }) => `${id} is lost.`, remedy: () => '' },
});

describe('defineErrors', () => {
  test('makes errors with code, sentence, remedy, details and cause', () => {
    const cause = new Error('deeper');
    const error = fail('TOO_MANY', { count: 4 }, { cause });
    expect(error).toMatchObject({
      name: 'SnakepitError',
      code: 'TOO_MANY',
      message: '[TOO_MANY] there are 4 of at most 3.\nRemedy: Remove some.',
      remedy: 'Remove some.',
      details: { count: 4 },
      cause,
    });
  });

  test('says nothing of a remedy where there is none, and has no cause where none is given', () => {
    const error = fail('LOST', { id: 'a' });
    expect(error.message).toBe('[LOST] a is lost.');
    expect('cause' in error).toBe(false);
  });

  test.each(['OTHER', 'toString'])(
    '%s, which the table does not have, is a fault of the program',
    (code) => {
      expect(() => fail(code as 'LOST', { id: 'a' })).toThrow(`no error ${code} in this table`);
    },
  );
});

describe('isSnakepitError', () => {
  test('knows them by their brand, also those of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('snakepit.error')]: true });
    expect(isSnakepitError(fail('LOST', { id: 'a' }))).toBe(true);
    expect(isSnakepitError(foreign)).toBe(true);
    expect(isSnakepitError(new Error('x'))).toBe(false);
    expect(isSnakepitError({ code: 'LOST' })).toBe(false);
  });
});
