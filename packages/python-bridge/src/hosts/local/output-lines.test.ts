import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLineRing, createLineSplitter, readLines, type PrintedLine } from './output-lines.ts';

function split(chunks: readonly Buffer[], maxLineBytes?: number): readonly PrintedLine[] {
  const lines: PrintedLine[] = [];
  const splitter = createLineSplitter((line) => lines.push(line), maxLineBytes);
  for (const chunk of chunks) splitter.feed(chunk);
  splitter.end();
  return lines;
}

const whole = (text: string): PrintedLine => ({ text, truncated: false });

describe('createLineSplitter', () => {
  test('[WH-14] gives the same lines however the bytes are cut', () => {
    const text = fc.string({ unit: 'binary' }).map((line) => line.replace(/[\r\n]/gu, ' '));
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.nat({ max: 2_000 })), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)];
        const chunks = edges.map((start, index) => bytes.subarray(start, edges[index + 1]));
        const expected = lines.map((line) => whole(Buffer.from(line).toString()));
        expect(split(chunks)).toEqual(expected);
      }),
    );
  });

  test('ends lines in both ways, and keeps one without an end', () => {
    expect(split([Buffer.from('a\r\n\nb\nc')])).toEqual(['a', '', 'b', 'c'].map(whole));
    expect(split([])).toEqual([]);
  });

  test('[WH-14] cuts a long line and goes on with the next one', () => {
    const chunks = ['abcdef', 'ghi', 'jkl\nok\n'].map((text) => Buffer.from(text));
    expect(split(chunks, 4)).toEqual([{ text: 'abcd', truncated: true }, whole('ok')]);
    expect(split([Buffer.from('abcd\n')], 4)).toEqual([whole('abcd')]);
  });

  test('shows bytes that are no text', () => {
    expect(split([Buffer.from([0xff, 0x61, 0x0a])])).toEqual([whole('\uFFFDa')]);
  });
});

describe('createLineRing', () => {
  test('keeps the newest lines', () => {
    const ring = createLineRing(3, 1_000);
    for (const text of ['a', 'b', 'c', 'd']) ring.push(whole(text));
    expect(ring.lines().map(({ text }) => text)).toEqual(['b', 'c', 'd']);
  });

  test('keeps fewer when they are long, but always the newest', () => {
    const ring = createLineRing(100, 10);
    for (const text of ['aaaa', 'bbbb', 'cccc']) ring.push(whole(text));
    expect(ring.lines().map(({ text }) => text)).toEqual(['bbbb', 'cccc']);
    ring.push(whole('d'.repeat(50)));
    expect(ring.lines()).toEqual([whole('d'.repeat(50))]);
  });
});

describe('readLines', () => {
  test('takes an error of the pipe for its end', async () => {
    const stream = new PassThrough();
    const lines: PrintedLine[] = [];
    readLines(stream, (line) => lines.push(line));
    stream.write('half a l');
    await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy(new Error('EIO'));
    await closed;
    expect(lines).toEqual([whole('half a l')]);
  });
});
