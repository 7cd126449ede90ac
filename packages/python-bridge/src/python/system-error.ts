/**
 * The code of an error of the operating system, such as `ENOENT`.
 *
 * Asks for the property only: errors that Node itself makes are of another realm in a vm context, where `instanceof` lies.
 */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
