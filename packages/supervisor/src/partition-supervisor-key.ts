import { mapKeyOf, Pid, type RegistryKey } from '@snakepit/core';

/** The basis and the prime of the hash FNV-1a in its form with 32 bits. */
const fnvBasis = 0x811c9dc5;
const fnvPrime = 0x01000193;

/**
 * The partition that a key is routed to (OTP PAR-002): the same one in every process, system and run, for the same
 * number of partitions.
 *
 * An integer goes to its absolute value modulo the count, and a pid by its number; everything else by the hash FNV-1a
 * (32 bits, over the UTF-16 code units of its text).
 *
 * @param count - How many partitions there are, ≥ 1.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for a key that does not show its value, such as an instance of a class.
 */
export function partitionOf(key: RegistryKey, count: number): number {
  const known = mapKeyOf(key);
  if (typeof known === 'bigint') return Number((known < 0n ? -known : known) % BigInt(count));
  if (typeof known === 'number' && Number.isInteger(known)) return Math.abs(known) % count;
  if (known instanceof Pid) return known.id % count;
  return hashOf(String(known)) % count;
}

function hashOf(text: string): number {
  let hash = fnvBasis;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), fnvPrime);
  }
  return hash >>> 0;
}
