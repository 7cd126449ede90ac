import { coreError } from '../errors.ts';
import { isPlainObject } from '../plain-object.ts';
import { Pid } from '../process/pid.ts';

/**
 * What a process registers under: any plain value, compared by structure, as terms are in OTP.
 *
 * `1` and `'1'` are two keys; `['room', 1]` and another `['room', 1]` are one. A pid is itself.
 */
export type RegistryKey =
  | string
  | number
  | bigint
  | boolean
  | null
  | Pid
  | readonly RegistryKey[]
  | { readonly [member: string]: RegistryKey };

/** A key as a `Map` compares it. @internal */
export type MapKey = string | number | bigint | boolean | null | Pid;

/** How deep a key may be; what is deeper is taken for a cycle. */
const deepest = 32;

/** What the text of a composite key begins with; a plain text that does so too is written like a composite one. */
const mark = '\0';

/**
 * A key in the form that is the same exactly for equal keys: what a `Map` compares rightly, as it is.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT for what does not show its value: instances of classes, functions,
 *   symbols, `undefined`, `NaN`, cycles.
 */
export function mapKeyOf(key: RegistryKey): MapKey {
  // What keys mostly are, without making a text of it.
  if (typeof key === 'string' && !key.startsWith(mark)) return key;
  if (typeof key === 'number' && !Number.isNaN(key)) return key;
  const text = textOf(key, 0);
  if (text === undefined) throw badKey(key);
  const isItself = key === null || (typeof key !== 'object' && typeof key !== 'string');
  return isItself || key instanceof Pid ? key : mark + text;
}

function badKey(key: unknown): Error {
  return coreError('INVALID_ARGUMENT', {
    argument: 'the key',
    value: key,
    fault:
      'it must be a string, number, bigint, boolean, null, a pid, or a list or plain object of these',
    remedy: 'Use an id of the thing as the key.',
  });
}

function textOf(key: unknown, depth: number): string | undefined {
  switch (typeof key) {
    case 'string':
      return JSON.stringify(key);
    case 'number':
      return Number.isNaN(key) ? undefined : String(key);
    case 'boolean':
      return String(key);
    case 'bigint':
      return `${String(key)}n`;
    case 'object':
      if (key === null) return 'null';
      return key instanceof Pid ? key.toString() : textOfObject(key, depth);
    default:
      return undefined;
  }
}

function textOfObject(key: object, depth: number): string | undefined {
  if (depth === deepest) return undefined;
  const parts: string[] = [];
  if (Array.isArray(key)) {
    // By position, so that a hole is a member too: one without value, which is no key.
    for (const value of key) {
      const text = textOf(value, depth + 1);
      if (text === undefined) return undefined;
      parts.push(text);
    }
    return `[${parts.join(',')}]`;
  }
  // A date, a map or an instance of a class does not show its value by its members.
  if (!isPlainObject(key)) return undefined;
  for (const [name, value] of Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = textOf(value, depth + 1);
    if (text === undefined) return undefined;
    parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join(',')}}`;
}
