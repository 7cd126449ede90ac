/** A value in one line, for messages; never throws. @internal */
export function showValue(value: unknown): string {
  try {
    return inOneLine(value);
  } catch {
    // Its getters or traps throw: nothing of it can be looked at.
    return `[${typeof value}]`;
  }
}

function inOneLine(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    // JSON has no word for what a toJSON makes undefined, whatever the types say.
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch {
    // A cycle or a BigInt: the type is all that can be said in one line.
  }
  return Object.prototype.toString.call(value);
}
