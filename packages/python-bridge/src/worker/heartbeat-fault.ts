import { exitReason, sameExitReason, type ExitReason } from '@snakepit/core';

/** The two ways on which a worker is asked for a sign of life. */
export type HeartbeatPath = 'beats' | 'serving';

/** What is wrong with a worker that its heartbeat ends: a path is silent, or one call takes longer than it may. */
export type HeartbeatFault = HeartbeatPath | 'busy';

/** The reasons with which a monitor, and then its worker, ends when the worker is unhealthy (ADR-0014). */
export const heartbeatTimeout: Readonly<Record<HeartbeatFault, ExitReason>> = {
  beats: exitReason.custom('heartbeatTimeout(beats)'),
  serving: exitReason.custom('heartbeatTimeout(serving)'),
  busy: exitReason.custom('heartbeatTimeout(busy)'),
};

const sentences: Readonly<Record<HeartbeatFault, string>> = {
  beats: 'it answered no heartbeat in time (no pong on its beat channel) and is replaced',
  serving:
    'it answered no heartbeat in time (no answer where its calls go, though its beat channel answers) and is replaced',
  busy: 'it has been executing one call for longer than pools[].heartbeat.busyTimeout allows and is replaced',
};

/** What a heartbeat monitor found wrong with its worker; `undefined` for an end of any other kind. */
export function heartbeatFaultOf(reason: ExitReason): HeartbeatFault | undefined {
  const faults = Object.keys(heartbeatTimeout) as HeartbeatFault[];
  return faults.find((fault) => sameExitReason(heartbeatTimeout[fault], reason));
}

/** What is wrong, as a sentence whose subject is the worker. */
export function describeHeartbeatFault(fault: HeartbeatFault): string {
  return sentences[fault];
}

const advice: Readonly<Record<HeartbeatFault, string>> = {
  beats:
    'if it happens again, look for native code that holds the GIL, for a stopped process (SIGSTOP, a debugger) and for a machine without memory',
  serving: 'if it happens again, look for code that blocks the event loop of Python',
  busy: 'if such calls are wanted, raise it',
};

/** What people can do about it, as a sentence without a capital. */
export function adviceOfHeartbeatFault(fault: HeartbeatFault): string {
  return advice[fault];
}
