import type { ActorSystem, HealthCheck } from '@snakepit/core';
import { worstOf, type HealthReport } from './health-report.ts';

/** Processes with the longest mailboxes that are named. */
const shownMailboxes = 5;
/** A process with so many messages waiting is falling behind. */
const longMailbox = 1_000;

/** What `/health/processes` answers. */
export interface ProcessesHealth {
  /** The worst of all checks and of the processes. */
  readonly status: HealthCheck['status'];
  /** When it was looked at, in milliseconds since 1970. */
  readonly at: number;
  /** The operating system process. */
  readonly runtime: {
    /** Its number. */
    readonly osPid: number;
    /** Since when it runs, in seconds. */
    readonly uptimeSeconds: number;
    /** Its memory, in bytes. */
    readonly rssBytes: number;
  };
  /** The actor processes in it. */
  readonly processes: {
    /** How many live. */
    readonly total: number;
    /** How many are in each phase. */
    readonly byStatus: Readonly<Record<string, number>>;
    /** Messages that wait, of all. */
    readonly waitingMessages: number;
    /** Those with the most messages waiting, the longest first. */
    readonly longestMailboxes: readonly {
      /** Its pid. */
      readonly pid: string;
      /** Its name, or what its definition is called. */
      readonly name: string;
      /** How many wait. */
      readonly length: number;
    }[];
  };
  /** What was found, the worst first; what it consists of is left to the other page. */
  readonly checks: readonly HealthCheck[];
}

/** What `/health/workers` answers. */
export interface WorkersHealth {
  /** The worst of all pools. */
  readonly status: HealthCheck['status'];
  /** When it was looked at, in milliseconds since 1970. */
  readonly at: number;
  /** How many workers there are of each status. */
  readonly counts: Readonly<Record<'total' | HealthCheck['status'], number>>;
  /** Each pool with its workers. */
  readonly pools: readonly (Omit<HealthCheck, 'parts'> & {
    /** Its workers. */
    readonly workers: readonly HealthCheck[];
  })[];
}

/** The health of the processes of a system. */
export function processesHealth(
  system: Pick<ActorSystem, 'processes'>,
  { at, checks }: HealthReport,
): ProcessesHealth {
  const byStatus: Record<string, number> = {};
  let total = 0;
  let waitingMessages = 0;
  let longest: { pid: string; name: string; length: number }[] = [];
  for (const { pid, name, label, status, mailboxLength: length } of system.processes()) {
    total += 1;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    waitingMessages += length;
    if (length <= (longest[shownMailboxes - 1]?.length ?? 0)) continue;
    longest.push({ pid: pid.toString(), name: name ?? label, length });
    longest = longest.sort((a, b) => b.length - a.length).slice(0, shownMailboxes);
  }
  const all = [...checks, mailboxCheck(longest)].map(withoutParts).sort(worstFirst);
  return {
    status: worstOf(all),
    at,
    runtime: {
      osPid: process.pid,
      uptimeSeconds: Math.round(process.uptime()),
      rssBytes: process.memoryUsage.rss(),
    },
    processes: { total, byStatus, waitingMessages, longestMailboxes: longest },
    checks: all,
  };
}

/** The health of the workers of all pools. */
export function workersHealth({ at, checks }: HealthReport): WorkersHealth {
  const counts = { total: 0, ok: 0, degraded: 0, down: 0 };
  const pools = checks.flatMap(({ parts: workers, ...pool }) => {
    if (workers === undefined) return [];
    for (const { status } of workers) {
      counts.total += 1;
      counts[status] += 1;
    }
    return [{ ...pool, workers }];
  });
  return { status: worstOf(pools), at, counts, pools };
}

function mailboxCheck(
  longest: readonly { readonly name: string; readonly length: number }[],
): HealthCheck {
  const [first] = longest;
  const about = { name: 'mailboxes', isStarted: true } as const;
  if (first === undefined || first.length < longMailbox) {
    return { ...about, status: 'ok', message: 'no process is falling behind' };
  }
  return {
    ...{ ...about, status: 'degraded' },
    message: `${String(first.length)} messages wait for ${first.name}`,
    remedy:
      'it gets more than it can handle: look at what it is doing, let callers wait for answers (call instead of cast), or share its work.',
  };
}

function withoutParts(check: HealthCheck): HealthCheck {
  const { parts, ...rest } = check;
  return parts === undefined ? check : rest;
}

function worstFirst(a: HealthCheck, b: HealthCheck): number {
  const rank = { down: 0, degraded: 1, ok: 2 };
  return rank[a.status] - rank[b.status];
}
