import { EventEmitter } from 'node:events';
import { silentLogger, type ActorSystem, type SystemOptions } from './index.ts';
import type { Host } from './crash-isolation.ts';
import { createSystemOn } from './system.ts';

/** Tells of errors in the order in which Node does. */
export class TestHost extends EventEmitter implements Host {
  #capture: ((error: Error) => void) | null = null;
  /** Whether nobody may take all errors. */
  isDomainLoaded = false;

  /** Whether somebody takes all errors. */
  hasUncaughtExceptionCaptureCallback(): boolean {
    return this.#capture !== null;
  }

  /** Takes all errors, where the module domain is not loaded. */
  setUncaughtExceptionCaptureCallback(capture: ((error: Error) => void) | null): void {
    if (capture !== null && this.isDomainLoaded) throw new Error('the module domain is loaded');
    this.#capture = capture;
  }

  /** Says what came of it. */
  throws(thrown: Error): 'captured' | 'listened' | 'died' {
    this.emit('uncaughtExceptionMonitor', thrown, 'uncaughtException');
    if (this.#capture !== null) {
      this.#capture(thrown);
      return 'captured';
    }
    return this.emit('uncaughtException', thrown) ? 'listened' : 'died';
  }

  /** Says what came of it. */
  rejects(reason: Error): 'captured' | 'listened' | 'died' {
    return this.emit('unhandledRejection', reason) ? 'listened' : this.throws(reason);
  }

  /** How many listen to what the isolation listens to. */
  get listening(): readonly number[] {
    return [
      'uncaughtExceptionMonitor',
      'uncaughtException',
      'unhandledRejection',
      'newListener',
      'removeListener',
    ].map((name) => this.listenerCount(name));
  }
}

/** A system on such a host that isolates asynchronous crashes, and logs nothing. */
export function isolatedOn(host: Host, options: SystemOptions = {}): ActorSystem {
  return createSystemOn(host, { logger: silentLogger, crashIsolation: 'async', ...options });
}
