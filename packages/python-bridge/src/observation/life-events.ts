import { lifeEvent, type ActorSystem, type LifeEvent, type LifeNote } from '@snakepit/core';
import type { WorkerMetadata } from '../telemetry/events.ts';
import { osPidOf, workerProcesses } from '../worker/worker-place.ts';
import { redactText } from './redact-text.ts';

/** Characters of one text that are kept. */
const mostCharacters = 500;

/** Says whom an event is about: of two processes of a worker the one that has this process of the operating system. */
type About = (
  worker: WorkerMetadata & { readonly osPid?: number | undefined },
) => Pick<LifeNote, 'pid' | 'path'>;

/**
 * What the events of workers tell of their lives, beside what the runtime tells of their processes.
 *
 * @param system - Finds the process of a worker.
 */
export function workerLifeEvents(system: ActorSystem): readonly LifeEvent[] {
  const about: About = ({ pool, workerId, osPid }) => {
    const processes = workerProcesses(system, pool, workerId);
    const found = processes.find(({ pid }) => osPidOf(system.processInfo(pid)) === osPid);
    return { pid: (found ?? processes[0])?.pid, path: `${pool}/${workerId}` };
  };
  return [...endsAndStarts(about), ...replacements(about), ...heartbeats(about), leftover];
}

function shown(text: string): string {
  return redactText(text, mostCharacters);
}

function endsAndStarts(about: About): LifeEvent[] {
  return [
    lifeEvent({
      event: 'snakepit.worker.started',
      note: ({ startupMs }, { pool, workerId, osPid }) => ({
        what: 'workerReady',
        ...about({ pool, workerId, osPid }),
        afterMs: startupMs,
        details: { pool, workerId, osPid },
      }),
    }),
    lifeEvent({
      event: 'snakepit.worker.draining',
      note: ({ inFlight }, { pool, workerId, osPid, then }) => ({
        what: 'drainBegan',
        ...about({ pool, workerId, osPid }),
        details: { pool, workerId, osPid, inFlight, then },
      }),
    }),
    lifeEvent({
      event: 'snakepit.worker.terminated',
      note: ({ uptimeMs, cleanupMs }, { pool, workerId, ...end }) => ({
        what: end.confirmed ? 'osProcessGone' : 'osProcessLeft',
        ...about({ pool, workerId, osPid: end.osPid }),
        afterMs: cleanupMs,
        details: {
          pool,
          workerId,
          uptimeMs,
          osPid: end.osPid,
          exitCode: end.exitCode,
          signal: end.signal,
          reason: shown(end.reason),
          cause: end.cause,
          lastOutput: end.lastOutput.map(shown),
        },
        ...(end.cause !== undefined && {
          incident: `worker ${workerId} of pool ${pool} died: ${shown(end.reason)}`,
        }),
      }),
    }),
  ];
}

function replacements(about: About): LifeEvent[] {
  return [
    lifeEvent({
      event: 'snakepit.worker.failed',
      note: (_, { pool, workerId, cause, error }) => ({
        what: 'gaveUp',
        ...about({ pool, workerId }),
        details: { pool, workerId, cause, why: shown(error.message) },
        incident: `worker ${workerId} of pool ${pool} is given up`,
      }),
    }),
    lifeEvent({
      event: 'snakepit.worker.recycled',
      note: ({ durationMs }, { pool, workerId, reason }) => ({
        what: 'recycled',
        ...about({ pool, workerId }),
        afterMs: durationMs,
        details: { pool, workerId, why: reason },
      }),
    }),
  ];
}

function heartbeats(about: About): LifeEvent[] {
  return [
    lifeEvent({
      event: 'snakepit.worker.heartbeat.missed',
      note: ({ missed }, { pool, workerId, path }) => ({
        what: 'heartbeatMissed',
        ...about({ pool, workerId }),
        details: { pool, workerId, missed, path },
      }),
    }),
    lifeEvent({
      event: 'snakepit.worker.heartbeat.failed',
      note: ({ missed }, { pool, workerId, reason }) => ({
        what: 'heartbeatFailed',
        ...about({ pool, workerId }),
        details: { pool, workerId, missed, why: shown(reason) },
      }),
    }),
  ];
}

const leftover = lifeEvent({
  event: 'snakepit.cleanup.leftover',
  note: ({ durationMs }, { successful }) => ({
    what: 'leftoverFound',
    path: 'earlier run',
    afterMs: durationMs,
    details: { successful },
  }),
});
