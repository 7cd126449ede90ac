import {
  propagation,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { ChunkTaker, PendingCall, PoolCall } from '../pool/pool-call.ts';
import { activeContext, findTracer, guarded, markFailed } from './tracer.ts';

/** What a call's way through its pool is told to. */
export interface CallTrace {
  /** It waits for a worker. */
  queued(): void;
  /** A worker is given it: comes before it is sent. */
  dispatched(workerId: string, attempt: number): void;
  /** The worker has ended it. */
  attempted(error: Error | undefined): void;
}

/** What a trace says of a call. */
export interface TracedCallFacts {
  /** What the caller does. */
  readonly operation: 'execute' | 'stream';
  /** Name of the tool. */
  readonly tool: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the session; `undefined` without one. */
  readonly session: string | undefined;
}

/**
 * Begins the trace of a call, as a child of what is active here.
 *
 * @returns `undefined` when nobody traces.
 */
export function traceCall(
  tool: string,
  pool: string,
  session: string | undefined,
): TracedCall | undefined {
  const tracer = findTracer();
  if (tracer === undefined) return undefined;
  const facts = { operation: 'execute', tool, pool, session } as const;
  return guarded(() => new TracedCall(tracer, facts, activeContext()));
}

/**
 * Has the trace of a stream begin when that is opened, as a child of what is active here and now.
 *
 * @returns `undefined` when nobody traces.
 */
export function traceStream(
  tool: string,
  pool: string,
  session: string | undefined,
): (() => TracedCall | undefined) | undefined {
  const tracer = findTracer();
  if (tracer === undefined) return undefined;
  const parent = activeContext();
  const facts = { operation: 'stream', tool, pool, session } as const;
  return () => guarded(() => new TracedCall(tracer, facts, parent));
}

/**
 * The spans of one call: one for all of it, and in that one for each wait in the queue and each attempt. What goes to Python
 * is the context of the attempt. Of a call that is not sampled Python is told just that.
 */
export class TracedCall implements CallTrace {
  readonly #tracer: Tracer;
  readonly #facts: TracedCallFacts;
  readonly #span: Span;
  readonly #context: Context;
  readonly #metadata: Record<string, string> = {};
  #waiting: Span | undefined;
  #attempt: Span | undefined;
  #chunks = 0;

  /** @param parent - What the call is made in. */
  constructor(tracer: Tracer, facts: TracedCallFacts, parent: Context) {
    this.#tracer = tracer;
    this.#facts = facts;
    const name = `snakepit.${facts.operation} ${facts.tool}`;
    const attributes = { 'snakepit.operation': facts.operation, ...attributesOf(facts) };
    this.#span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** The call with its trace, and with what Python is told of that. */
  attach(call: PoolCall): PoolCall {
    Object.assign(this.#metadata, call.metadata);
    guarded(() => {
      propagation.inject(this.#context, this.#metadata);
    });
    return { ...call, metadata: this.#metadata, trace: this };
  }

  /**
   * Makes the call, and has it end.
   *
   * @param make - Gives the call; throws what cannot be called.
   * @param execute - Makes it.
   * @param fail - Throws the error that its caller is told.
   */
  run(
    make: () => PoolCall,
    execute: (call: PoolCall) => Promise<unknown>,
    fail: (error: unknown) => never,
  ): Promise<unknown> {
    let call: PoolCall;
    try {
      call = this.attach(make());
    } catch (error) {
      this.ended(error);
      throw error;
    }
    return execute(call).then(
      (value) => {
        this.ended(undefined);
        return value;
      },
      (error: unknown) => {
        this.ended(error);
        return fail(error);
      },
    );
  }

  queued(): void {
    if (!this.#span.isRecording()) return;
    this.#waiting = guarded(() => this.#tracer.startSpan('snakepit.queue', {}, this.#context));
  }

  dispatched(workerId: string, attempt: number): void {
    this.#endWait();
    if (!this.#span.isRecording()) return;
    const { tool } = this.#facts;
    const attributes = {
      ...attributesOf(this.#facts),
      'snakepit.worker': workerId,
      'snakepit.attempt': attempt,
      'rpc.system': 'snakepit',
      'rpc.method': tool,
    };
    const options = { kind: SpanKind.CLIENT, attributes };
    guarded(() => {
      this.#attempt = this.#tracer.startSpan(`snakepit.rpc ${tool}`, options, this.#context);
      propagation.inject(trace.setSpan(this.#context, this.#attempt), this.#metadata);
    });
  }

  attempted(error: Error | undefined): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    // The error itself is told once, where the whole call ends.
    guarded(() => {
      if (error !== undefined) markFailed(attempt, error, false);
      attempt.end();
    });
  }

  /** Its caller is told the outcome. */
  ended(error: unknown): void {
    this.#endWait();
    // One that is left, or that its worker will not answer any more.
    this.attempted(error instanceof Error ? error : undefined);
    guarded(() => {
      if (error !== undefined) markFailed(this.#span, error, true);
      if (this.#facts.operation === 'stream') {
        this.#span.setAttribute('snakepit.stream.chunks', this.#chunks);
      }
      this.#span.end();
    });
  }

  /** Tells it of a stream that is opened; of one that its reader leaves, too, which is no failure. */
  follow(taker: ChunkTaker, open: (taker: ChunkTaker) => PendingCall): PendingCall {
    let isOver = false;
    const end = (error: unknown): void => {
      if (!isOver) this.ended(error);
      isOver = true;
    };
    const told: ChunkTaker = {
      chunk: (value) => {
        this.#chunks += 1;
        taker.chunk(value);
      },
      ended: (error) => {
        end(error);
        taker.ended(error);
      },
    };
    let pending: PendingCall;
    try {
      pending = open(told);
    } catch (error) {
      end(error);
      throw error;
    }
    return {
      cancel: (error) => {
        if (!isOver) this.#span.setAttribute('snakepit.stream.left', true);
        end(undefined);
        pending.cancel(error);
      },
      grant: (chunks) => {
        pending.grant(chunks);
      },
    };
  }

  #endWait(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    guarded(() => waiting?.end());
  }
}

function attributesOf({ tool, pool, session }: TracedCallFacts): Attributes {
  const about = { 'snakepit.tool': tool, 'snakepit.pool': pool };
  return session === undefined ? about : { ...about, 'snakepit.session': session };
}
