import type { Random } from '../chaos/command/system/random.mjs';

/** Who is attacked. */
export interface Victim {
  /** `unix:/path` or `127.0.0.1:port`. */
  readonly address: string;
  /** What a rightful peer would show; attacks from outside do not use it. */
  readonly token: string;
}

/** One way to misbehave. It ends by itself within a second or two, and leaves no connection open. */
export interface Attack {
  /** For the report. */
  readonly name: string;
  /** Does it once. Never rejects: to be refused is what should happen. */
  readonly run: (victim: Victim, random: Random) => Promise<void>;
}

/** So many bytes of chance. */
export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = random.integer(0, 255);
  return bytes;
}
