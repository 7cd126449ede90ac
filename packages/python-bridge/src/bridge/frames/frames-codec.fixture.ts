import fc from 'fast-check';
import type { FrameBatch, FrameBatch__Output } from '../../gen/snakepit/bridge/FrameBatch.ts';
import { bridgeMethod } from '../service-definition.ts';

const method = bridgeMethod<FrameBatch, FrameBatch__Output>('Frames');

/** The generated definition, as protobufjs reads the proto file: what our own codec is held against. */
export const reference = {
  encode: (batch: FrameBatch): Buffer => method.requestSerialize(batch),
  decode: (data: Buffer): FrameBatch__Output => method.responseDeserialize(data),
};

/** Numbers of calls. */
export const id = fc.integer({ min: 1, max: 2 ** 32 - 1 });
/** Texts, short and long. */
export const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', minLength: 30, maxLength: 300 }),
);
/** Metadata. */
export const map = fc
  .dictionary(text, text, { maxKeys: 4 })
  .map((record) => Object.fromEntries(Object.entries(record)));
/** Bytes. */
export const bytes = fc.uint8Array({ maxLength: 300 }).map((data) => Buffer.from(data));
