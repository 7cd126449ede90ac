/** Why a value cannot travel as JSON: where it is, what it is, what to do. */
export interface JsonFault {
  /** Path in JavaScript notation, such as `args.items[3].n`. */
  readonly path: string;
  /** What is there, to be read after the path: `is a BigInt`. */
  readonly problem: string;
  /** What to do about it: a sentence. */
  readonly advice: string;
}

/** How deep values may be nested; Python's parser gives up at about a thousand. */
const maxDepth = 500;

type Trail = readonly (string | number)[];

/** Ends the walk; caught by {@link findJsonFault} and seen by nobody else. */
class Found extends Error {
  readonly problem: string;
  readonly advice: string;
  readonly trail: (string | number)[] = [];

  constructor(problem: string, advice: string) {
    super(problem);
    this.problem = problem;
    this.advice = advice;
  }
}

/**
 * Looks for the first thing in a value that JSON would drop, change or refuse.
 *
 * `JSON.stringify` alone would turn NaN into null, a Map into `{}` and a function into nothing, so that the tool would
 * work on something the caller never sent.
 *
 * @param value - The value.
 * @param path - Where it stands, for the fault's path.
 * @returns The fault, or undefined when the value survives the way to Python and back.
 */
export function findJsonFault(value: unknown, path: string): JsonFault | undefined {
  try {
    check(value, 0);
    return undefined;
  } catch (error) {
    if (!(error instanceof Found)) {
      return {
        path,
        problem: `has a toJSON method or a getter that throws (${String(error)})`,
        advice: 'pass plain data instead of the object.',
      };
    }
    const cycle = error.problem === tooDeep ? findCycle(value) : undefined;
    if (cycle === undefined) {
      return { path: path + show(error.trail), problem: error.problem, advice: error.advice };
    }
    return {
      path: path + show(cycle.from),
      problem: `refers to ${path}${show(cycle.to)}, which contains it (a cycle)`,
      advice: 'JSON is a tree: pass an id in place of the reference.',
    };
  }
}

const tooDeep = `is nested deeper than ${maxDepth} levels`;

// The trail is put together only while an error unwinds: a value without fault costs no path.
function check(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      throw new Found(
        `is ${value}, which JSON does not have`,
        'pass null or a string such as "nan", and let the tool turn it into float("nan").',
      );
    case 'undefined':
      throw new Found(
        'is undefined, which JSON does not have',
        'pass null, which is None in Python.',
      );
    case 'bigint':
      throw new Found(
        'is a BigInt, which JSON does not have',
        'pass a number (Number(x)) when it is below 2**53, else a string (x.toString()) and int() in Python.',
      );
    case 'symbol':
      throw new Found('is a symbol', 'pass its description as a string.');
    case 'function':
      throw new Found(
        'is a function, which cannot be sent to Python',
        'register it with registerTool() and let Python call it by name.',
      );
    case 'object':
      if (value !== null) checkObject(value, depth);
  }
}

function checkObject(value: object, depth: number): void {
  if (depth > maxDepth) throw new Found(tooDeep, 'pass a flatter structure.');
  if (Array.isArray(value)) {
    // By index, because an iteration would skip nothing but `forEach` would skip holes.
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index];
      if (typeof item === 'number' ? !Number.isFinite(item) : typeof item !== 'string') {
        checkAt(item, depth, index);
      }
    }
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    if (!isPlainElsewhere(prototype)) {
      checkInstance(value, depth);
      return;
    }
  }
  if (checkToJson(value, depth)) return;
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (typeof item !== 'string' && item !== undefined) checkAt(item, depth, key);
  }
}

function checkAt(item: unknown, depth: number, step: string | number): void {
  try {
    check(item, depth + 1);
  } catch (error) {
    if (error instanceof Found) error.trail.unshift(step);
    throw error;
  }
}

function checkToJson(value: object, depth: number): boolean {
  if (!('toJSON' in value) || typeof value.toJSON !== 'function') return false;
  const replaced: unknown = (value as { toJSON: (key: string) => unknown }).toJSON('');
  if (replaced !== value) check(replaced, depth + 1);
  return true;
}

function checkInstance(value: object, depth: number): void {
  if (ArrayBuffer.isView(value) || isTagged(value, 'ArrayBuffer')) {
    const name = className(value);
    throw new Found(
      `is binary data (${name}) inside of another value`,
      name === 'Buffer' || name === 'Uint8Array'
        ? 'pass it as an argument of its own, which is sent as bytes, or as a base64 string.'
        : 'pass Array.from(x) for numbers, or Buffer.from(x.buffer) as an argument of its own for bytes.',
    );
  }
  if (isTagged(value, 'Date') && Number.isNaN(Number(value))) {
    throw new Found(
      'is an invalid Date',
      'check how the date was made: new Date(...) did not understand it.',
    );
  }
  if (checkToJson(value, depth)) return;
  const name = className(value);
  throw new Found(`is an instance of ${name}, which JSON would not keep`, instanceAdvice(name));
}

function instanceAdvice(name: string): string {
  switch (name) {
    case 'Map':
      return 'pass Object.fromEntries(map).';
    case 'Set':
      return 'pass [...set].';
    case 'Promise':
      return 'await it first.';
    case 'RegExp':
      return 'pass its source as a string.';
    default:
      return 'pass a plain object such as { ...value }, or give the class a toJSON() method.';
  }
}

// An object of another realm (a vm context, a test runner): its prototype is the root of its chain and not ours.
function isPlainElsewhere(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  );
}

function isTagged(value: object, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

function className(value: object): string {
  const maker: unknown = value.constructor;
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'an unnamed class';
}

function findCycle(root: unknown): { readonly from: Trail; readonly to: Trail } | undefined {
  const ancestors: object[] = [];
  const trail: (string | number)[] = [];
  const visit = (value: unknown): { from: Trail; to: Trail } | undefined => {
    if (typeof value !== 'object' || value === null || ancestors.length > maxDepth) {
      return undefined;
    }
    const at = ancestors.indexOf(value);
    if (at >= 0) return { from: [...trail], to: trail.slice(0, at) };
    ancestors.push(value);
    for (const [key, item] of Object.entries(value) as [string, unknown][]) {
      trail.push(Array.isArray(value) ? Number(key) : key);
      const found = visit(item);
      if (found !== undefined) return found;
      trail.pop();
    }
    ancestors.pop();
    return undefined;
  };
  return visit(root);
}

function show(trail: Trail): string {
  return trail
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`;
      return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('');
}
