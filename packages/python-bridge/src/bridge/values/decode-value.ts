import { isUtf8 } from 'node:buffer';
import { inspect } from 'node:util';
import { ArrowTable } from './arrow-table.ts';
import { bufferOf, viewOf } from './buffers.ts';
import { markerKey, maxAttachments, maxDepth } from './marker.ts';
import { countOf, dtypeOf, NdArray } from './nd-array.ts';
import { Found, noteStep, show } from './value-fault.ts';

/** Buffers that came beside JSON texts, each to be pointed to at most once: no peer can make us copy one again and again. */
export class Attachments {
  readonly #buffers: readonly Uint8Array[];
  readonly #taken: boolean[] = [];

  constructor(buffers: readonly Uint8Array[]) {
    this.#buffers = buffers;
  }

  /** How many there are. */
  get count(): number {
    return this.#buffers.length;
  }

  /** The one at a place. */
  take(at: unknown): Buffer {
    if (typeof at !== 'number' || at > maxAttachments || this.#taken[at] === true) return lost(at);
    const buffer = this.#buffers[at];
    if (buffer === undefined) return lost(at);
    this.#taken[at] = true;
    return bufferOf(buffer);
  }
}

function lost(at: unknown): never {
  throw new Found(`points to attachment ${JSON.stringify(at)}, which is not there`);
}

/** Why a text is no value, as the end of a sentence. */
export class Undecodable extends Error {}

/**
 * Decodes JSON text that may hold markers.
 *
 * A text without the key of markers, which is most of them, costs a search for that key besides `JSON.parse`.
 *
 * @param json - The text, or its UTF-8.
 * @param attachments - What its markers point to; undefined for JSON as the original has it, without markers.
 * @throws Undecodable, with the path of what makes no sense.
 */
export function decodeText(
  json: Uint8Array | string,
  attachments: Attachments | undefined,
): unknown {
  const { parsed, needsWalk } = parseText(json, attachments !== undefined);
  return needsWalk ? reviveWhole(parsed, attachments) : parsed;
}

/** What a text holds, and whether that has to go through {@link reviveWhole}. */
export interface Parsed {
  /** As JSON has it. */
  readonly parsed: unknown;
  /** Whether there may be markers in it, or what must not be. */
  readonly needsWalk: boolean;
}

/**
 * The first half of {@link decodeText}, for many values in one text.
 *
 * @param hasMarkers - Whether it may have any.
 * @throws Undecodable.
 */
export function parseText(json: Uint8Array | string, hasMarkers: boolean): Parsed {
  const text = typeof json === 'string' ? json : textOf(json);
  return { parsed: parse(text), needsWalk: needsWalk(text, hasMarkers) };
}

/**
 * The second half of {@link decodeText}: puts into a value what its markers stand for.
 *
 * @throws Undecodable.
 */
export function reviveWhole(value: unknown, attachments: Attachments | undefined): unknown {
  try {
    return revive(value, 0, attachments);
  } catch (error) {
    if (error instanceof Found) {
      throw new Undecodable(`value${show(error.trail)} ${error.problem}`);
    }
    // A Set or a Map has its limits, too.
    throw new Undecodable(`a value cannot be made (${String(error)})`, { cause: error });
  }
}

function textOf(utf8: Uint8Array): string {
  const text = bufferOf(utf8).toString('utf8');
  // What is no UTF-8 has become this character, which may be in the text by right, too.
  if (text.includes('\ufffd') && !isUtf8(utf8)) {
    throw new Undecodable(`a value is not UTF-8: ${JSON.stringify(text.slice(0, 80))}`);
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const problem = `a value is not JSON: ${JSON.stringify(text.slice(0, 80))}`;
    throw new Undecodable(problem, { cause });
  }
}

// A name may be escaped, letter by letter.
function needsWalk(text: string, hasMarkers: boolean): boolean {
  return (
    (hasMarkers && text.includes(markerKey)) || text.includes('__proto__') || text.includes('\\u')
  );
}

/** A part of a value with everything in it that its markers stand for; the arrays and objects are the same ones. */
function revive(value: unknown, depth: number, attachments: Attachments | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) throw new Found(`is nested deeper than ${maxDepth} levels`);
  if (Array.isArray(value)) {
    reviveItems(value, depth, attachments);
    return value;
  }
  const record = value as Record<string, unknown>;
  if (attachments !== undefined && Object.hasOwn(record, markerKey)) {
    return reviveMarker(record, depth, attachments);
  }
  for (const key of Object.keys(record)) {
    if (key === '__proto__') {
      throw new Found('has the key "__proto__", with which objects of JavaScript are attacked');
    }
    const item = record[key];
    if (typeof item !== 'object' || item === null) continue;
    try {
      record[key] = revive(item, depth + 1, attachments);
    } catch (error) {
      noteStep(error, key);
      throw error;
    }
  }
  return record;
}

