import { isSecretName } from './secret-name.ts';

/** A value in one line, for messages; never throws. @internal */
export function showValue(value: unknown): string {
  return inOneLineOrType(value);
}

/** The same, without what its members of secret names hold: for what goes further than to who made it. @internal */
export function showOpenValue(value: unknown): string {
  return inOneLineOrType(value, (name, member) => (isSecretName(name) ? '[redacted]' : member));
}

type Replace = (name: string, member: unknown) => unknown;

function inOneLineOrType(value: unknown, replace?: Replace): string {
  try {
    return inOneLine(value, replace);
  } catch {
    // Its getters or traps throw: nothing of it can be looked at.
    return `[${typeof value}]`;
  }
}

function inOneLine(value: unknown, replace?: Replace): string {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    // JSON has no word for what a toJSON makes undefined, whatever the types say.
    const text = JSON.stringify(value, replace) as string | undefined;
    if (text !== undefined) return text;
  } catch {
    // A cycle or a BigInt: the type is all that can be said in one line.
  }
  return Object.prototype.toString.call(value);
}
