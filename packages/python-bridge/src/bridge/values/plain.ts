import { markerKey, maxDepth } from './marker.ts';

const firstUnsafe = 2 ** 53;
/** From here on `JSON.stringify` writes an exponent, which Python reads as a float. */
const firstExponent = 1e21;

/**
 * Whether JSON keeps a number as it is: a whole number up to 2**53 - 1 as an int, anything else as a float.
 *
 * Beyond that a float holds whole numbers only roughly, and their decimal digits would be an int of another value.
 */
export function isPlainNumber(value: number): boolean {
  if (value === 0) return !Object.is(value, -0);
  if (value > -firstUnsafe && value < firstUnsafe) return true;
  return Math.abs(value) >= firstExponent && Number.isFinite(value);
}

/** Whether `JSON.stringify` keeps a value as it is, so that nothing has to be put in its place. */
export function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return isPlainNumber(value);
    case 'object':
      return value === null || isPlainTree(value, depth);
    default:
      return false;
  }
}

function isPlainTree(value: object, depth: number): boolean {
  // Too deep, or a cycle: the slower walk says where.
  if (depth > maxDepth) return false;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      if (!isPlain(item, depth + 1)) return false;
    }
    return true;
  }
  if (!isPlainObject(value) || ('toJSON' in value && typeof value.toJSON === 'function')) {
    return false;
  }
  for (const key of Object.keys(value)) {
    if (key === markerKey || key === '__proto__') return false;
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined && !isPlain(item, depth + 1)) return false;
  }
  return true;
}

/** Whether an object is one of `{}`, not the instance of a class. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isRootElsewhere(prototype);
}

// An object of another realm (a vm context, a test runner): its prototype is the root of its chain and not ours.
function isRootElsewhere(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  );
}
