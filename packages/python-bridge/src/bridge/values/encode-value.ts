import { inspect, types } from 'node:util';
import { ArrowTable } from './arrow-table.ts';
import { bytesOf, dtypeOfTypedArray, isBinary } from './buffers.ts';
import { markerKey, maxAttachments, maxDepth } from './marker.ts';
import { NdArray } from './nd-array.ts';
import { isPlain, isPlainNumber, isPlainObject } from './plain.ts';
import { PythonValue } from './python-value.ts';
import { refuseInstance } from './refused-instance.ts';
import { findCycle, Found, noteStep, show, type ValueFault } from './value-fault.ts';

/** What a value is encoded for, and what it brings beside its text. */
export interface EncodeTarget {
  /** Where bytes go to which markers point; undefined for JSON as the original has it, without markers. */
  readonly attachments: Uint8Array[] | undefined;
}

/**
 * Encodes a value as JSON text, with markers for what JSON lacks.
 *
 * A value that is plain JSON costs one look at each part before `JSON.stringify`, which alone would turn NaN into null, a
 * Map into `{}` and a function into nothing, so that the tool would work on something that the caller never sent.
 *
 * @param value - The value.
 * @param path - Where it stands, for the fault's path.
 * @param target - What it is encoded for.
 * @returns The text, or why there is none.
 */
export function encodeValue(
  value: unknown,
  path: string,
  target: EncodeTarget,
): string | ValueFault {
  try {
    if (isPlain(value, 0)) return JSON.stringify(value);
    return JSON.stringify(convert(value, 0, target));
  } catch (error) {
    return faultOf(error, value, path);
  }
}

const tooDeep = `is nested deeper than ${maxDepth} levels`;

function faultOf(error: unknown, value: unknown, path: string): ValueFault {
  if (!(error instanceof Found)) {
    return {
      path,
      problem: `has a toJSON method or a getter that throws (${types.isNativeError(error) ? String(error) : inspect(error)})`,
      advice: 'pass plain data instead of the object.',
    };
  }
  const cycle = error.problem === tooDeep ? findCycle(value, maxDepth) : undefined;
  if (cycle === undefined) {
    return { path: path + show(error.trail), problem: error.problem, advice: error.advice };
  }
  return {
    path: path + show(cycle.from),
    problem: `refers to ${path}${show(cycle.to)}, which contains it (a cycle)`,
    advice: 'JSON is a tree: pass an id in place of the reference.',
  };
}

/** What `JSON.stringify` is to write in place of a value. */
function convert(value: unknown, depth: number, target: EncodeTarget): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return isPlainNumber(value) ? value : convertNumber(value, target);
    case 'object':
      return value === null ? null : convertObject(value, depth, target);
    case 'bigint':
      return convertBigInt(value, target);
    case 'undefined':
      throw new Found(
        'is undefined, which JSON does not have',
        'pass null, which is None in Python.',
      );
    case 'symbol':
      throw new Found('is a symbol', 'pass its description as a string.');
    case 'function':
      throw new Found(
        'is a function, which cannot be sent to Python',
        'register it with registerTool() and let Python call it by name.',
      );
  }
}

/** NaN, the infinities, -0, and whole numbers that a float holds only roughly. */
function convertNumber(value: number, { attachments }: EncodeTarget): unknown {
  if (attachments !== undefined) return float(value);
  return Number.isFinite(value) ? value : String(value);
}

function float(value: number): object {
  return { [markerKey]: 'float', v: Object.is(value, -0) ? '-0' : String(value) };
}

function convertBigInt(value: bigint, { attachments }: EncodeTarget): unknown {
  // Hexadecimal: both sides read any length of it at once, while decimal digits cost the square of their number.
  if (attachments !== undefined) return { [markerKey]: 'int', hex: value.toString(16) };
  throw new Found(
    'is a BigInt, which JSON does not have',
    'pass a number (Number(x)) when it is below 2**53, else a string (x.toString()) and int() in Python.',
  );
}

function convertObject(value: object, depth: number, target: EncodeTarget): unknown {
  if (depth > maxDepth) throw new Found(tooDeep, 'pass a flatter structure.');
  if (Array.isArray(value)) return convertItems(value, depth, target);
  if (!isPlainObject(value)) return convertInstance(value, depth, target);
  const replaced = replacementOf(value);
  if (replaced !== value) return convert(replaced, depth + 1, target);
  return convertRecord(value as Record<string, unknown>, depth, target);
}

