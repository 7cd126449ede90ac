import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { errorCode, messageOf } from './system-error.ts';

describe('errorCode', () => {
  test('knows the code of an error of any realm', () => {
    const foreign: unknown = runInNewContext('Object.assign(new Error("no"), { code: "EPERM" })');
    expect(errorCode(foreign)).toBe('EPERM');
    expect(messageOf(foreign)).toBe('no');
  });

  test.each([undefined, null, 'EPERM', {}, { code: 7 }])('%p has none', (value) => {
    expect(errorCode(value)).toBeUndefined();
  });
});

describe('messageOf', () => {
  test('gives a text for whatever was thrown', () => {
    expect(['text', null, 7].map(messageOf)).toEqual(['text', 'null', '7']);
  });
});
