import type { ActorSystem } from '@snakepit/core';

/** A worker at one look. */
export interface WorkerSample {
  /** Its path in words: pool and id. */
  readonly id: string;
  /** Which operating system process it is: another one has other memory. */
  readonly osPid: number | undefined;
  /** Memory of its process group, in bytes. */
  readonly rssBytes: number | undefined;
  /** Heartbeats missed in a row. */
  readonly missedHeartbeats: number;
  /** Round trip of its last heartbeat, in milliseconds. */
  readonly heartbeatMs: number | undefined;
}

/** A pool at one look. */
export interface PoolSample {
  /** Its name. */
  readonly name: string;
  /** How many workers it is to have. */
  readonly size: number;
  /** How long the call has waited that waits longest, in milliseconds. */
  readonly oldestWaitMs: number;
  /** How long one may wait, in milliseconds. */
  readonly queueTimeoutMs: number | undefined;
  /** Half of its calls took at most so many milliseconds; `undefined` without calls. */
  readonly p50Ms: number | undefined;
  /** How often its workers have failed. */
  readonly failures: number;
}

/** What the detectors look at. */
export interface Sample {
  /** When, by the clock of the system. */
  readonly atMs: number;
  /** The workers. */
  readonly workers: readonly WorkerSample[];
  /** The pools. */
  readonly pools: readonly PoolSample[];
}

/** Looks at a system, through what it lets others see. */
export function takeSample(
  system: Pick<ActorSystem, 'clock' | 'observation' | 'processes'>,
): Sample {
  const { sources } = system.observation;
  // While one is replaced there are two processes of it: the younger, which comes later, is the one that stays.
  const workers = new Map<string, WorkerSample>();
  for (const info of system.processes()) {
    for (const { describe } of sources) {
      const facts = describe?.(info);
      if (facts?.role !== 'worker') continue;
      const { osPid, rssBytes, heartbeatMs, missedHeartbeats = 0, details = {} } = facts;
      const id = textOf(details['workerId']) ?? info.name ?? info.pid.toString();
      workers.set(id, { id, osPid, rssBytes, missedHeartbeats, heartbeatMs });
    }
  }
  const pools = sources.flatMap(({ panels }) => poolsOf(panels?.()['pools']));
  return { atMs: system.clock.now(), workers: [...workers.values()], pools };
}

function poolsOf(panel: unknown): readonly PoolSample[] {
  if (!Array.isArray(panel)) return [];
  return (panel as readonly unknown[]).filter(isRecord).map((row) => {
    const latency = isRecord(row['latency']) ? row['latency'] : {};
    return {
      name: textOf(row['name']) ?? '',
      size: numberOf(row['size']) ?? 1,
      oldestWaitMs: numberOf(row['oldestWaitMs']) ?? 0,
      queueTimeoutMs: numberOf(row['queueTimeoutMs']),
      p50Ms: numberOf(latency['p50Ms']),
      failures: numberOf(row['failures']) ?? 0,
    };
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
