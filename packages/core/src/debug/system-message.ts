import type { ExitReason } from '../process/exit-reason.ts';
import type { From } from '../process/messages.ts';
import type { DebugHook } from './debug-event.ts';

/** What a process can be asked past its behaviour (OTP SYS-001 … SYS-008). */
export type SystemRequest =
  | { readonly type: 'getState' }
  | { readonly type: 'getStatus' }
  | { readonly type: 'suspend' }
  | { readonly type: 'resume' }
  | { readonly type: 'replaceState'; readonly replace: (state: never) => unknown }
  | { readonly type: 'trace'; readonly hook: DebugHook }
  | { readonly type: 'untrace'; readonly hook: DebugHook }
  | { readonly type: 'log'; readonly size: number }
  | { readonly type: 'getLog' }
  | { readonly type: 'statistics'; readonly on: boolean }
  | { readonly type: 'getStatistics' }
  | { readonly type: 'terminate'; readonly reason: ExitReason };

/** A system message as it lies in the mailbox: in its turn, but never seen by the behaviour. @internal */
export class SystemMessage {
  /** Marks it among messages; a state that postpones `'*'` is busy, and postpones this too. */
  readonly type = '$system';
  /** What is asked. */
  readonly request: SystemRequest;
  /** Whom to answer. */
  readonly from: From;

  /**
   * @param request - What is asked.
   * @param from - Whom to answer.
   */
  constructor(request: SystemRequest, from: From) {
    this.request = request;
    this.from = from;
  }
}
