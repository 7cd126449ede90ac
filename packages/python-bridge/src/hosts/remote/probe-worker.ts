import type { Clock } from '@snakepit/core';
import { connectSession } from '../../bridge/frames/frames-call.ts';
import type { TlsMaterial } from '../worker-host.ts';

/** What {@link probeWorker} takes. */
export interface ProbeOptions {
  /** `host:port`. */
  readonly address: string;
  /** By what TLS knows both sides. */
  readonly tls: TlsMaterial | undefined;
  /** Time. */
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly limitMs: number;
  /** Gives up. */
  readonly abort: AbortSignal;
}

/**
 * Waits until somebody speaks HTTP/2 at an address, with a connection of its own that is gone afterwards.
 *
 * A channel of grpc-js that is closed while it connects to somebody who accepts and says nothing (a worker that is stopped)
 * keeps its socket for ever; so it is made only when there is an answer.
 *
 * @throws Error with what is wrong with address, certificates or names.
 */
export function probeWorker(options: ProbeOptions): Promise<void> {
  const { address, tls, clock, limitMs, abort } = options;
  const session = connectSession(address, tls);
  return new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      over(new Error(`it did not answer within ${String(limitMs)} ms`));
    }, limitMs);
    const giveUp = (): void => {
      over(new Error('given up'));
    };
    function over(error: Error | undefined): void {
      clock.clearTimeout(timer);
      abort.removeEventListener('abort', giveUp);
      session.destroy();
      if (error === undefined) resolve();
      else reject(error);
    }
    abort.addEventListener('abort', giveUp);
    session.on('remoteSettings', () => {
      over(undefined);
    });
    // It stays to the end: a session that breaks while it is destroyed tells that, too.
    session.on('error', over);
    session.on('close', () => {
      over(new Error('it closed the connection'));
    });
  });
}
