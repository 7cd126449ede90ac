import { bridgeError } from '../../errors.ts';

/** What holds the elements of an {@link NdArray}. */
export type NdArrayData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A kind of typed array. */
export interface DataClass {
  /** Name of its constructor. */
  readonly name: string;
  /** Bytes of one of its elements. */
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NdArrayData;
}

/** How the elements of a numpy type are kept: in which typed array, and how many of its elements make one. */
export interface Dtype {
  /** The typed array. */
  readonly data: DataClass;
  /** Elements of the typed array for one of numpy. */
  readonly width: 1 | 2;
  /** Whether such an array of one dimension is that typed array, and nothing else, in JavaScript. */
  readonly isTwin: boolean;
}

const twin = (data: DataClass): Dtype => ({ data, width: 1, isTwin: true });

const dtypes: Readonly<Record<string, Dtype>> = {
  int8: twin(Int8Array),
  uint8: twin(Uint8Array),
  int16: twin(Int16Array),
  uint16: twin(Uint16Array),
  int32: twin(Int32Array),
  uint32: twin(Uint32Array),
  int64: twin(BigInt64Array),
  uint64: twin(BigUint64Array),
  float32: twin(Float32Array),
  float64: twin(Float64Array),
  // 0 or 1 each.
  bool: { data: Uint8Array, width: 1, isTwin: false },
  // The bits of each; newer runtimes read them with Float16Array.
  float16: { data: Uint16Array, width: 1, isTwin: false },
  // Real and imaginary part in turn.
  complex64: { data: Float32Array, width: 2, isTwin: false },
  complex128: { data: Float64Array, width: 2, isTwin: false },
};

/** Units since 1970, or of a span; the smallest value is NaT. */
const timeDtype: Dtype = { data: BigInt64Array, width: 1, isTwin: false };
const timeName = /^(?:datetime64|timedelta64)(?:\[\d{0,9}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?$/;

/** How a numpy type is kept; undefined for a name that is none. */
export function dtypeOf(name: string): Dtype | undefined {
  if (Object.hasOwn(dtypes, name)) return dtypes[name];
  return timeName.test(name) ? timeDtype : undefined;
}

/** numpy cannot have more dimensions. */
const maxDimensions = 32;

/** How many elements an array of a shape has; undefined for what is no shape. */
export function countOf(shape: unknown): number | undefined {
  if (!Array.isArray(shape) || shape.length > maxDimensions) return undefined;
  let count = 1;
  for (const length of shape as unknown[]) {
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) return undefined;
    count *= length;
  }
  return Number.isSafeInteger(count) ? count : undefined;
}

/** What an {@link NdArray} is made of. */
export interface NdArrayParts {
  /**
   * Name of the numpy type: `int8` to `int64`, `uint8` to `uint64`, `float32`, `float64`; `bool` (0 or 1 in a Uint8Array),
   * `float16` (its bits in a Uint16Array), `complex64` and `complex128` (real and imaginary part in turn),
   * `datetime64[ns]` and `timedelta64[ns]` with any unit (a BigInt64Array).
   */
  readonly dtype: string;
  /** Length of each dimension; `[]` for a single element. */
  readonly shape: readonly number[];
  /** The elements, row by row (the last index runs fastest). */
  readonly data: NdArrayData;
}

/**
 * An array of numpy: of more than one dimension, or of a type for which JavaScript has no typed array.
 *
 * @example
 * ```ts
 * const matrix = new NdArray({ dtype: 'float32', shape: [2, 3], data: new Float32Array(6) });
 * ```
 */
export class NdArray implements NdArrayParts {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: NdArrayData;

  /**
   * @throws SnakepitError INVALID_ARGUMENT, when type, shape and data do not fit together.
   */
  constructor({ dtype, shape, data }: NdArrayParts) {
    const known = dtypeOf(dtype);
    if (known === undefined) refuse(`has an unknown dtype ${JSON.stringify(dtype)}`);
    const count = countOf(shape);
    if (count === undefined) refuse('has a shape that is no list of lengths');
    if (data[Symbol.toStringTag] !== known.data.name) {
      refuse(`of ${dtype} needs its data in a ${known.data.name}`);
    }
    if (data.length !== count * known.width) {
      refuse(`of shape [${shape.join(', ')}] does not have ${data.length} elements`);
    }
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }
}

function refuse(problem: string): never {
  const advice = 'give dtype, shape and data as numpy has them.';
  throw bridgeError('INVALID_ARGUMENT', { path: 'the NdArray', problem, advice });
}
