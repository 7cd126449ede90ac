import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { defineErrors, isSnakepitError } from './index.ts';

const fail = defineErrors({
  TOO_MANY: {
    message: ({ count }: { count: number }) => `there are ${String(count)} of at most 3.`,
    remedy: () => 'Remove some.',
  },
  LOST: { message: ({ id }: { id: string }) => `${id} is lost.`, remedy: () => '' },
  AWAY: {
    message: ({ id }: { id: string; output?: string }) => `${id} is away.`,
    remedy: () => '',
    retryable: true,
  },
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
      retryable: false,
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

describe('SnakepitError', () => {
  test('[I5.10] says whether the same may succeed later, by its code or by the case', () => {
    expect(fail('AWAY', { id: 'a' }).retryable).toBe(true);
    expect(fail('AWAY', { id: 'a' }, { retryable: false }).retryable).toBe(false);
    expect(fail('LOST', { id: 'a' }, { retryable: true }).retryable).toBe(true);
  });

  test('[I5.10] is printed with stack, facts and causes, and no text twice', () => {
    const output = 'first line\nsecond line';
    const deepest = fail('LOST', { id: 'b' });
    const error = fail('AWAY', { id: 'a', output }, { cause: deepest });
    error.stack = `${error.stack ?? ''}\n${output}`;
    const printed = inspect({ error }, { depth: 4 });
    expect(printed.match(/second line/g)).toHaveLength(1);
    expect(printed.match(/a is away/g)).toHaveLength(1);
    expect(printed).toContain("code: 'AWAY'");
    expect(printed).toContain("details: { id: 'a' }");
    expect(printed).toContain('[cause]: SnakepitError: [LOST] b is lost.');
    // Indented, as everything inside of an object is.
    expect(printed).toMatch(/^ {2,}second line/m);
    const added = Object.assign(fail('LOST', { id: 'c' }), { attempt: 3 });
    expect(inspect(added)).toContain('attempt: 3');
  });

  test('[I5.10] causes that go round in a circle are printed, too', () => {
    const [one, two] = [fail('LOST', { id: 'one' }), fail('LOST', { id: 'two' })];
    one.cause = two;
    two.cause = one;
    expect(inspect(one)).toContain('two is lost');
    expect(inspect(one, { depth: null })).toContain('two is lost');
  });
});

describe('isSnakepitError', () => {
  test('[I5.10] with a code it knows those of that code', () => {
    const error: unknown = fail('AWAY', { id: 'a' });
    expect(isSnakepitError(error, 'AWAY')).toBe(true);
    expect(isSnakepitError(error, 'LOST')).toBe(false);
    expect(isSnakepitError(new Error('AWAY'), 'AWAY')).toBe(false);
    if (!isSnakepitError(error, 'AWAY')) throw new Error('not narrowed');
    const code: 'AWAY' = error.code;
    expect(code).toBe('AWAY');
  });

  test('knows them by their brand, also those of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('snakepit.error')]: true });
    expect(isSnakepitError(fail('LOST', { id: 'a' }))).toBe(true);
    expect(isSnakepitError(foreign)).toBe(true);
    expect(isSnakepitError(new Error('x'))).toBe(false);
    expect(isSnakepitError({ code: 'LOST' })).toBe(false);
  });
});
