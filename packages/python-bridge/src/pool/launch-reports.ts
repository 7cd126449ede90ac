import type { ActorSystem } from '@snakepit/core';
import type { ForkServerNews } from '../hosts/fork/fork-port.ts';
import '../telemetry/events.ts';
import type { ForkServerReplacement } from '../telemetry/launch-events.ts';
import { describeLaunch, type LaunchChoice } from './choose-launch.ts';

/** Whose launches are told of. */
export interface LaunchReportsParts {
  /** Where it is told. */
  readonly system: ActorSystem;
  /** Name of the pool. */
  readonly pool: string;
  /** What the configuration says. */
  readonly asked: 'auto' | 'fork' | 'spawn';
  /** Modules that are imported before. */
  readonly preload: readonly string[];
}

/** Tells of the way that the workers of a pool are started, and of its fork servers: as events, and in the log. */
export class LaunchReports {
  readonly #parts: LaunchReportsParts;
  /** Why the next server that serves takes the place of another. */
  #why: ForkServerReplacement | undefined;
  #servingSinceMs = 0;

  constructor(parts: LaunchReportsParts) {
    this.#parts = parts;
  }

  /** It is decided which way. */
  chosen(choice: LaunchChoice, level: 'info' | 'warn'): void {
    const { system, pool, asked, preload } = this.#parts;
    const { mode, why } = choice;
    system.telemetry.emit('snakepit.pool.launch', { count: 1 }, { pool, mode, asked, why });
    // What somebody asked for, and gets, needs no line.
    if (asked === 'spawn') return;
    system.logger[level](`the workers of pool ${pool} are ${describeLaunch(choice, preload)}`);
  }

  /** Somebody has the server replaced. */
  replacing(why: ForkServerReplacement): void {
    this.#why = why;
  }

  /** What a server of the pool tells. */
  hear(news: ForkServerNews): void {
    switch (news.type) {
      case 'serving':
        this.#serves(news);
        return;
      case 'died':
      case 'hung':
        this.#lost(news);
        return;
      case 'suspected': {
        const { logger } = this.#parts.system;
        const { pool } = this.#parts;
        this.#why = 'suspected';
        logger.warn(
          `the fork server of pool ${pool} is replaced, its ${String(news.workers)} workers go on: ${news.reason} (process ${String(news.osPid ?? '?')})`,
          { pool },
        );
        return;
      }
      case 'unavailable':
        this.#unavailable(news);
        return;
      case 'retired': {
        const { logger } = this.#parts.system;
        const { pool } = this.#parts;
        logger.debug(`an outdated fork server of pool ${pool} is gone: ${news.reason}`, { pool });
        return;
      }
    }
  }

  #serves({ osPid, startupMs, isReplacement }: Extract<ForkServerNews, { type: 'serving' }>): void {
    const { system, pool } = this.#parts;
    this.#servingSinceMs = system.clock.now();
    const { telemetry } = system;
    telemetry.emit('snakepit.forkserver.started', { count: 1, startupMs }, { pool, osPid });
    const reason = this.#why;
    this.#why = undefined;
    if (!isReplacement || reason === undefined) return;
    telemetry.emit('snakepit.forkserver.replaced', { count: 1 }, { pool, osPid, reason });
  }

  #lost({
    type,
    workers,
    osPid,
    reason,
  }: Extract<ForkServerNews, { type: 'died' | 'hung' }>): void {
    const { system, pool } = this.#parts;
    const { telemetry, logger, clock } = system;
    this.#why = type;
    const about = { pool, osPid, reason };
    const process = `process ${String(osPid ?? '?')}`;
    if (type === 'died') {
      const uptimeMs = clock.now() - this.#servingSinceMs;
      telemetry.emit('snakepit.forkserver.died', { count: 1, uptimeMs, workers }, about);
      logger.warn(
        `the fork server of pool ${pool} has ended and is replaced, and its ${String(workers)} workers: ${reason} (${process})`,
        { pool },
      );
      return;
    }
    telemetry.emit('snakepit.forkserver.hung', { count: 1, workers }, about);
    logger.warn(
      `the fork server of pool ${pool} is replaced, and then its ${String(workers)} workers, which go on meanwhile: ${reason} (${process})`,
      { pool },
    );
  }

  #unavailable(news: Extract<ForkServerNews, { type: 'unavailable' }>): void {
    const { system, pool } = this.#parts;
    const { code, reason, permanent, isServed: served } = news;
    // It was to take the place of one that goes on.
    if (served) this.#why = undefined;
    const about = { pool, code, reason, permanent, served };
    system.telemetry.emit('snakepit.forkserver.unavailable', { count: 1 }, about);
    const goesOn = served ? '; the one before goes on' : '';
    system.logger.warn(`pool ${pool} has no new fork server: ${reason}${goesOn}`, { pool });
  }
}
