/** Whether a value is an object with named members. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is a whole number not below a limit. */
export function isWhole(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least;
}

/** A value in a message: short, and never failing. */
export function showValue(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'number') return String(value);
  try {
    // JSON has no word for undefined and symbols, whatever the types say.
    const text = (JSON.stringify(value) as string | undefined) ?? String(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  } catch {
    // A cycle or a BigInt: its type is what can be said.
    return Object.prototype.toString.call(value);
  }
}