// By index, because an iteration would skip nothing but `map` would skip holes.
function convertItems(items: readonly unknown[], depth: number, target: EncodeTarget): unknown[] {
  const converted = new Array<unknown>(items.length);
  for (let index = 0; index < items.length; index++) {
    try {
      converted[index] = convert(items[index], depth + 1, target);
    } catch (error) {
      noteStep(error, index);
      throw error;
    }
  }
  return converted;
}

function convertRecord(
  record: Record<string, unknown>,
  depth: number,
  target: EncodeTarget,
): unknown {
  const isEscaped = target.attachments !== undefined && Object.hasOwn(record, markerKey);
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(record)) {
    const item = record[key];
    if (item === undefined) continue;
    try {
      refuseKey(key);
      entries.push([key, convert(item, depth + (isEscaped ? 3 : 1), target)]);
    } catch (error) {
      noteStep(error, key);
      throw error;
    }
  }
  return isEscaped ? { [markerKey]: 'object', v: entries } : Object.fromEntries(entries);
}

function refuseKey(key: string): void {
  if (key !== '__proto__') return;
  throw new Found(
    'has a name with which objects of JavaScript are attacked',
    'leave the property out, or pass a Map.',
  );
}

function replacementOf(value: object): unknown {
  if (!('toJSON' in value) || typeof value.toJSON !== 'function') return value;
  return (value as { toJSON: (key: string) => unknown }).toJSON('');
}

function convertInstance(value: object, depth: number, target: EncodeTarget): unknown {
  if (types.isDate(value)) return convertDate(value, target);
  const { attachments } = target;
  if (attachments !== undefined) {
    const marker = convertBinary(value, attachments) ?? convertCollection(value, depth, target);
    if (marker !== undefined) return marker;
    if (value instanceof PythonValue) return convertPythonValue(value);
  }
  const replaced = replacementOf(value);
  if (replaced === value || types.isTypedArray(value)) return refuseInstance(value);
  return convert(replaced, depth + 1, target);
}

/** Milliseconds since 1970 of the first and the last instant of Python's datetime. */
const firstInstantMs = Date.parse('0001-01-01T00:00:00.000Z');
const lastInstantMs = Date.parse('9999-12-31T23:59:59.999Z');

function convertDate(date: Date, { attachments }: EncodeTarget): unknown {
  const ms = date.getTime();
  if (Number.isNaN(ms)) {
    throw new Found(
      'is an invalid Date',
      'check how the date was made: new Date(...) did not understand it.',
    );
  }
  if (attachments === undefined) return date.toJSON();
  if (ms < firstInstantMs || ms > lastInstantMs) {
    throw new Found(
      'is a Date beyond the years 1 to 9999, the only ones of Python',
      'pass its year, or its milliseconds, as a number.',
    );
  }
  return { [markerKey]: 'instant', ms };
}

function convertBinary(value: object, attachments: Uint8Array[]): object | undefined {
  if (value instanceof NdArray) {
    const { dtype, shape, data } = value;
    return { [markerKey]: 'array', dtype, shape, at: attach(data, attachments) };
  }
  if (value instanceof ArrowTable) {
    return { [markerKey]: 'arrow', at: attach(value.ipc, attachments) };
  }
  if (!isBinary(value)) return undefined;
  const dtype = dtypeOfTypedArray(value);
  if (dtype === undefined) return { [markerKey]: 'bytes', at: attach(value, attachments) };
  const { length } = value as Int8Array;
  return { [markerKey]: 'array', dtype, shape: [length], at: attach(value, attachments) };
}

function attach(binary: ArrayBufferView | ArrayBufferLike, attachments: Uint8Array[]): number {
  if (attachments.length >= maxAttachments) {
    throw new Found(
      `is the ${maxAttachments + 1}. binary value of this call`,
      'join them to fewer: one typed array, or one Buffer.',
    );
  }
  return attachments.push(bytesOf(binary)) - 1;
}

function convertCollection(value: object, depth: number, target: EncodeTarget): object | undefined {
  if (types.isSet(value)) {
    return { [markerKey]: 'set', v: convertItems([...value], depth + 1, target) };
  }
  if (!types.isMap(value)) return undefined;
  const pairs = [...value].map((pair, index) => {
    try {
      return convertItems(pair, depth + 2, target);
    } catch (error) {
      noteStep(error, index);
      throw error;
    }
  });
  return { [markerKey]: 'map', v: pairs };
}

function convertPythonValue({ type, value }: PythonValue): object {
  if (type === 'float' && typeof value === 'number') return float(value);
  return { [markerKey]: 'python', type, v: value };
}
