import { expect } from '@jest/globals';
import type { ActorSystem } from '@snakepit/core';
import { quietSystem } from './actors.fixture.ts';
import { observe, type Observer } from './observe.ts';
import type { ActorRow, LiveLine } from './protocol.ts';
import type { Reader } from './viewer.fixture.ts';

/** A system that is observed, often, and ended in the end. */
export async function observed(
  run: (observer: Observer, system: ActorSystem) => Promise<void>,
): Promise<void> {
  const system = quietSystem();
  const observer = await observe(system, { hz: 20 });
  try {
    await run(observer, system);
  } finally {
    await system.stop();
  }
}

/** What the table must say of each process, as far as it does not depend on when somebody looked. */
export function truth(system: ActorSystem): readonly unknown[] {
  return [...system.processes()]
    .map((process) => [
      process.pid.id,
      process.parent.id,
      process.label,
      process.behaviour,
      process.status,
      typeof process.stateValue === 'string' ? process.stateValue : null,
      process.mailboxLength,
    ])
    .sort(byPid);
}

/** The same of a reader's table. */
export function shown(rows: ReadonlyMap<number, ActorRow>): readonly unknown[] {
  return Array.from(rows.values(), ({ pid, parent, label, kind, status, value, mbox }) => [
    pid,
    parent,
    label,
    kind,
    status,
    value,
    mbox,
  ]).sort(byPid);
}

function byPid([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return Number(a) - Number(b);
}

/** Resolves when a reader's table is what there is. */
export async function agrees(reader: Reader, system: ActorSystem): Promise<void> {
  const same = (): boolean =>
    JSON.stringify(shown(reader.mirror.rows)) === JSON.stringify(truth(system));
  await reader.until(() => (same() ? true : undefined)).catch(() => undefined);
  expect(shown(reader.mirror.rows)).toEqual(truth(system));
}

/** The numbers of the tables and deltas, in order. */
export function numbers(lines: readonly LiveLine[]): readonly (readonly [string, number])[] {
  return lines.flatMap((line) =>
    line.k === 'snap' || line.k === 'delta' ? [[line.k, line.seq] as const] : [],
  );
}

/** Whether each delta follows what was before it. */
export function expectNoGap(lines: readonly LiveLine[]): void {
  let last: number | undefined;
  for (const [kind, seq] of numbers(lines)) {
    if (kind === 'delta' && last !== undefined) expect(seq).toBe(last + 1);
    last = seq;
  }
}
