import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { EventEmitter } from 'node:events';
import { formatExitReason } from './process/exit-reason.ts';
import { reasonOfThrown } from './process/exit-request.ts';
import type { Process } from './process/process.ts';

/**
 * Which errors of a process's code end that process and nobody else.
 *
 * - `'callbacks'`: what a callback throws, and what a promise rejects with that a callback returns.
 * - `'async'`: also what comes of it later: a promise that nobody waits for, a timer, an emitter, I/O.
 */
export type CrashIsolationMode = 'callbacks' | 'async';

/** What of Node's `process` it takes to learn of an error that nobody caught. @internal */
export interface Host extends Pick<
  EventEmitter,
  'on' | 'off' | 'listeners' | 'prependListener' | 'prependOnceListener'
> {
  /** Whether somebody takes all uncaught errors for themselves. */
  hasUncaughtExceptionCaptureCallback(): boolean;
  /** Takes all uncaught errors, before the listeners of `uncaughtException` are asked. */
  setUncaughtExceptionCaptureCallback(capture: ((error: Error) => void) | null): void;
}

/** One system's part in the isolation. @internal */
export interface CrashIsolation {
  /** Marks what is begun from here on, in this stretch of turns, as begun by a process. */
  readonly enter: (process: Process) => void;
  /** The stretch is over: what is begun from here on is nobody's. */
  readonly leave: () => void;
  /** The system has stopped. Resolves when what its processes left behind in this round of the event loop was seen. */
  readonly release: () => Promise<void>;
}

/** What watches one host, for all isolated systems on it. */
interface Watch {
  /** The process whose code is running, also long after its turn. */
  readonly owner: AsyncLocalStorage<Process | undefined>;
  /** How many systems need it. */
  systems: number;
  /** Leaves the host as it was found. */
  readonly end: () => void;
}

/** Listeners on a host are the host's state: there is one watch for it, whoever asks. */
const watches = new WeakMap<Host, Watch>();

/**
 * Takes part in the isolation of asynchronous crashes. The host is listened to as long as one system does.
 *
 * @param host - Whose uncaught errors.
 * @internal
 */
export function isolateCrashes(host: Host): CrashIsolation {
  const watch = watches.get(host) ?? watchHost(host);
  watches.set(host, watch);
  watch.systems += 1;
  const { owner } = watch;
  return {
    enter: (process) => {
      owner.enterWith(process);
    },
    leave: () => {
      // Where a stretch is the first use of the storage, Node has not kept its callback apart from what comes next.
      owner.enterWith(undefined);
    },
    release: async () => {
      // Node tells of rejections when the microtasks are done; those of the last processes are still to come.
      await nextRound();
      watch.systems -= 1;
      if (watch.systems > 0) return;
      watches.delete(host);
      watch.end();
    },
  };
}

/**
 * Listens so that nothing changes for errors of others: `uncaughtExceptionMonitor` is no handler, and a listener of
 * `unhandledRejection`, which would be one, is there only while the program has its own.
 */
function watchHost(host: Host): Watch {
  const owner = new AsyncLocalStorage<Process | undefined>();
  const onUncaught = (error: unknown): void => {
    if (endOwner(owner, error)) withhold(host);
  };
  const onRejection = (error: unknown): void => {
    endOwner(owner, error);
  };
  const isForeign = (listener: unknown): boolean => listener !== onRejection;
  const onAdded = (event: string | symbol, listener: unknown): void => {
    if (event !== rejectionEvent || !isForeign(listener)) return;
    host.off(rejectionEvent, onRejection);
    host.prependListener(rejectionEvent, onRejection);
  };
  const onRemoved = (event: string | symbol): void => {
    if (event === rejectionEvent && !host.listeners(rejectionEvent).some(isForeign)) {
      host.off(rejectionEvent, onRejection);
    }
  };
  host.on('uncaughtExceptionMonitor', onUncaught);
  host.on('newListener', onAdded);
  host.on('removeListener', onRemoved);
  if (host.listeners(rejectionEvent).length > 0) host.prependListener(rejectionEvent, onRejection);
  return {
    owner,
    systems: 0,
    end: () => {
      host.off('newListener', onAdded);
      host.off('removeListener', onRemoved);
      host.off('uncaughtExceptionMonitor', onUncaught);
      host.off(rejectionEvent, onRejection);
      owner.disable();
    },
  };
}

const rejectionEvent = 'unhandledRejection';

/** Ends the process whose code failed; says whether it was one's. */
function endOwner(owner: AsyncLocalStorage<Process | undefined>, error: unknown): boolean {
  const process = owner.getStore();
  if (process === undefined) return false;
  const reason = reasonOfThrown(error);
  if (process.alive) process.end(reason);
  else {
    // What a continuation does that outlived its process counts for nothing (PRC-022).
    const who = `${process.name ?? process.label} ${process.pid.toString()}`;
    const what = `something that ${who} left behind failed: ${formatExitReason(reason)}`;
    process.runtime.logger.debug(what, { pid: process.pid.toString(), error });
  }
  return true;
}

/** Keeps the error that Node is telling of from the program's own handlers, which commonly end the program. */
function withhold(host: Host): void {
  // Somebody has asked for every error, as a test runner may: it is handled, and not ours to withhold.
  if (host.hasUncaughtExceptionCaptureCallback()) return;
  try {
    host.setUncaughtExceptionCaptureCallback(() => {
      host.setUncaughtExceptionCaptureCallback(null);
    });
  } catch {
    // Not allowed where the module domain is loaded: then the listeners hear of it too, and this one makes it handled.
    host.prependOnceListener('uncaughtException', () => undefined);
  }
}
