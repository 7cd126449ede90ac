import { isBinary } from './buffers.ts';
import { Found } from './value-fault.ts';

/** Refuses the instance of a class. */
export function refuseInstance(value: object): never {
  const name = className(value);
  if (isBinary(value)) {
    throw new Found(
      `is binary data (${name}) inside of another value`,
      name === 'Buffer' || name === 'Uint8Array'
        ? 'pass it as an argument of its own, which is sent as bytes, or as a base64 string.'
        : 'pass Array.from(x) for numbers, or Buffer.from(x.buffer) as an argument of its own for bytes.',
    );
  }
  throw new Found(`is an instance of ${name}, which JSON would not keep`, adviceFor(name));
}

function className(value: object): string {
  const maker: unknown = value.constructor;
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'an unnamed class';
}

function adviceFor(name: string): string {
  switch (name) {
    case 'Map':
      return 'pass Object.fromEntries(map).';
    case 'Set':
      return 'pass [...set].';
    case 'Promise':
      return 'await it first.';
    case 'RegExp':
      return 'pass its source as a string.';
    default:
      return 'pass a plain object such as { ...value }, or give the class a toJSON() method.';
  }
}
