import type { CrashIsolation } from './crash-isolation.ts';
import { coreError, type SnakepitError } from './errors.ts';
import { exitReason, ExitError, type ExitReason } from './process/exit-reason.ts';
import type { Request } from './process/messages.ts';
import type { Pid } from './process/pid.ts';
import type { Runtime } from './process/runtime.ts';
import { delayFault } from './timers.ts';

/** How a system is stopped. */
export interface StopOptions {
  /** How long each process started from outside may take to end before it is killed, in milliseconds; default 5,000. */
  readonly timeout?: number;
}

/** Whether a system still takes work, and how it comes to its end. @internal */
export interface SystemLife {
  /** Whether everything has ended, or is being killed because it did not when asked to. */
  readonly isOver: boolean;
  /** SYSTEM_STOPPED, for when everything has ended. */
  readonly refusal: (attempt: 'spawn' | 'start') => SnakepitError;
  /** Why a call fails when everything has ended. */
  readonly nobodyToCall: (request: Request) => ExitError;
  /** Ends everything. */
  readonly stop: (options?: StopOptions) => Promise<void>;
  /** Has something done when everything has ended; what it takes, the stop takes. Returns what takes it back. */
  readonly onStopped: (listener: () => unknown) => () => void;
}

/** How long the end of a process may take unless told otherwise. */
const defaultPatienceMs = 5_000;

/** Makes the life of a system. @internal */
export function createSystemLife(
  runtime: Runtime,
  name: string,
  isolation: CrashIsolation | undefined,
): SystemLife {
  let stopping: Promise<void> | undefined;
  let isOver = false;
  const listeners = new Set<() => Promise<void>>();
  let isTold = false;
  const end = async (timeoutMs: number): Promise<void> => {
    await askAll(runtime, timeoutMs);
    // Before what is left is killed: whoever hears of that could start something that nobody ends.
    isOver = true;
    await killRest(runtime);
    isTold = true;
    await Promise.all([...listeners].map((listener) => listener()));
    await isolation?.release();
  };
  return {
    get isOver() {
      return isOver;
    },
    refusal: (attempt) => coreError('SYSTEM_STOPPED', { system: name, attempt }),
    nobodyToCall: ({ type }) =>
      new ExitError(exitReason.noproc, `call ${type} in "${name}", a system that is stopped`),
    stop: ({ timeout = defaultPatienceMs } = {}) => {
      const fault = delayFault('the timeout of a stop', timeout);
      if (fault !== undefined) return Promise.reject(fault);
      stopping ??= end(timeout);
      return stopping;
    },
    onStopped: (listener) => {
      const own = async (): Promise<void> => {
        try {
          await listener();
        } catch (error) {
          runtime.logger.error('what was to be done after the stop of a system failed', { error });
        }
      };
      // Who comes too late hears of it at once, yet not before it has what this returns.
      if (isTold) queueMicrotask(() => void own());
      else listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

/** Resolves with the reason when a process is gone. @internal */
export function awaitExit(runtime: Runtime, pid: Pid): Promise<ExitReason> {
  const process = runtime.byPid(pid);
  if (process === undefined) return Promise.resolve(exitReason.noproc);
  return new Promise((resolve) => {
    process.onExit(resolve);
  });
}

/** Asks the processes of the outside one by one, newest first, as a supervisor would; kills who takes too long. */
async function askAll(runtime: Runtime, timeoutMs: number): Promise<void> {
  const own = [...runtime.processes.values()].filter(({ parent }) => parent === runtime.outside);
  for (const process of own.reverse()) {
    if (process.reason !== undefined) continue;
    const gone = awaitExit(runtime, process.pid);
    process.exitSignal(runtime.outside, exitReason.shutdown, false);
    const limit = runtime.clock.setTimeout(() => {
      process.exitSignal(runtime.outside, exitReason.kill, false);
    }, timeoutMs);
    await gone;
    runtime.clock.clearTimeout(limit);
  }
}

/** Kills whatever there is still, and the timers. */
async function killRest(runtime: Runtime): Promise<void> {
  while (runtime.processes.size > 0) {
    const rest = [...runtime.processes.values()];
    for (const process of rest) process.exitSignal(runtime.outside, exitReason.kill, false);
    await Promise.all(rest.map(({ pid }) => awaitExit(runtime, pid)));
  }
  runtime.cancelTimersToNames();
}