function reviveItems(items: unknown[], depth: number, attachments: Attachments | undefined): void {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (typeof item !== 'object' || item === null) continue;
    try {
      items[index] = revive(item, depth + 1, attachments);
    } catch (error) {
      noteStep(error, index);
      throw error;
    }
  }
}

function reviveMarker(
  marker: Readonly<Record<string, unknown>>,
  depth: number,
  attachments: Attachments,
): unknown {
  switch (marker[markerKey]) {
    case 'bytes':
      return attachments.take(marker['at']);
    case 'array':
      return reviveArray(marker, attachments);
    case 'arrow':
      return new ArrowTable(attachments.take(marker['at']));
    case 'int':
      return reviveInt(marker['hex']);
    case 'float':
      return reviveFloat(marker['v']);
    case 'instant':
      return reviveInstant(marker['ms']);
    case 'set':
      return reviveSet(marker['v'], depth, attachments);
    case 'map':
      return reviveMap(marker['v'], depth, attachments);
    case 'object':
      return reviveObject(marker['v'], depth, attachments);
    default:
      return malformed(marker);
  }
}

function malformed(marker: unknown): never {
  // Not JSON: parts of it may have become what JSON lacks, and it may be nested as deep as its sender likes.
  const shown = inspect(marker, {
    depth: 2,
    maxArrayLength: 5,
    maxStringLength: 80,
    breakLength: Infinity,
  });
  throw new Found(`is no marker that is known: ${shown.slice(0, 200)}`);
}

function reviveInt(hex: unknown): bigint {
  if (typeof hex !== 'string' || !/^-?[0-9a-f]+$/.test(hex)) return malformed(hex);
  try {
    return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
  } catch (error) {
    // More than a thousand million bits.
    throw new Found(`is a number beyond what a BigInt holds (${String(error)})`);
  }
}

function reviveFloat(text: unknown): number {
  if (text === 'NaN') return NaN;
  if (text === 'Infinity') return Infinity;
  return text === '-Infinity' ? -Infinity : malformed(text);
}

function reviveInstant(ms: unknown): Date {
  const date = new Date(typeof ms === 'number' ? ms : NaN);
  return Number.isNaN(date.getTime()) ? malformed(ms) : date;
}

function reviveArray(
  { dtype, shape, at }: Readonly<Record<string, unknown>>,
  attachments: Attachments,
): unknown {
  const known = typeof dtype === 'string' ? dtypeOf(dtype) : undefined;
  const count = countOf(shape);
  if (known === undefined || count === undefined) return malformed({ dtype, shape });
  const bytes = attachments.take(at);
  const needed = count * known.width * known.data.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== needed) {
    throw new Found(`is an array of ${needed} bytes, but ${bytes.byteLength} came`);
  }
  const data = viewOf(bytes, known.data);
  const lengths = shape as readonly number[];
  if (known.isTwin && lengths.length === 1) return data;
  return new NdArray({ dtype: String(dtype), shape: lengths, data });
}

function itemsOf(items: unknown, depth: number, attachments: Attachments): unknown[] {
  if (!Array.isArray(items)) return malformed(items);
  reviveItems(items, depth + 1, attachments);
  return items;
}

function reviveSet(items: unknown, depth: number, attachments: Attachments): Set<unknown> {
  const all = itemsOf(items, depth, attachments);
  const set = new Set(all);
  if (set.size !== all.length) throw new Found('is a set with two members that are the same here');
  return set;
}

function reviveMap(pairs: unknown, depth: number, attachments: Attachments): Map<unknown, unknown> {
  const all = itemsOf(pairs, depth, attachments);
  const map = new Map(all.map((pair) => asPair(pair)));
  if (map.size !== all.length) throw new Found('is a dict with two keys that are the same here');
  return map;
}

function reviveObject(pairs: unknown, depth: number, attachments: Attachments): object {
  const entries = itemsOf(pairs, depth, attachments).map((pair) => asPair(pair));
  for (const [key] of entries) {
    if (typeof key !== 'string' || key === '__proto__') return malformed(pairs);
  }
  return Object.fromEntries(entries) as object;
}

function asPair(pair: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(pair) || pair.length !== 2) return malformed(pair);
  return [pair[0], pair[1]];
}
