import { types } from 'node:util';
import type { DataClass, NdArrayData } from './nd-array.ts';

/** numpy's names of the typed arrays; a Uint8Array, of which Buffer is one, is bytes. */
const dtypesByTag: Readonly<Record<string, string>> = {
  Int8Array: 'int8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
};

/** numpy's name of the elements of a typed array; undefined for what is bytes. */
export function dtypeOfTypedArray(value: ArrayBufferView | ArrayBufferLike): string | undefined {
  return dtypesByTag[(value as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag]];
}

/** Whether a value is binary data. */
export function isBinary(value: unknown): value is ArrayBufferView | ArrayBufferLike {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/** Whether a value is binary data that is `bytes` in Python, and no array of numbers. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBufferLike {
  return typeof value === 'object' && isBinary(value) && dtypeOfTypedArray(value) === undefined;
}

/** The memory of binary data, not a copy. */
export function bytesOf(binary: ArrayBufferView | ArrayBufferLike): Uint8Array {
  if (ArrayBuffer.isView(binary)) {
    return new Uint8Array(binary.buffer, binary.byteOffset, binary.byteLength);
  }
  return new Uint8Array(binary);
}

/** The memory of an attachment as Buffer, not a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The memory of an attachment as typed array; copied only where it does not lie as the processor needs it. */
export function viewOf(bytes: Uint8Array, data: DataClass): NdArrayData {
  const size = data.BYTES_PER_ELEMENT;
  const length = bytes.byteLength / size;
  if (bytes.byteOffset % size === 0) return new data(bytes.buffer, bytes.byteOffset, length);
  // Not the slice of Buffer, which shares the memory.
  const copy = Uint8Array.prototype.slice.call(bytes);
  return new data(copy.buffer, copy.byteOffset, length);
}
