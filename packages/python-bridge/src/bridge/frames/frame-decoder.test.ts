import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameDecoder, type FrameHandler, type ReceivedValue } from './frame-decoder.ts';
import { bytes, id, map, reference, text } from './frames-codec.fixture.ts';
import { MalformedFrames } from './malformed-frames.ts';
import { MessageReader } from './message-reader.ts';

type Heard = readonly unknown[];

function listener(heard: Heard[]): FrameHandler {
  const plain = (value: ReceivedValue | undefined): unknown =>
    value && {
      json: value.json.toString(),
      attachments: value.attachments.map(({ data, size }) => [data.toString('hex'), size]),
    };
  return {
    hello: (features) => void heard.push(['hello', ...features]),
    result: (call, value) => void heard.push(['result', call, plain(value)]),
    results: (json) => void heard.push(['results', json.toString('hex')]),
    failure: (call, status, details) => void heard.push(['failure', call, status, details]),
    chunk: (call, value, isFinal) => void heard.push(['chunk', call, plain(value), isFinal]),
    pong: (call, answer) => void heard.push(['pong', call, answer]),
    piece: (call, data) => void heard.push(['piece', call, data.toString('hex')]),
  };
}

/** Hears messages that come in parts of these lengths. */
function hear(messages: readonly Buffer[], cuts: readonly number[] = []): Heard[] {
  const heard: Heard[] = [];
  const decoder = new FrameDecoder(listener(heard));
  const reader = new MessageReader((buffer, at, end) => {
    decoder.decode(buffer, at, end);
  }, 1_000_000);
  const all = Buffer.concat(
    messages.flatMap((message) => {
      const header = Buffer.alloc(5);
      header.writeUInt32BE(message.length, 1);
      return [header, message];
    }),
  );
  const edges = [
    0,
    ...[...cuts].sort((a, b) => a - b).map((cut) => cut % (all.length + 1)),
    all.length,
  ];
  edges.sort((a, b) => a - b);
  edges.slice(1).forEach((end, index) => {
    if (end > (edges[index] ?? 0)) reader.feed(all.subarray(edges[index], end));
  });
  return heard;
}

describe('what we receive', () => {
  const attachment = bytes.map((data) => ({ data }));
  const value = fc.record({ json: bytes, attachments: fc.array(attachment, { maxLength: 3 }) });
  const frame = fc.oneof(
    fc.record({ call: id, result: fc.record({ value, execution_time_us: fc.nat() }) }),
    fc.record({ call: id, failure: fc.record({ status: fc.nat(20), details: text }) }),
    fc.record({ call: id, chunk: fc.record({ value, is_final: fc.boolean(), metadata: map }) }),
    fc.record({ call: id, piece: fc.record({ data: bytes }) }),
    fc.record({ results: bytes }),
    fc.record({
      hello: fc.record({ features: fc.array(text, { maxLength: 3 }), max_calls: fc.nat() }),
    }),
  );

  test('is what the generated definition wrote, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(frame, { maxLength: 4 }), { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (batches, cuts) => {
          const messages = batches.map((frames) => reference.encode({ frames }));
          const expected = messages.flatMap((message) =>
            reference.decode(message).frames.map(({ call, ...said }) => {
              if (said.result) return ['result', call, shown(said.result.value)];
              if (said.chunk) return ['chunk', call, shown(said.chunk.value), said.chunk.is_final];
              if (said.results) return ['results', said.results.toString('hex')];
              if (said.piece) return ['piece', call, said.piece.data.toString('hex')];
              if (said.hello) return ['hello', ...said.hello.features];
              return ['failure', call, said.failure?.status, said.failure?.details];
            }),
          );
          expect(hear(messages, cuts)).toEqual(expected);
        },
      ),
    );
  });

  test('a pong says how the worker is', () => {
    const statistics = {
      in_flight: 1,
      served: 2 ** 40,
      failed: 3,
      uptime_ms: 4,
      oldest_call_ms: 5,
      loop_lag_ms: 0.25,
      delay_ms: 1.5,
    };
    const pong = {
      message: 'pong: ping',
      server_time: { seconds: 1_700_000_000, nanos: 500_000_000 },
      success: false,
      statistics,
    };
    expect(
      hear([
        reference.encode({
          frames: [
            { call: 7, pong },
            { call: 8, pong: {} },
          ],
        }),
      ]),
    ).toEqual([
      [
        'pong',
        7,
        {
          message: 'pong: ping',
          serverTimeMs: 1_700_000_000_500,
          success: false,
          statistics: {
            inFlight: 1,
            served: 2 ** 40,
            failed: 3,
            uptimeMs: 4,
            oldestCallMs: 5,
            loopLagMs: 0.25,
            delayMs: 1.5,
          },
        },
      ],
      ['pong', 8, { message: '', serverTimeMs: 0, success: true, statistics: undefined }],
    ]);
  });

  test('fields and kinds of newer workers are passed over', () => {
    const known = reference.encode({ frames: [{ call: 1, failure: { details: 'x' } }] });
    const newer = Buffer.from([
      0x10, 0x05, 0x1a, 0x01, 0x41, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    const frameOfNewKind = Buffer.from([0x0a, 0x06, 0x08, 0x01, 0xa2, 0x01, 0x01, 0x41]);
    expect(hear([Buffer.concat([newer, frameOfNewKind, known, newer])])).toEqual([
      ['failure', 1, 0, 'x'],
    ]);
  });

  test.each([
    ['a frame beyond its message', Buffer.from([0x0a, 0x05, 0x08])],
    ['a number without an end', Buffer.alloc(11, 0x80)],
    ['a group', Buffer.from([0x0b, 0x00])],
    ['a value beyond its frame', Buffer.from([0x0a, 0x04, 0x4a, 0x02, 0x0a, 0x7f])],
    ['an attachment that brings something else', withWrongAttachment()],
  ])('%s is refused', (_, message) => {
    expect(() => hear([message])).toThrow(MalformedFrames);
  });

  test('a message that is compressed or too long is refused', () => {
    const reader = new MessageReader(() => undefined, 100);
    expect(() => {
      reader.feed(Buffer.from([1, 0, 0, 0, 1]));
    }).toThrow('a message is compressed');
    const other = new MessageReader(() => undefined, 100);
    expect(() => {
      other.feed(Buffer.from([0, 0, 0, 0, 101]));
    }).toThrow('a message has 101 bytes');
  });

  test('random bytes are refused or passed over, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat()), (noise, cuts) => {
        try {
          hear([Buffer.from(noise)], cuts);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrames);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function withWrongAttachment(): Buffer {
  const attachments = [{ data: Buffer.from('ab'), size: 3 }];
  return reference.encode({ frames: [{ call: 1, result: { value: { attachments } } }] });
}

function shown(
  value: {
    readonly json: Buffer;
    readonly attachments: readonly { readonly data: Buffer; readonly size: number }[];
  } | null,
): unknown {
  if (value === null) return undefined;
  return {
    json: value.json.toString(),
    attachments: value.attachments.map(({ data, size }) => [data.toString('hex'), size]),
  };
}
