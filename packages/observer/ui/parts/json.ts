/** The members of an object; none of what is no object. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** A list; an empty one of what is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text; null of what is none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A number; null of what is none. */
export function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** The lines of a list of texts. */
export function linesOf(value: unknown): readonly string[] {
  return listOf(value).filter((line) => typeof line === 'string');
}
