import type { ActorSystem } from '@snakepit/core';
import '../telemetry/events.ts';

/** Shortest time between two events, in milliseconds, but for the last. */
const eventIntervalMs = 100;
/** Time between two lines in the log, in milliseconds. */
const lineIntervalMs = 2_000;

/** How a start ended: it serves, it was given up, or nobody wants it any more. */
export type StartEnd = 'ready' | 'failed' | 'removed';

/**
 * Tells how far a pool has got with starting its workers: by events, and in the log when it takes longer than a moment.
 *
 * It begins when the first of some workers is to be started, and is over when the last of them has settled.
 */
export class StartProgress {
  readonly #pool: string;
  readonly #system: Pick<ActorSystem, 'clock' | 'telemetry' | 'logger'>;
  /** Ids of those that have not settled. */
  readonly #remaining = new Set<string>();
  #ready = 0;
  #failed = 0;
  #beganMs = 0;
  #toldMs = -Infinity;
  #timer: unknown;
  #hasLogged = false;

  constructor(pool: string, system: Pick<ActorSystem, 'clock' | 'telemetry' | 'logger'>) {
    this.#pool = pool;
    this.#system = system;
  }

  /** This worker is to be started. */
  add(workerId: string): void {
    if (this.#remaining.size === 0) this.#begin();
    this.#remaining.add(workerId);
  }

  /** It has settled; one that is not being started does not count. */
  settle(workerId: string, end: StartEnd): void {
    if (!this.#remaining.delete(workerId)) return;
    if (end === 'ready') this.#ready += 1;
    if (end === 'failed') this.#failed += 1;
    this.#tell();
    if (this.#remaining.size === 0) this.#finish();
  }

  /** Nobody needs to know any more. */
  close(): void {
    this.#remaining.clear();
    this.#system.clock.clearTimeout(this.#timer);
  }

  get #elapsedMs(): number {
    return this.#system.clock.now() - this.#beganMs;
  }

  get #total(): number {
    return this.#ready + this.#failed + this.#remaining.size;
  }

  #begin(): void {
    this.#ready = 0;
    this.#failed = 0;
    this.#beganMs = this.#system.clock.now();
    this.#toldMs = -Infinity;
    this.#hasLogged = false;
    this.#logLater();
  }

  #finish(): void {
    this.#system.clock.clearTimeout(this.#timer);
    if (!this.#hasLogged) return;
    this.#log('');
  }

  #tell(): void {
    const { clock, telemetry } = this.#system;
    const remaining = this.#remaining.size;
    const now = clock.now();
    if (remaining > 0 && now - this.#toldMs < eventIntervalMs) return;
    this.#toldMs = now;
    telemetry.emit(
      'snakepit.pool.start.progress',
      {
        ready: this.#ready,
        failed: this.#failed,
        remaining,
        total: this.#total,
        elapsedMs: this.#elapsedMs,
      },
      { pool: this.#pool },
    );
  }

  #logLater(): void {
    this.#timer = this.#system.clock.setTimeout(() => {
      this.#hasLogged = true;
      const settled = this.#ready + this.#failed;
      const leftMs = (this.#elapsedMs / settled) * this.#remaining.size;
      this.#log(settled === 0 ? '' : `, about ${seconds(leftMs)} to go`);
      this.#logLater();
    }, lineIntervalMs);
  }

  #log(outlook: string): void {
    const failed = this.#failed;
    const lost = failed === 0 ? '' : `, ${failed} ${failed === 1 ? 'was' : 'were'} given up`;
    const sofar = `${this.#ready} of ${this.#total} workers are ready after ${seconds(this.#elapsedMs)}`;
    const pool = this.#pool;
    this.#system.logger.info(`pool "${pool}": ${sofar}${lost}${outlook}`, { pool });
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
