import type { ActorSystem, Logger, Telemetry } from '@snakepit/core';
import type { HeartbeatMetadata } from '../telemetry/events.ts';
import {
  adviceOfHeartbeatFault,
  describeHeartbeatFault,
  type HeartbeatPath,
} from './heartbeat-fault.ts';
import type {
  HeartbeatMonitorContext,
  HeartbeatMonitorInput,
} from './heartbeat-monitor.machine.ts';

/** Tells the telemetry bus what happens to the pings of one worker. */
export class HeartbeatReport {
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  /** Made once: there are very many pings. */
  readonly #about: Readonly<Record<HeartbeatPath, HeartbeatMetadata>>;

  constructor(
    { logger, telemetry }: Pick<ActorSystem, 'logger' | 'telemetry'>,
    { pool, workerId }: HeartbeatMonitorInput,
  ) {
    this.#telemetry = telemetry;
    this.#logger = logger;
    this.#about = {
      beats: { pool, workerId, path: 'beats' },
      serving: { pool, workerId, path: 'serving' },
    };
  }

  /** A ping was sent. */
  sent(path: HeartbeatPath): void {
    this.#telemetry.emit('snakepit.worker.heartbeat.sent', one, this.#about[path]);
  }

  /** It was answered, after so many milliseconds. */
  answered(path: HeartbeatPath, latencyMs: number): void {
    const event = 'snakepit.worker.heartbeat.received';
    if (this.#telemetry.enabled(event)) {
      this.#telemetry.emit(event, { count: 1, latencyMs }, this.#about[path]);
    }
  }

  /** There was no answer, `missed` times in a row now; an error says why it was refused, if it was. */
  missed(path: HeartbeatPath, missed: number, error: Error | undefined): void {
    const about = { ...this.#about[path], error };
    this.#telemetry.emit('snakepit.worker.heartbeat.missed', { count: 1, missed }, about);
  }

  /** The worker is condemned. */
  unhealthy({ pool, workerId, fault = 'beats', ...paths }: HeartbeatMonitorContext): void {
    const missed = fault === 'busy' ? 0 : paths[fault].missed;
    const about = { pool, workerId, fault, reason: describeHeartbeatFault(fault) };
    this.#telemetry.emit('snakepit.worker.heartbeat.failed', { count: 1, missed }, about);
    this.#logger.warn(
      `worker ${workerId} of pool ${pool} is sick: ${about.reason}; ${adviceOfHeartbeatFault(fault)}`,
      about,
    );
  }
}

const one = { count: 1 } as const;
