import type { HealthCheck } from '@snakepit/core';
import type { HealthReport } from './health-report.ts';

/** The name of a probe, as in its path. */
export type ProbeName = 'livez' | 'readyz' | 'startupz';

/** All probes. */
export const probeNames: readonly ProbeName[] = ['livez', 'readyz', 'startupz'];

/**
 * Whether a check lets a probe pass. Alive: it may still get better by itself, so nobody need restart the program; ready:
 * it serves, if with less than it should have; started: it has been ready once.
 */
const passes: Readonly<Record<ProbeName, (check: HealthCheck) => boolean>> = {
  livez: ({ isFinal = false }) => !isFinal,
  readyz: ({ status }) => status !== 'down',
  startupz: ({ isStarted, isFinal = false }) => isStarted && !isFinal,
};

/** What is said to somebody who probes. */
export interface ProbeAnswer {
  /** Whether it passes. */
  readonly isOk: boolean;
  /** The answer as text. */
  readonly text: string;
}

/** How a probe is to be answered. */
export interface ProbeOptions {
  /** Whether each check is named. */
  readonly isVerbose: boolean;
  /** Whether reasons are told. */
  readonly withReasons: boolean;
  /** Names of checks that do not count. */
  readonly excluded: ReadonlySet<string>;
}

/** Answers a probe, in the manner of Kubernetes: `ok`, or a line for each check. */
export function answerProbe(
  probe: ProbeName,
  report: HealthReport | undefined,
  { isVerbose, withReasons, excluded }: ProbeOptions,
): ProbeAnswer {
  if (report === undefined) {
    const isOk = probe === 'livez';
    return { isOk, text: isOk ? 'ok' : `${probe} check failed` };
  }
  const lines: string[] = [];
  let isOk = true;
  for (const check of report.checks) {
    const counts = !excluded.has(check.name);
    const good = passes[probe](check);
    if (counts && !good) isOk = false;
    const reason = withReasons ? check.message : 'reason withheld';
    if (!counts) lines.push(`[+]${check.name} excluded: ok`);
    else lines.push(good ? `[+]${check.name} ok` : `[-]${check.name} failed: ${reason}`);
  }
  const verdict = `${probe} check ${isOk ? 'passed' : 'failed'}`;
  // Who fails is told which of the checks, also without having asked.
  if (!isVerbose && isOk) return { isOk, text: 'ok' };
  return { isOk, text: [...lines, verdict, ''].join('\n') };
}
