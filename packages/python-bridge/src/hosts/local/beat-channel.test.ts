import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createBeatDecoder,
  MAX_BEAT_BYTES,
  openBeatChannel,
  parseBeatLine,
  type BeatMessage,
} from './beat-channel.ts';

const READY = {
  type: 'ready',
  pid: 7,
  startTime: '99',
  address: 'unix:/a.sock',
  pythonVersion: '3.11.7',
  lifeline: true,
  tools: ['add', 'ä'],
  features: ['frames'],
} as const;
const PONG = { type: 'pong', seq: 7, inFlight: 0, loopLagMs: 0.4, oldestCallMs: 12 } as const;
const FAILED = { type: 'failed', code: 'LISTEN', message: 'no', traceback: null } as const;

interface Heard {
  readonly messages: BeatMessage[];
  readonly broken: string[];
}

function hear(...chunks: readonly Buffer[]): Heard {
  const heard: Heard = { messages: [], broken: [] };
  const decode = createBeatDecoder({
    onMessage: (message) => heard.messages.push(message),
    onBroken: (detail) => heard.broken.push(detail),
  });
  for (const chunk of chunks) decode(chunk);
  return heard;
}

describe('parseBeatLine', () => {
  test.each([READY, PONG, FAILED])('reads %j', (message) => {
    const line = Buffer.from(JSON.stringify({ ...message, extra: 'of a newer worker' }));
    expect(parseBeatLine(line)).toEqual({ ok: true, message });
  });

  test('a worker that does not say what it can has no features', () => {
    const line = Buffer.from(JSON.stringify({ ...READY, features: undefined }));
    expect(parseBeatLine(line)).toMatchObject({ message: { features: [] } });
  });

  test('passes over kinds that only newer workers know', () => {
    expect(parseBeatLine(Buffer.from('{"type":"mood","value":3}'))).toEqual({
      ok: true,
      message: { type: 'ignored' },
    });
  });

  test.each([
    ['text', 'not JSON'],
    ['', 'not JSON'],
    ['[1]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"seq":1}', 'without "type"'],
    [JSON.stringify({ ...READY, pid: 'seven' }), 'wrong type'],
    [JSON.stringify({ ...READY, tools: [1] }), 'wrong type'],
    [JSON.stringify({ ...READY, tools: undefined }), 'missing'],
    [JSON.stringify({ ...READY, address: null }), 'missing'],
    [JSON.stringify({ ...PONG, seq: -1 }), 'wrong type'],
    [JSON.stringify({ ...PONG, loopLagMs: -1 }), 'wrong type'],
    [JSON.stringify({ ...PONG, oldestCallMs: 'long' }), 'wrong type'],
    [JSON.stringify({ ...FAILED, traceback: 3 }), 'wrong type'],
    [JSON.stringify({ ...FAILED, code: undefined }), 'missing'],
  ])('rejects %s', (line, detail) => {
    expect(parseBeatLine(Buffer.from(line))).toEqual({
      ok: false,
      detail: expect.stringContaining(detail),
    });
  });

  test('rejects bytes that are no UTF-8, and shows only the beginning of a long line', () => {
    expect(parseBeatLine(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ ok: false });
    const result = parseBeatLine(Buffer.from('x'.repeat(10_000)));
    expect(result.ok ? '' : result.detail.length).toBeLessThan(200);
  });
});

describe('createBeatDecoder', () => {
  test('finds the same messages however the bytes are cut', () => {
    const bytes = Buffer.from(
      [READY, PONG, FAILED].map((one) => `${JSON.stringify(one)}\n`).join(''),
    );
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        expect(hear(...chunks)).toEqual({ messages: [READY, PONG, FAILED], broken: [] });
      }),
    );
  });

  test('accepts a line of the greatest length, and breaks off at the next byte', () => {
    const wrap = '{"type":"x","v":""}'.length;
    const line = `{"type":"x","v":"${'y'.repeat(MAX_BEAT_BYTES - wrap)}"}\n`;
    expect(hear(Buffer.from(line)).messages).toEqual([{ type: 'ignored' }]);
    const long = Buffer.alloc(MAX_BEAT_BYTES + 1, 'x');
    expect(hear(long).broken).toEqual([`a line is longer than ${MAX_BEAT_BYTES} bytes`]);
  });

  test('hears nothing after a broken line, and says so once', () => {
    const good = `${JSON.stringify(PONG)}\n`;
    const heard = hear(
      Buffer.from(`${good}garbage\n${good}`),
      Buffer.from(`more garbage\n${good}`),
    );
    expect(heard.messages).toEqual([PONG]);
    expect(heard.broken).toHaveLength(1);
  });
});

describe('openBeatChannel', () => {
  test('says hello first, and leaves out pings while nobody reads', () => {
    const written: string[] = [];
    const stuck = new Duplex({
      read() {
        // Nothing comes from here.
      },
      write(chunk: Buffer) {
        // Never calls back: a worker that does not read.
        written.push(chunk.toString());
      },
    });
    const channel = openBeatChannel(stuck, {
      onMessage: (message) => expect(message).toBeUndefined(),
      onBroken: (detail) => expect(detail).toBeUndefined(),
    });
    channel.hello({ token: 'aa', listen: 'unix:/x', bridge: null });
    for (let seq = 0; seq < 100_000; seq += 1) channel.ping(seq);
    expect(JSON.parse(written[0] ?? '')).toEqual({
      type: 'hello',
      token: 'aa',
      listen: 'unix:/x',
      bridge: null,
    });
    expect(stuck.writableLength).toBeLessThan(70_000);
    stuck.destroy(new Error('EPIPE'));
    channel.ping(1);
  });
});
