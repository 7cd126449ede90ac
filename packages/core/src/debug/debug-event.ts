import type { Request } from '../process/messages.ts';
import type { Pid } from '../process/pid.ts';
import type { ProcessInfo } from '../process/process-info.ts';

/** What a debug hook sees of a process (OTP SYS-006). */
export type DebugEvent =
  | {
      /** A call is about to be handled. */
      readonly kind: 'in';
      readonly via: 'call';
      readonly message: Request;
      /** Who called; `undefined` when it is no process. */
      readonly from: Pid | undefined;
    }
  | {
      /** A cast is about to be handled. */
      readonly kind: 'in';
      readonly via: 'cast';
      readonly message: Request;
    }
  | {
      /** Any other message is about to be handled. */
      readonly kind: 'in';
      readonly via: 'info';
      readonly message: unknown;
    }
  | {
      /** The `continue` callback is about to run. */
      readonly kind: 'continue';
      readonly argument: unknown;
    }
  | {
      /** A call is answered. */
      readonly kind: 'out';
      readonly reply: unknown;
      /** Whom it is answered. */
      readonly to: Pid | undefined;
      /** The state by then. */
      readonly state: unknown;
    }
  | {
      /** A message has been handled, and none was answered. */
      readonly kind: 'noreply';
      /** The state by then. */
      readonly state: unknown;
    };

/**
 * Looks on at a process, in the middle of its turn (OTP SYS-006, SYS-009).
 *
 * One that returns `'done'` is removed, and so is one that throws, with a warning; the process never notices.
 */
export type DebugHook = (event: DebugEvent, process: ProcessInfo) => unknown;
