import type { HealthCheck, Telemetry } from '@snakepit/core';
import '../telemetry/events.ts';

/** Notices of processes that were, or may be, left behind that are kept. */
const keptNotices = 10;

/** Something of a worker or a run that could not be ended. */
interface Notice {
  readonly at: number;
  readonly what: string;
}

/** Knows whether anything was left behind. */
export interface Leftovers {
  /** How it is. */
  check(): HealthCheck;
  /** Whether something was reported that nobody has acknowledged. */
  readonly isNoticed: boolean;
  /** Somebody knows of what was reported until now: it is told no more. Returns how many notices that were. */
  acknowledge(): number;
  /** Listens no more. */
  stop(): void;
}

/** Listens to what cleaning up reports; those events are seldom. */
export function watchLeftovers(
  telemetry: Telemetry,
  wallClock: () => number = Date.now,
): Leftovers {
  const notices: Notice[] = [];
  let ended = 0;
  let acknowledged = 0;
  let unrecorded: { readonly runId: string; readonly reason: string } | undefined;
  const note = (what: string): void => {
    notices.push({ at: wallClock(), what });
    if (notices.length > keptNotices) notices.shift();
  };
  const stops = [
    telemetry.on('snakepit.cleanup.worker', ({ escaped, survivors }, { workerId, successful }) => {
      ended += escaped;
      if (successful) return;
      note(`${String(survivors)} processes of worker ${workerId} could not be ended`);
    }),
    telemetry.on('snakepit.cleanup.swept', ({ processes, survivors }, { runId, successful }) => {
      ended += processes - survivors;
      // It looked for all that any run before it had left, and a run that cannot be written down says so before it looks.
      notices.length = 0;
      if (unrecorded?.runId !== runId) unrecorded = undefined;
      if (!successful) note(`${String(survivors)} processes of earlier runs could not be ended`);
    }),
    telemetry.on('snakepit.cleanup.timeout', (_, { runId, reason }) => {
      note(`run ${runId} ended and left something: ${reason}`);
    }),
    telemetry.on('snakepit.cleanup.unrecorded', (_, about) => {
      unrecorded = about;
    }),
  ];
  return {
    check: () => checkOf(notices, { endedElsewhere: ended, acknowledged }, unrecorded?.reason),
    get isNoticed() {
      return notices.length > 0;
    },
    acknowledge: () => {
      const known = notices.splice(0).length;
      acknowledged += known;
      return known;
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function checkOf(
  notices: readonly Notice[],
  counts: { readonly endedElsewhere: number; readonly acknowledged: number },
  unrecorded: string | undefined,
): HealthCheck {
  const name = 'leftovers';
  const details = { ...counts, notices: [...notices] };
  const last = notices.at(-1);
  if (last !== undefined) {
    return {
      ...{ name, details, status: 'degraded', isStarted: true },
      message: last.what,
      remedy:
        'look for them with `ps -eo pid,ppid,stat,args | grep snakepit_bridge`: a process in state D waits for a device or a network file system, and ends when that answers. The next start that finds nothing ends this notice, and so does the action "acknowledge" of process snakepit.processRegistry.',
    };
  }
  if (unrecorded !== undefined) {
    return {
      ...{ name, details, status: 'degraded', isStarted: true },
      message: `the run cannot be written down (${unrecorded}): after a kill of Node its workers are found by their markers only`,
      remedy: 'name a directory that can be written, and has room, with stateDir.',
    };
  }
  const message = `nothing was left behind; ${String(counts.endedElsewhere)} processes outside their workers were found and ended`;
  return { name, details, status: 'ok', isStarted: true, message };
}
