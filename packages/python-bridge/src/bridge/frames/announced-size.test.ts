import { describe, expect, test } from '@jest/globals';
import { IncomingValue } from './incoming-value.ts';
import { MalformedFrames } from './malformed-frames.ts';

const mebi = 1024 * 1024;

function announced(...sizes: readonly number[]): IncomingValue {
  const attachments = sizes.map((size) => ({ data: Buffer.alloc(0), size }));
  return new IncomingValue({ json: Buffer.from('1'), attachments });
}

describe('what a worker announces', () => {
  test('[I5.12] takes no memory before it comes', () => {
    const before = process.memoryUsage().arrayBuffers;
    const values = Array.from({ length: 50 }, () => announced(2 ** 31 - 1, 2 ** 52));
    for (const value of values) value.add(Buffer.alloc(0));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebi);
    expect(values.every(({ isComplete }) => !isComplete)).toBe(true);
  });

  test('[I5.5] comes as it was sent, in pieces of any size, also when its memory grew', () => {
    const large = Buffer.alloc(150 * mebi, 'abcdefg');
    const value = announced(large.length, 3, 17 * mebi);
    for (let at = 0; at < large.length; at += 999_983) value.add(large.subarray(at, at + 999_983));
    value.add(Buffer.from('x'));
    value.add(Buffer.from('yz'));
    for (const part of [large.subarray(0, 17 * mebi - 1), Buffer.from('!')]) value.add(part);
    expect(value.isComplete).toBe(true);
    const [first, second, third] = value.attachments;
    expect(first?.equals(large)).toBe(true);
    expect(second?.toString()).toBe('xyz');
    expect(third?.length).toBe(17 * mebi);
    expect(third?.subarray(-2).toString()).toBe(
      `${large.toString('latin1', 17 * mebi - 2, 17 * mebi - 1)}!`,
    );
    expect(() => {
      value.add(Buffer.from('more'));
    }).toThrow(MalformedFrames);
  });
});
