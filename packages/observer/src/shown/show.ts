import { types } from 'node:util';
import { isObject, isSecretName, Pid } from '@snakepit/core';
import type { Redact } from '../observe-options.ts';
import type { ContextMode } from '../protocol.ts';

/** What is shown of a value at most. */
const deepest = 6;
const longestText = 2_000;
const longestList = 100;
const mostMembers = 200;
const mostCharacters = 256 * 1024;
/** What stands for a value that is missing, where a place has to be held. */
const missing = '[undefined]';

/** Makes values of a running system fit to leave it: plain JSON, cut to size, without secrets. */
export interface Shower {
  /** All of a value that may be shown. */
  readonly show: (value: unknown) => unknown;
  /** The same of a context or a message, of which perhaps only the names of its members, or nothing, may be shown. */
  readonly showData: (value: unknown) => unknown;
  /** One for values that leave together: it shows of all of them no more than of a single one. */
  readonly together: () => Shower;
}

/**
 * Makes one.
 *
 * @param mode - How much of contexts and messages is shown.
 * @param redact - The user's own redaction.
 */
export function createShower(mode: ContextMode, redact?: Redact): Shower {
  const shower = (walk: () => Walk): Shower => {
    const show = (value: unknown): unknown => walk().top(value);
    return {
      show,
      showData: (value) => {
        if (mode === 'full') return show(value);
        return mode === 'keys' && isObject(value) ? namesIn(value) : null;
      },
      together: () => {
        const shared = new Walk(redact);
        return shower(() => shared);
      },
    };
  };
  return shower(() => new Walk(redact));
}

/** The names of the members; a list or a table of data has none that may be shown. */
function namesIn(value: object): readonly string[] {
  try {
    // Looking at a proxy would run its code.
    return Array.isArray(value) || types.isProxy(value)
      ? []
      : Object.keys(value).slice(0, mostMembers);
  } catch {
    return [];
  }
}

/** Values on their way out. Runs no code of it: no getter, no toJSON; what cannot be looked at says so. */
class Walk {
  readonly #redact: Redact | undefined;
  #left = mostCharacters;

  constructor(redact: Redact | undefined) {
    this.#redact = redact;
  }

  /** A value that is in nothing else. */
  top(value: unknown): unknown {
    return this.value(this.#redacted('', value, []), [], []);
  }

  /** @param above - The objects that this value is in: only they can make a circle, what is merely shared does not. */
  value(value: unknown, path: readonly string[], above: readonly object[]): unknown {
    if (this.#left <= 0) return '[cut: too much]';
    const shown = this.#any(value, path, above);
    // A number is no longer than this.
    this.#left -= typeof shown === 'string' ? shown.length + 2 : 25;
    return shown;
  }

  #any(value: unknown, path: readonly string[], above: readonly object[]): unknown {
    switch (typeof value) {
      case 'string':
        return cut(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
        return value;
      case 'bigint':
        return `${cut(value.toString())}n`;
      case 'undefined':
        return missing;
      case 'symbol':
        return cut(value.toString());
      case 'function':
        return '[function]';
      default:
        return isObject(value) ? this.#guarded(value, path, above) : null;
    }
  }

  #guarded(value: object, path: readonly string[], above: readonly object[]): unknown {
    try {
      // Looking at a proxy would run its code.
      if (types.isProxy(value)) return '[proxy]';
      if (value instanceof Pid) return value.toString();
      if (above.includes(value)) return '[circle]';
      if (above.length >= deepest) return Array.isArray(value) ? '[cut: list]' : '[cut: object]';
      return this.#object(value, path, [...above, value]);
    } catch {
      // A host object may refuse anything.
      return '[unreadable]';
    }
  }

  #object(value: object, path: readonly string[], above: readonly object[]): unknown {
    if (Array.isArray(value)) return this.#list(value, path, above);
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      return `[${nameOf(value)}, ${String(value.byteLength)} bytes]`;
    }
    if (types.isDate(value)) {
      const atMs = Date.prototype.getTime.call(value);
      return Number.isNaN(atMs) ? '[no date]' : new Date(atMs).toISOString();
    }
    if (types.isMap(value)) return this.#map(value, path, above);
    if (types.isSet(value)) {
      const values = [...take(Set.prototype.values.call(value))];
      return { '[Set]': this.#list(values, path, above, sizeOf(value)) };
    }
    return this.#members(value, path, above);
  }

