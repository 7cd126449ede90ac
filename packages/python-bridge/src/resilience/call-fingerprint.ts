import { createHash } from 'node:crypto';
import type { EncodedArguments } from '../bridge/codec.ts';

/** Arguments with more bytes than this have no fingerprint: to take it would hold up every other call. */
const maxFingerprintedBytes = 16 * 1024 * 1024;

/**
 * What is the same for two calls of a tool exactly when their arguments are; it does not tell what they are.
 *
 * @returns `undefined` for arguments that are too large.
 */
export function fingerprintOf(
  tool: string,
  { json, attachments, binary }: EncodedArguments,
): string | undefined {
  const texts = Object.entries(json).sort(byName);
  const bytes = Object.entries(binary).sort(byName);
  let size = 0;
  for (const [, text] of texts) size += text.length;
  for (const [, buffer] of bytes) size += buffer.byteLength;
  for (const buffer of attachments) size += buffer.byteLength;
  if (size > maxFingerprintedBytes) return undefined;
  const hash = createHash('sha256');
  // The length before each part keeps parts apart that could be cut in another place.
  const add = (part: string | Uint8Array): void => {
    hash.update(`${typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength}:`);
    hash.update(part);
  };
  add(tool);
  // Which are texts: a text and bytes that are alike are not the same.
  add(String(texts.length));
  for (const [name, part] of [...texts, ...bytes]) {
    add(name);
    add(part);
  }
  for (const part of attachments) add(part);
  return hash.digest('base64');
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
