import type { LifeRecord } from '@snakepit/observer';
import { clockTime, shortPath } from './text.ts';

/** What happened, as a line. */
export function lifeText({ at, what, path, inc, reason }: LifeRecord, wallOffset: number): string {
  const name = shortPath(path);
  const who = inc > 1 ? `${name} (${String(inc)})` : name;
  const why = reason === undefined ? '' : `: ${reason}`;
  return ` ${clockTime(at + wallOffset)} ${what} ${who}${why}`;
}
