import { inspect } from 'node:util';
import { bridgeError } from '../../errors.ts';

/** Types of Python that have no twin in JavaScript, and what {@link asPython} takes for each. */
export interface PythonTypes {
  /** A whole number that is to be a `float`; every other number is one by itself. */
  readonly float: number;
  /** Digits, such as `'12.30'`. */
  readonly decimal: string;
  /** The 32 hexadecimal digits, with or without hyphens. */
  readonly uuid: string;
  /** `'2026-01-31'`. */
  readonly date: string;
  /** `'12:30:00'`, with microseconds and offset if wanted. */
  readonly time: string;
  /** `'2026-01-31T12:30:00.123456'`: without an offset it is naive. A Date, which is an instant, needs no such help. */
  readonly datetime: string;
  /** Seconds. */
  readonly timedelta: number;
}

/** A value that is to be of a certain type in Python; see {@link asPython}. */
export class PythonValue {
  /** Name of the type. */
  readonly type: keyof PythonTypes;
  /** The value, as JavaScript has it. */
  readonly value: string | number;

  /** @internal */
  constructor(type: keyof PythonTypes, value: string | number) {
    this.type = type;
    this.value = value;
  }
}

const shapes: Readonly<Record<keyof PythonTypes, RegExp | 'number'>> = {
  float: 'number',
  decimal: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:Infinity|NaN)$/,
  uuid: /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i,
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?$/,
  datetime: /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?$/,
  timedelta: 'number',
};

/**
 * Says of which type a value is to be when it arrives in Python, where JavaScript has no such type.
 *
 * @example
 * ```ts
 * await snakepit.execute('pay', { amount: asPython('decimal', '12.30'), rate: asPython('float', 5) });
 * ```
 * @param type - Name of the type in Python.
 * @param value - The value as text or number, see {@link PythonTypes}.
 * @throws SnakepitError INVALID_ARGUMENT, when it does not look like one.
 */
export function asPython<T extends keyof PythonTypes>(type: T, value: PythonTypes[T]): PythonValue {
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  const fits =
    shape === 'number'
      ? typeof value === 'number' && (type === 'float' || Number.isFinite(value))
      : typeof value === 'string' && shape?.test(value) === true;
  if (!fits) {
    throw bridgeError('INVALID_ARGUMENT', {
      path: `asPython(${inspect(type)})`,
      // Whatever a program without types passes.
      problem: `cannot be made of ${inspect(value, { depth: 0, maxStringLength: 80 })}`,
      advice: `the types are ${Object.keys(shapes).join(', ')}, each with its own form of value.`,
    });
  }
  return new PythonValue(type, value);
}
