import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** The longest body that is read, in bytes. */
const longestBody = 64 * 1024;

/**
 * Reads a body as JSON.
 *
 * @throws {@link Refusal} 413 when it is too long, 415 when it does not say that it is JSON, 400 when it is none.
 */
export async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const type = (incoming.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new Refusal(415, 'the body must be application/json.');
  }
  if (Number(incoming.headers['content-length'] ?? 0) > longestBody) throw tooLong();
  const pieces: Buffer[] = [];
  let length = 0;
  // Node gives buffers as long as nobody sets an encoding.
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > longestBody) throw tooLong();
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
  } catch {
    throw new Refusal(400, 'the body is no JSON.');
  }
}

function tooLong(): Refusal {
  return new Refusal(413, `the body is longer than ${String(longestBody / 1024)} kB.`);
}
