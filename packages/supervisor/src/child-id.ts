/**
 * Names a child within its supervisor: any plain value, compared by structure (OTP SPEC-014).
 *
 * `1` and `'1'` are two ids; `['a', 1]` and another `['a', 1]` are one.
 */
export type ChildId =
  string | number | boolean | null | readonly ChildId[] | { readonly [key: string]: ChildId };

/** The id as text that is equal exactly for equal ids, or `undefined` when it is no plain value. */
export function keyOfId(id: unknown): string | undefined {
  switch (typeof id) {
    case 'string':
      return JSON.stringify(id);
    case 'number':
      // Object.is(0, -0) apart, numbers print differently exactly when they differ; JSON would lose NaN and Infinity.
      return String(id);
    case 'boolean':
      return String(id);
    case 'object':
      return id === null ? 'null' : keyOfObject(id);
    default:
      return undefined;
  }
}

function keyOfObject(id: object): string | undefined {
  const isList = Array.isArray(id);
  const parts: string[] = [];
  const entries = Object.entries(id).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of isList ? Object.entries(id) : entries) {
    const key = keyOfId(value);
    if (key === undefined) return undefined;
    parts.push(isList ? key : `${JSON.stringify(name)}:${key}`);
  }
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}
