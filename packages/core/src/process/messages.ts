import { coreError } from '../errors.ts';
import type { ExitReason } from './exit-reason.ts';
import type { Pid } from './pid.ts';

/** Names one monitor; compared by identity. */
export class MonitorRef {
  /** The process watched; `undefined` when there was none at that name. */
  readonly pid: Pid | undefined;

  /** @internal */
  constructor(pid: Pid | undefined) {
    this.pid = pid;
  }
}

/** What a process that traps exits receives instead of dying (OTP PRC-006, PRC-014). */
export interface ExitMessage {
  /** Marks it among messages. */
  readonly type: 'EXIT';
  /** Who died, or who sent the signal. */
  readonly from: Pid;
  /** Why. */
  readonly reason: ExitReason;
}

/** What a monitor gives when its process is gone, once (OTP MON-001). */
export interface DownMessage {
  /** Marks it among messages. */
  readonly type: 'DOWN';
  /** Which monitor. */
  readonly ref: MonitorRef;
  /** Who is gone; `undefined` when there was nobody at that name. */
  readonly pid: Pid | undefined;
  /** Why. */
  readonly reason: ExitReason;
}

/** Whether a message is the EXIT of this process. @internal */
export function isExitFrom(message: unknown, pid: Pid): message is ExitMessage {
  return isTyped(message, 'EXIT') && 'from' in message && message.from === pid;
}

/** Whether a message is the DOWN of this monitor. @internal */
export function isDownOf(message: unknown, ref: MonitorRef): message is DownMessage {
  return isTyped(message, 'DOWN') && 'ref' in message && message.ref === ref;
}

function isTyped(message: unknown, type: string): message is object {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === type
  );
}

/** A request that a call carries: named, as an XState event is. */
export interface Request {
  /** Name of the request. */
  readonly type: string;
  /** The argument that the handler of a GenServer gets; a statechart gets the whole request as its event. */
  readonly arg?: unknown;
}

/**
 * Checks a request where it is made: one without a type would end the server that gets it.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT for what has no type.
 * @internal
 */
export function checkRequest(request: Request): void {
  // Plain JavaScript callers can give anything; the compiler cannot stop them.
  if (typeof (request as Request | null | undefined)?.type === 'string') return;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the request',
    value: request,
    fault: 'it must be an object whose type is a string',
    remedy: "Give { type: 'add', arg: 2 }, or use a reference: ref.call.add(2).",
  });
}

/** Whom to answer; given by a call, used once with `reply`. */
export interface From {
  /** The caller, or `undefined` when it is no process. */
  readonly pid: Pid | undefined;
  /** Answers; later answers are dropped. @internal */
  resolve(value: unknown): void;
  /** Fails the call. @internal */
  reject(reason: ExitReason): void;
}

/** Whether a value is what a call gives to answer it; an event of a chart that has one as its `from` is a call. */
export function isFrom(value: unknown): value is From {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'resolve' in value &&
    typeof value.resolve === 'function' &&
    'reject' in value &&
    typeof value.reject === 'function'
  );
}

/** A call as it lies in the mailbox. @internal */
export class CallMessage {
  /** Marks it among messages. */
  readonly type = '$call';
  /** What is asked. */
  readonly request: Request;
  /** Whom to answer. */
  readonly from: From;

  /**
   * @param request - What is asked.
   * @param from - Whom to answer.
   */
  constructor(request: Request, from: From) {
    this.request = request;
    this.from = from;
  }
}

/** A cast as it lies in the mailbox. @internal */
export class CastMessage {
  /** Marks it among messages. */
  readonly type = '$cast';
  /** What is asked. */
  readonly request: Request;

  /** @param request - What is asked. */
  constructor(request: Request) {
    this.request = request;
  }
}
