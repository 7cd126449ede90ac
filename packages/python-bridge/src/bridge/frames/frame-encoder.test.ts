import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FrameBatch__Output } from '../../gen/snakepit/bridge/FrameBatch.ts';
import type { ToolCall } from '../call-path.ts';
import {
  inlineBytes,
  joinJson,
  writeCancel,
  writeCloseSession,
  writeCredit,
  writeOpen,
  writeOpenSession,
  writePieceHead,
  writePing,
} from './frame-encoder.ts';
import { bytes, id, map, reference, text } from './frames-codec.fixture.ts';
import { ProtoWriter } from './proto-writer.ts';

function written(write: (writer: ProtoWriter) => void): FrameBatch__Output {
  const writer = new ProtoWriter();
  write(writer);
  return reference.decode(Buffer.from(writer.take()));
}

describe('what we send', () => {
  test('is read by the generated definition as it was meant: calls', () => {
    const call = fc.record({
      tool: text,
      session: fc.option(text, { nil: undefined }),
      metadata: fc.option(map, { nil: undefined }),
      stream: fc.option(fc.record({ credit: fc.nat() }), { nil: undefined }),
      arguments: fc.record({
        json: fc.dictionary(text, fc.jsonValue().map(toText), { maxKeys: 4 }),
        attachments: fc.array(bytes, { maxLength: 4 }),
        binary: fc.dictionary(text, bytes, { maxKeys: 4 }),
      }),
    });
    const timeout = fc.oneof(fc.constant(Infinity), fc.double({ min: 0.1, max: 1e6, noNaN: true }));
    fc.assert(
      fc.property(id, call, timeout, (call_, made, timeoutMs) => {
        const { frames } = written((writer) => {
          expect(writeOpen(writer, call_, made, timeoutMs)).toEqual([]);
        });
        const { json, attachments, binary } = made.arguments;
        const names = Object.keys(binary);
        expect(frames).toHaveLength(1);
        expect(frames[0]).toMatchObject({ call: call_, kind: 'open' });
        const open = frames[0]?.open;
        expect(open).toMatchObject({
          tool: made.tool,
          session: made.session ?? '',
          metadata: made.metadata ?? {},
          stream: made.stream !== undefined,
          credit: made.stream?.credit ?? 0,
          timeout_ms: timeoutMs === Infinity ? 0 : Math.max(1, Math.ceil(timeoutMs)),
          binary_arguments: Object.fromEntries(
            names.map((name, place) => [name, attachments.length + place]),
          ),
        });
        const value = open?.arguments;
        expect(JSON.parse(String(value?.json))).toEqual(
          JSON.parse(joinJson(json).replace(/^$/u, '{}')),
        );
        expect(value?.attachments.map(({ data }) => Buffer.from(data))).toEqual([
          ...attachments,
          ...Object.values(binary),
        ]);
      }),
    );
  });

  test('is read by the generated definition as it was meant: everything else', () => {
    fc.assert(
      fc.property(id, text, map, fc.nat(), bytes, (call, session, metadata, chunks, data) => {
        const { frames } = written((writer) => {
          writeCancel(writer, call, 'deadline');
          writeCredit(writer, call, chunks);
          writeOpenSession(writer, session, metadata);
          writeCloseSession(writer, session);
          writePing(writer, call, 1_700_000_000_123.5);
        });
        expect(frames).toMatchObject([
          { call, cancel: { reason: 'deadline' } },
          { call, credit: chunks },
          { call: 0, open_session: { session_id: session, metadata } },
          { call: 0, close_session: { session_id: session, force: true } },
          {
            call,
            ping: { message: 'ping', client_time: { seconds: 1_700_000_000, nanos: 123_000_000 } },
          },
        ]);
        const writer = new ProtoWriter();
        writePieceHead(writer, call, data.length);
        const piece = reference.decode(Buffer.concat([writer.take(), data]));
        expect(piece.frames).toMatchObject([{ call, piece: {} }]);
        expect(Buffer.from(piece.frames[0]?.piece?.data ?? []).equals(data)).toBe(true);
      }),
    );
  });

  test('large attachments are announced, and follow in order; the same one twice, too', () => {
    const large = Buffer.alloc(inlineBytes - 10, 1);
    const small = Buffer.from('small');
    const made: ToolCall = {
      tool: 't',
      arguments: { json: {}, attachments: [small, large, large], binary: { also: large } },
    };
    const { frames } = written((writer) => {
      expect(writeOpen(writer, 1, made, 1)).toEqual([large, large]);
    });
    expect(
      frames[0]?.open?.arguments?.attachments.map(({ data, size }) => [data.length, size]),
    ).toEqual([
      [5, 0],
      [large.length, 0],
      [0, large.length],
      [0, large.length],
    ]);
  });
});

function toText(value: unknown): string {
  return JSON.stringify(value);
}
