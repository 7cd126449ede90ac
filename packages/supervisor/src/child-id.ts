/**
 * Names a child within its supervisor: any plain value, compared by structure (OTP SPEC-014).
 *
 * `1` and `'1'` are two ids; `['a', 1]` and another `['a', 1]` are one.
 */
export type ChildId =
  string | number | boolean | null | readonly ChildId[] | { readonly [key: string]: ChildId };

/** How deep an id may be; what is deeper is taken for a cycle. */
const deepest = 32;

/** The id as text that is equal exactly for equal ids, or `undefined` when it is no plain value. */
export function keyOfId(id: unknown): string | undefined {
  return keyAt(id, 0);
}

function keyAt(id: unknown, depth: number): string | undefined {
  switch (typeof id) {
    case 'string':
      return JSON.stringify(id);
    case 'number':
      // Object.is(0, -0) apart, numbers print differently exactly when they differ; JSON would lose NaN and Infinity.
      return String(id);
    case 'boolean':
      return String(id);
    case 'object':
      return id === null ? 'null' : keyOfObject(id, depth);
    default:
      return undefined;
  }
}

function keyOfObject(id: object, depth: number): string | undefined {
  const isList = Array.isArray(id);
  if (depth === deepest || !(isList || isPlain(id))) return undefined;
  const parts: string[] = [];
  const entries = Object.entries(id).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of isList ? Object.entries(id) : entries) {
    const key = keyAt(value, depth + 1);
    if (key === undefined) return undefined;
    parts.push(isList ? key : `${JSON.stringify(name)}:${key}`);
  }
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** A date, a map or an instance of a class does not show its value by its members. */
function isPlain(id: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(id);
  // Also of another realm, whose Object is another one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
