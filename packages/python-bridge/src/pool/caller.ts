import { encodeArguments } from '../bridge/codec.ts';
import type { ValueMode } from '../bridge/codec.ts';
import { checkTool, type CallOptions, type CallStreamOptions } from '../call-options.ts';
import type { ResolvedPool } from '../config/config.ts';
import { bridgeError } from '../errors.ts';
import { nestedLimits, type Nesting } from '../tools/nesting.ts';
import { traceCall, traceStream } from '../tracing/call-trace.ts';
import { withCallerFrames } from './caller-frames.ts';
import type {
  ChunkTaker,
  PendingCall,
  PoolCall,
  PoolDispatcher,
  SessionBinding,
} from './pool-call.ts';
import { createStream, type ToolStream } from './stream.ts';

/** Arguments of a tool by name. */
export type ToolArguments = Readonly<Record<string, unknown>>;

/** Makes a call whose result comes in chunks, at its own time. */
export type OpenVia = (taker: ChunkTaker, open: () => PendingCall) => PendingCall;

/** How many chunks of a stream may have come and not been read, unless its reader says otherwise. */
const defaultHighWaterMark = 16;

/** What makes the calls of one pool from what people give; the options have been checked. */
export class Caller {
  /** Where the calls go. */
  readonly dispatcher: PoolDispatcher;
  readonly #config: ResolvedPool;
  readonly #isStopping: () => boolean;
  readonly #mode: ValueMode;
  readonly #nesting: Nesting;

  constructor(
    config: ResolvedPool,
    dispatcher: PoolDispatcher,
    isStopping: () => boolean,
    nesting: Nesting,
  ) {
    this.#config = config;
    this.#nesting = nesting;
    this.dispatcher = dispatcher;
    this.#isStopping = isStopping;
    this.#mode = config.compat === undefined ? 'values' : 'plain';
  }

  /** Name of the pool. */
  get pool(): string {
    return this.#config.name;
  }

  /**
   * Runs a tool; no async function, which would cost a call more than its way through the pool.
   *
   * @returns What it returned; rejects with a SnakepitError.
   * @throws SnakepitError for what cannot be called.
   */
  execute(
    tool: string,
    args: ToolArguments,
    options: CallOptions,
    binding: SessionBinding | undefined,
  ): Promise<unknown> {
    checkTool(tool);
    const trace = traceCall(tool, this.pool, binding?.session.id);
    const timeoutMs = this.#config.requestTimeoutMs;
    if (trace === undefined) {
      const call = this.#callOf(tool, args, options, binding, timeoutMs);
      return this.dispatcher.execute(call).then(undefined, tellCaller);
    }
    return trace.run(
      () => this.#callOf(tool, args, options, binding, timeoutMs),
      (call) => this.dispatcher.execute(call),
      tellCaller,
    );
  }

  /** Runs a tool that yields, when somebody reads. */
  stream<T>(
    tool: string,
    args: ToolArguments,
    options: CallStreamOptions,
    binding: SessionBinding | undefined,
    via: OpenVia = (_taker, open) => open(),
  ): ToolStream<T> {
    checkTool(tool);
    const { highWaterMark = defaultHighWaterMark } = options;
    const beginTrace = traceStream(tool, this.pool, binding?.session.id);
    const call: PoolCall = {
      ...this.#callOf(tool, args, options, binding, this.#config.streamTimeoutMs),
      stream: { credit: highWaterMark },
    };
    return createStream<T>({
      tool,
      highWaterMark,
      open: (taker) => {
        const trace = beginTrace?.();
        if (trace === undefined) return via(taker, () => this.dispatcher.open(call, taker));
        const traced = trace.attach(call);
        return trace.follow(taker, (told) => via(told, () => this.dispatcher.open(traced, told)));
      },
    });
  }

  /** The call as the pool takes it; refuses at once what cannot be called. */
  #callOf(
    tool: string,
    args: ToolArguments,
    options: CallOptions,
    binding: SessionBinding | undefined,
    defaultMs: number,
  ): PoolCall {
    const { timeout = defaultMs, signal, binary } = options;
    const { idempotent = false, priority = 'normal' } = options;
    const outer = this.#nesting.current();
    // What was taken is finished, and with it what that needs.
    if (outer === undefined && this.#isStopping()) throw bridgeError('SHUTTING_DOWN', { tool });
    const encoded = encodeArguments(args, tool, binary, this.#mode);
    const fault = this.dispatcher.catalogue.check(tool, args, binary);
    if (fault !== undefined) throw fault;
    const limits = outer === undefined ? undefined : nestedLimits(outer, tool, timeout, signal);
    return {
      tool,
      arguments: encoded,
      session: binding?.session.id,
      timeoutMs: limits?.timeoutMs ?? timeout,
      signal: limits?.signal ?? signal,
      metadata: limits?.metadata,
      isNested: limits !== undefined,
      idempotent,
      priority,
      binding,
    };
  }
}

/** A call that is refused at once, which its caller is told as of any other that fails. */
export function refusedCall(why: unknown): Promise<never> {
  return new Promise(() => {
    throw why;
  });
}

/** How the frame of a call begins in an error that was made before it had to wait. */
const ownFrame = `    at ${Caller.name}.execute (`;

function tellCaller(error: unknown): never {
  throw withCallerFrames(error, ownFrame);
}
