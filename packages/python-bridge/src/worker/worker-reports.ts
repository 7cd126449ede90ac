import { exitReason, formatExitReason, type ActorSystem } from '@snakepit/core';
import type { WorkerHandle } from '../hosts/worker-host.ts';
import '../telemetry/events.ts';
import type { WorkerFailure } from './failure-cause.ts';
import type { WorkerDeath } from './worker-connection.ts';
import type { GrpcWorkerContext, GrpcWorkerInput } from './worker-life.ts';

/** Writes down what becomes of one worker: for its history, and as telemetry (R5.1, R5.3). */
export class WorkerReports {
  readonly #system: ActorSystem;
  readonly #input: GrpcWorkerInput;
  readonly #beganAtMs: number;
  #spawned:
    { readonly handle: WorkerHandle; readonly atMs: number; readonly on: number } | undefined;
  #hasServed = false;
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

  /** Its process has ended, and nothing of its group is left. */
  gone(death: WorkerDeath): void {
    this.#death = { ...death, atMs: this.#system.clock.now() };
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
