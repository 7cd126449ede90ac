/**
 * Whether an object shows all that it is by its members: made by a literal, not by a class. Lists are no plain objects.
 *
 * @internal
 */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Also of another realm, whose Object is another one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
