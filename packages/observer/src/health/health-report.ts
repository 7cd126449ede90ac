import type { ActorSystem, HealthCheck, ObservationSource } from '@snakepit/core';

/** The health of a system at a moment. */
export interface HealthReport {
  /** The worst of all checks. */
  readonly status: HealthCheck['status'];
  /** When it was looked at, in milliseconds since 1970. */
  readonly at: number;
  /** How all its parts are. */
  readonly checks: readonly HealthCheck[];
}

/** Tells the health of a system, as often as anybody asks. */
export interface HealthReporter {
  /** The health a moment ago: all who ask within a while get the same answer. */
  report(): HealthReport;
}

/** How a reporter works. */
export interface HealthReporterOptions {
  /** Milliseconds for which an answer is good; default 250. */
  readonly maxAgeMs?: number | undefined;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly wallClock?: (() => number) | undefined;
}

/** How long an answer is good unless told otherwise, in milliseconds. */
const defaultMaxAgeMs = 250;

/** From best to worst. */
const order = ['ok', 'degraded', 'down'] as const;

/** The worst status of some checks; `ok` without any. */
export function worstOf(checks: readonly HealthCheck[]): HealthCheck['status'] {
  const worst = Math.max(0, ...checks.map(({ status }) => order.indexOf(status)));
  return order[worst] ?? 'down';
}

/** Makes the reporter of one system. It does nothing while nobody asks. */
export function createHealthReporter(
  { clock, observation }: Pick<ActorSystem, 'clock' | 'observation'>,
  { maxAgeMs = defaultMaxAgeMs, wallClock = Date.now }: HealthReporterOptions = {},
): HealthReporter {
  let last: HealthReport | undefined;
  let lookedAtMs = -Infinity;
  /** Those that have been there: when one goes, nobody tells of its parts any more, and that is not good news. */
  const known = new Set(observation.sources.map(({ name }) => name));
  const look = (): HealthReport => {
    const { sources } = observation;
    const checks = sources.flatMap((source) => checksOf(source));
    const present = new Set(sources.map(({ name }) => name));
    for (const name of known) if (!present.has(name)) checks.push(goneCheck(name));
    for (const name of present) known.add(name);
    return { status: worstOf(checks), at: wallClock(), checks };
  };
  return {
    report: () => {
      const nowMs = clock.now();
      if (last === undefined || nowMs - lookedAtMs >= maxAgeMs) {
        last = look();
        lookedAtMs = nowMs;
      }
      return last;
    },
  };
}

function checksOf(source: ObservationSource): readonly HealthCheck[] {
  try {
    return source.checks?.() ?? [];
  } catch (error) {
    const message = `its health cannot be told: ${error instanceof Error ? error.message : String(error)}`;
    const remedy = 'this is a fault of that part itself: report it.';
    return [{ name: source.name, status: 'down', isStarted: true, message, remedy }];
  }
}

function goneCheck(name: string): HealthCheck {
  return { name, status: 'down', isStarted: true, message: 'it was stopped' };
}