  #list(
    list: readonly unknown[],
    path: readonly string[],
    above: readonly object[],
    length = list.length,
  ): unknown[] {
    const shown: unknown[] = [];
    for (let index = 0; index < Math.min(list.length, longestList) && this.#left > 0; index += 1) {
      shown.push(this.#member(list, String(index), path, above) ?? missing);
    }
    if (length > shown.length) shown.push(`[cut: ${String(length - shown.length)} more]`);
    return shown;
  }

  #map(
    map: ReadonlyMap<unknown, unknown>,
    path: readonly string[],
    above: readonly object[],
  ): unknown {
    const entries: unknown[][] = [];
    for (const [key, value] of take(Map.prototype.entries.call(map))) {
      if (this.#left <= 0) break;
      const name = typeof key === 'string' ? key : '';
      const shown = this.value(key, path, above);
      entries.push([shown, this.#named(name, value, [...path, name], above) ?? missing]);
    }
    const rest = sizeOf(map) - entries.length;
    if (rest > 0) entries.push([`[cut: ${String(rest)} more]`]);
    return { '[Map]': entries };
  }

  #members(value: object, path: readonly string[], above: readonly object[]): unknown {
    const isError = types.isNativeError(value);
    const names = Object.keys(value);
    // What says what an error is cannot be enumerated.
    const own = isError ? [...new Set(['message', 'stack', 'cause', ...names])] : names;
    const shown: Record<string, unknown> = {};
    if (isError) define(shown, 'name', nameOf(value));
    let count = 0;
    for (const name of own) {
      if (count === mostMembers || this.#left <= 0) break;
      count += 1;
      if (!Object.hasOwn(value, name)) continue;
      const member = this.#member(value, name, path, above);
      // As in JSON: what has no value is not there.
      if (member !== undefined) define(shown, cut(name), member);
    }
    if (own.length > count) define(shown, '[cut]', `${String(own.length - count)} more`);
    return shown;
  }

  /** What is shown of a member; `undefined` of one that has no value. */
  #member(of: object, name: string, path: readonly string[], above: readonly object[]): unknown {
    this.#left -= name.length + 4;
    const found = Object.getOwnPropertyDescriptor(of, name);
    if (found === undefined) return '[nothing]';
    if (!('value' in found)) return '[computed]';
    return this.#named(name, found.value, [...path, name], above);
  }

  #named(name: string, value: unknown, path: readonly string[], above: readonly object[]): unknown {
    const next = this.#redacted(name, value, path);
    if (next === undefined) return undefined;
    if (isSecretName(name)) return '[redacted]';
    return this.value(next, path, above);
  }

  #redacted(name: string, value: unknown, path: readonly string[]): unknown {
    if (this.#redact === undefined) return value;
    try {
      return this.#redact(value, name, path);
    } catch {
      // Better nothing than what should have been hidden.
      return '[redaction failed]';
    }
  }
}

function* take<T>(values: Iterable<T>): IterableIterator<T> {
  let count = 0;
  for (const value of values) {
    if (count >= longestList) return;
    count += 1;
    yield value;
  }
}

/** Sets a member whatever it is called; `__proto__` would be no member otherwise. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true });
}

/** The name of its class, found without running any of its code. */
function nameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isObject(prototype)) return 'object';
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof maker === 'function' ? cut(maker.name) : 'object';
}

function sizeOf(value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): number {
  const prototype = types.isMap(value) ? Map.prototype : Set.prototype;
  return Number(Object.getOwnPropertyDescriptor(prototype, 'size')?.get?.call(value));
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}[cut]` : text;
}
