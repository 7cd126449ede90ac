import { exitReason, formatExitReason, type ActorSystem } from '@snakepit/core';
import type { WorkerHandle, WorkerReady } from '../hosts/worker-host.ts';
import '../telemetry/events.ts';
import type { WorkerFailure } from './failure-cause.ts';
import type { WorkerDeath } from './worker-connection.ts';
import type { DrainEnd, GrpcWorkerContext, GrpcWorkerInput } from './worker-life.ts';

/** Writes down what becomes of one worker: for its history, and as telemetry (R5.1, R5.3). */
export class WorkerReports {
  readonly #system: ActorSystem;
  readonly #input: GrpcWorkerInput;
  readonly #beganAtMs: number;
  #spawned:
    { readonly handle: WorkerHandle; readonly atMs: number; readonly on: number } | undefined;
  #hasServed = false;
  #leaveSources: () => void = () => undefined;
  #death: (WorkerDeath & { readonly atMs: number }) | undefined;

  /** Its start begins now. */
  constructor(system: ActorSystem, input: GrpcWorkerInput) {
    this.#system = system;
    this.#input = input;
    this.#beganAtMs = system.clock.now();
  }

  /** Whether it has been ready. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /** Its process was made just now. */
  spawned(handle: WorkerHandle): void {
    this.#spawned = { handle, atMs: this.#system.clock.now(), on: Date.now() };
    const { pool, workerId } = this.#input;
    const about = { pool, workerId, osPid: handle.pid };
    this.#system.telemetry.emit('snakepit.worker.spawned', { count: 1 }, about);
  }

  /** It is reached: its Python may have events. */
  connected({ target: address, token, tls, serve }: WorkerReady): void {
    const { services, pool, workerId } = this.#input;
    this.#leaveSources = services.eventSources.add({ pool, workerId, address, token, tls, serve });
  }

  /** Its Python has no events any more. */
  leave(): void {
    this.#leaveSources();
  }

  /** It is ready. */
  ready(): void {
    const { history, pool, workerId, services } = this.#input;
    const { clock, telemetry } = this.#system;
    const { handle, on = 0 } = this.#spawned ?? {};
    this.#hasServed = true;
    history.becameReady();
    telemetry.emit(
      'snakepit.worker.started',
      { count: 1, startupMs: clock.now() - this.#beganAtMs },
      {
        pool,
        workerId,
        osPid: handle?.pid,
        startedAtMs: on,
        osStartTime: handle?.startTime ?? '',
        configuration: services.configuration,
      },
    );
  }

  /** It takes no more calls, and finishes so many. */
  draining({ osPid }: GrpcWorkerContext, then: DrainEnd, inFlight: number): void {
    const { pool, workerId } = this.#input;
    const about = { pool, workerId, osPid, then };
    this.#system.telemetry.emit('snakepit.worker.draining', { count: 1, inFlight }, about);
  }

  /** Its process has ended, and nothing of its group is left. */
  gone(death: WorkerDeath): void {
    this.#death = { ...death, atMs: this.#system.clock.now() };
    this.leave();
  }

  /** Its life is over. */
  terminated({ failure, osPid, reason, shutdown }: GrpcWorkerContext): void {
    const { history, pool, workerId } = this.#input;
    if (failure !== undefined) {
      if (this.#hasServed) history.crashed();
      else if (failure.uncounted === true) history.couldNotStart();
      else history.startFailed();
    }
    const { exitCode, signal, lastOutput = [] } = this.#death ?? {};
    if (failure !== undefined && this.#hasServed) {
      const { uptimeMs } = this.#durations();
      const about = { pool, workerId, osPid, exitCode, signal, cause: failure.cause };
      this.#system.telemetry.emit('snakepit.worker.crash', { count: 1, uptimeMs }, about);
    }
    this.#system.telemetry.emit(
      'snakepit.worker.terminated',
      { count: 1, ...this.#durations() },
      {
        ...{ pool, workerId, osPid, exitCode, signal, lastOutput },
        reason: failure?.error.code ?? formatExitReason(reason ?? exitReason.normal),
        cause: failure?.cause,
        means: shutdown?.means ?? 'none',
        // Without a shutdown nobody has waited for its process, if it had one.
        confirmed:
          shutdown?.confirmed ?? (this.#spawned === undefined || this.#death !== undefined),
      },
    );
  }

  /** It is given up. */
  failed(failure: WorkerFailure): void {
    const { pool, workerId, history } = this.#input;
    const { error, cause } = failure;
    history.gaveUp(failure);
    const ids = { pool, workerId };
    const { logger, telemetry } = this.#system;
    telemetry.emit('snakepit.worker.failed', { count: 1 }, { ...ids, error, cause });
    logger.error(
      `worker ${workerId} of pool ${pool} is given up (${cause}), the others go on: ${error.message}\n` +
        `Afterwards revive('${workerId}') starts it again.`,
      { ...ids, cause },
    );
  }

  #durations(): { readonly uptimeMs: number; readonly cleanupMs: number } {
    if (this.#spawned === undefined) return { uptimeMs: 0, cleanupMs: 0 };
    const { handle, atMs } = this.#spawned;
    const cleanupMs = handle.cleanupMs ?? 0;
    const goneAtMs = this.#death?.atMs ?? this.#system.clock.now();
    return { uptimeMs: Math.max(0, goneAtMs - cleanupMs - atMs), cleanupMs };
  }
}
