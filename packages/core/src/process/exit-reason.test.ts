import { describe, expect, test } from '@jest/globals';
import {
  ExitError,
  exitReason,
  formatExitReason,
  isCleanExit,
  isExitReason,
  Pid,
  sameExitReason,
  type ExitReason,
} from '../index.ts';

const error = new TypeError('boom');
const pid = new Pid(7);
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

const table: readonly [ExitReason, string][] = [
  [exitReason.normal, 'normal'],
  [exitReason.shutdown, 'shutdown'],
  [exitReason.shutdownWith({ why: 'idle' }), 'shutdown({"why":"idle"})'],
  [exitReason.kill, 'kill'],
  [exitReason.killed, 'killed'],
  [exitReason.noproc, 'noproc'],
  [exitReason.timeout, 'timeout'],
  [exitReason.callingSelf, 'callingSelf'],
  [exitReason.alreadyStarted(pid), 'alreadyStarted(<7>)'],
  [exitReason.error(error), 'error(TypeError: boom)'],
  [exitReason.error('text'), 'error(text)'],
  [exitReason.badReturn(undefined), 'badReturn(undefined)'],
  [exitReason.badReturn(isCleanExit), 'badReturn(function isCleanExit)'],
  [exitReason.custom({ cause: error, pid }), '{"cause":{},"pid":"<7>"}'],
  [
    exitReason.custom({ apiKey: 'k', at: { password: 'p' } }),
    '{"apiKey":"[redacted]","at":{"password":"[redacted]"}}',
  ],
  [exitReason.custom(cycle), '[object Object]'],
  [exitReason.custom(10n), '10'],
  [exitReason.custom(error), 'TypeError: boom'],
];

describe('ExitReason', () => {
  test.each(table)('%j is shown in one line', (reason, text) => {
    expect(formatExitReason(reason)).toBe(text);
    expect(isExitReason(reason)).toBe(true);
  });

  test('one whose getters throw is shown by its kind', () => {
    const hostile = {
      kind: 'custom',
      get value(): never {
        throw error;
      },
    } as const;
    expect(formatExitReason(hostile)).toBe('custom');
  });

  test('only normal, shutdown and shutdown with a detail are clean', () => {
    const clean = table.filter(([reason]) => isCleanExit(reason)).map(([{ kind }]) => kind);
    expect(clean).toEqual(['normal', 'shutdown', 'shutdownWith']);
  });

  test('two are the same by kind and by the very thing they carry', () => {
    for (const [index, [reason]] of table.entries()) {
      for (const [other, [another]] of table.entries()) {
        expect(sameExitReason(reason, another)).toBe(index === other);
      }
      expect(sameExitReason(reason, { ...reason })).toBe(true);
    }
    expect(sameExitReason(exitReason.custom({}), exitReason.custom({}))).toBe(false);
  });

  test.each([undefined, null, 'normal', {}, { kind: 1 }, { kind: 'other' }])(
    '%p is no exit reason',
    (value) => {
      expect(isExitReason(value)).toBe(false);
    },
  );

  test('an ExitError says what was attempted, carries the reason, and the error as its cause', () => {
    const failed = new ExitError(exitReason.error(error), 'call to counter');
    expect(failed.message).toBe('call to counter: error(TypeError: boom)');
    expect(failed.cause).toBe(error);
    expect(new ExitError(exitReason.noproc, 'call').cause).toBeUndefined();
  });
});
