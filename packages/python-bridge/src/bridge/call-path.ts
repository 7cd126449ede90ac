import type { EncodedArguments } from './codec.ts';

/** One call of a tool. */
export interface ToolCall {
  /** Name of the tool. */
  readonly tool: string;
  /** Its arguments, encoded before the call waited in any queue. */
  readonly arguments: EncodedArguments;
  /** Session that the tool sees. Default: the empty one. */
  readonly session?: string | undefined;
  /** Further facts for the Python side, such as `correlation_id`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** For a tool that yields: how many chunks may come before more are granted. */
  readonly stream?: { readonly credit: number } | undefined;
}

/** How long a call may take; whoever began it watches the time and cancels it. */
export interface RunLimits {
  /** Milliseconds, for Python to know; Infinity for no limit. */
  readonly timeoutMs: number;
}

/** Whoever made a call. Never told anything before {@link CallPath.begin} has returned. */
export interface CallListener {
  /**
   * The call is over for its caller. Once.
   *
   * @param error - Why it failed; undefined when it did not.
   * @param value - What the tool returned; undefined for a stream, which has only chunks.
   */
  settled(error: Error | undefined, value: unknown): void;
  /** The worker has let go of the call, so that it can take another one. Once, with `settled` or after it. */
  released(): void;
  /** A chunk of a stream, never more than were granted and none after `settled`. */
  chunk?(value: unknown): void;
}

/** A call that was begun. Nothing here does anything once the call is settled. */
export interface RunningCall {
  /** Gives the call up: settles it at once with this error, and tells the worker. `released` comes when that has let go. */
  cancel(error: Error): void;
  /** Lets so many more chunks of a stream come. */
  grant(chunks: number): void;
}

/** A way to call the tools of one worker. */
export interface CallPath {
  /**
   * Runs a tool.
   *
   * It fails with a SnakepitError PYTHON_EXCEPTION, TOOL_NOT_FOUND, INVALID_ARGUMENT, WORKER_UNAVAILABLE, WORKER_BUSY,
   * MESSAGE_TOO_LARGE or PROTOCOL, or with what it was cancelled with.
   */
  begin(call: ToolCall, limits: RunLimits, listener: CallListener): RunningCall;
  /** Tells the worker of a session, before the calls that come after. That it failed shows with those calls. */
  openSession(id: string, metadata: Readonly<Record<string, string>>): void;
  /** Tells the worker that nobody will use the session any more. */
  closeSession(id: string): void;
}
