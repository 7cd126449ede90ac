import { constants } from 'node:os';
import type { ExitStatus } from '../worker-host.ts';

/** What the exit codes of a worker mean; the Python side has the same table. */
const CODE_MEANINGS: Readonly<Record<number, string>> = {
  0: 'asked to stop, or the runtime was gone',
  1: 'an uncaught Python exception',
  2: 'wrong arguments',
  69: 'the adapter or its environment cannot be loaded; a restart will not help',
  70: 'the graceful stop overran its own deadline and was forced',
  71: 'what was to contain its descendants could not be made',
  76: 'protocol or token mismatch',
  78: 'the configuration is invalid; a restart will not help',
  120: 'Python could not flush its output',
};

/** What the deadly signals mean for a Python worker. */
const SIGNAL_MEANINGS: Readonly<Record<string, string>> = {
  SIGKILL:
    'killed by us, by somebody by hand, or, where the kernel does not tell, for lack of memory',
  SIGTERM: 'terminated before it could handle the request to stop',
  SIGALRM: 'Python hung while it freed the objects of its adapter, after all exit handlers',
  SIGSEGV: 'a crash in native code; see the last lines of its output',
  SIGABRT: 'native code gave up; see the last lines of its output',
  SIGBUS: 'a crash in native code; see the last lines of its output',
};

/**
 * Turns what Node says of a child's end into an exit status.
 *
 * The signal is looked at first: a death by signal has no code.
 *
 * @param isForLackOfMemory - Asked of a SIGKILL, for which nobody here is known to be the reason.
 */
export function toExitStatus(
  code: number | null,
  signal: string | null,
  isForLackOfMemory: () => boolean = () => false,
): ExitStatus {
  if (signal === 'SIGKILL' && isForLackOfMemory()) return { kind: 'outOfMemory' };
  if (signal !== null) return { kind: 'signalled', signal };
  if (code !== null) return { kind: 'exited', code };
  return { kind: 'unknown', detail: 'the operating system told neither code nor signal' };
}

/** The end as a sentence without a subject: `exited with code 70: …`. */
export function describeExit(status: ExitStatus): string {
  switch (status.kind) {
    case 'exited':
      return withMeaning(`exited with code ${status.code}`, CODE_MEANINGS[status.code]);
    case 'signalled': {
      const number = new Map(Object.entries(constants.signals)).get(status.signal);
      const name = number === undefined ? status.signal : `${status.signal} (${number})`;
      return withMeaning(`was ended by ${name}`, SIGNAL_MEANINGS[status.signal]);
    }
    case 'outOfMemory':
      return 'was killed by the kernel for lack of memory (SIGKILL; its cgroup counts one more oom_kill)';
    case 'stoppedByEngine':
      return `was stopped by the engine: ${status.reason}`;
    case 'hostLost':
      return status.confirmed ? 'was lost with its host' : 'is on a host that does not answer';
    case 'unknown':
      return `ended, nobody knows how: ${status.detail}`;
  }
}

/** Whether starting the same worker again can only fail again (codes 69 and 78). */
export function isRestartUseless(status: ExitStatus): boolean {
  return status.kind === 'exited' && (status.code === 69 || status.code === 78);
}

function withMeaning(text: string, meaning: string | undefined): string {
  return meaning === undefined ? text : `${text}: ${meaning}`;
}
