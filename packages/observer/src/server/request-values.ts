import type { ActorSystem, Pid } from '@snakepit/core';
import { isObject } from '@snakepit/core';
import { Refusal } from './refusal.ts';

/** The body of a request, an object. */
export async function bodyOf(
  json: () => Promise<unknown>,
): Promise<Readonly<Record<string, unknown>>> {
  const body = await json();
  if (!isObject(body) || Array.isArray(body)) throw new Refusal(400, 'the body must be an object.');
  return body;
}

/** A whole number, not negative; `undefined` when it is not there. */
export function numberOf(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new Refusal(400, `${what} must be a whole number.`);
}

/** A short text; `undefined` when it is not there. */
export function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value.length <= 1_000) return value;
  throw new Refusal(400, `${what} must be a text of at most 1,000 characters.`);
}

/** The pids of living processes, by their numbers. */
export function pidsOf(system: ActorSystem, wanted: ReadonlySet<number>): readonly Pid[] {
  const found: Pid[] = [];
  if (wanted.size === 0) return found;
  for (const { pid } of system.processes()) {
    if (!wanted.has(pid.id)) continue;
    found.push(pid);
    if (found.length === wanted.size) break;
  }
  return found;
}

/** A living process, by the number of its pid. */
export function pidOf(system: ActorSystem, wanted: unknown): Pid {
  const number = numberOf(wanted, 'pid');
  if (number === undefined) throw new Refusal(400, 'pid is missing.');
  const [pid] = pidsOf(system, new Set([number]));
  if (pid === undefined) throw new Refusal(404, `there is no process <${String(number)}>.`);
  return pid;
}
