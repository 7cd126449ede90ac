import { exitReason, ExitError, sameExitReason, type ExitReason } from '../process/exit-reason.ts';
import type { From } from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';
import { delayFault } from '../timers.ts';
import { SystemMessage } from './system-message.ts';

/** How long a stop waits. */
export interface StopProcessOptions {
  /** In milliseconds; default: for ever. The process still ends when the time is over. */
  readonly timeout?: number;
}

/** Whom a system message answers that is not waited for. */
const nobody: From = { pid: undefined, resolve: () => undefined, reject: () => undefined };

/** Has a process end, in the order of its mailbox, and waits until it is gone (OTP GEN-030, GEN-031). @internal */
export function stopProcess(
  runtime: Runtime,
  process: Process | undefined,
  reason: ExitReason = exitReason.normal,
  timeoutMs = Infinity,
): Promise<void> {
  const fault = delayFault('the timeout of a stop', timeoutMs);
  return runtime.ownAffair(
    fault === undefined ? waitForStop(runtime, process, reason, timeoutMs) : Promise.reject(fault),
  );
}

function waitForStop(
  runtime: Runtime,
  process: Process | undefined,
  reason: ExitReason,
  timeoutMs: number,
): Promise<void> {
  const { clock } = runtime;
  if (process === undefined) return Promise.reject(new ExitError(exitReason.noproc, 'stop'));
  const what = `stop of ${process.pid.toString()}`;
  if (process === runtime.current) {
    return Promise.reject(new ExitError(exitReason.callingSelf, what));
  }
  return new Promise((resolve, reject) => {
    const limit =
      timeoutMs === Infinity
        ? undefined
        : clock.setTimeout(() => {
            reject(new ExitError(exitReason.timeout, what));
          }, timeoutMs);
    process.onExit((actual) => {
      if (limit !== undefined) clock.clearTimeout(limit);
      if (sameExitReason(actual, reason)) resolve();
      else reject(new ExitError(actual, what));
    });
    process.ask(new SystemMessage({ type: 'terminate', reason }, nobody));
  });
}
