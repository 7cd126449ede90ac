/**
 * Code of an error of the operating system or of Node: `ENOENT`, `ERR_INVALID_ARG_VALUE`.
 *
 * Looks at the property and not at the class: an error may come from another realm, as Node's own do
 * inside `vm` contexts.
 *
 * @returns `undefined` for what has none.
 */
export function errorCode(error: unknown): string | undefined {
  const code = propertyOf(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** Text of whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = propertyOf(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

function propertyOf(value: unknown, name: 'code' | 'message'): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
