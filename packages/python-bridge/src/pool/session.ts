import type { Clock } from '@snakepit/core';
import type { SessionUsage } from '../bridge/session-store.ts';
import { checkOptions, type CallOptions, type CallStreamOptions } from '../call-options.ts';
import { createDeferred } from '../deferred.ts';
import { bridgeError } from '../errors.ts';
import type { Affinity, BoundSession, OnWorkerLost } from './affinity.ts';
import type { Caller, ToolArguments } from './caller.ts';
import type { ChunkTaker, PendingCall, SessionBinding } from './pool-call.ts';
import type { ToolStream } from './stream.ts';

/**
 * Calls that belong together: they prefer one worker or keep to it, and their tools see the same session id and metadata.
 *
 * It begins with its first call on a worker, and ends by {@link Session.end} or when it was not used for its `ttl`. Two
 * handles of one id are the same session.
 */
export interface Session extends AsyncDisposable {
  /** Its id. */
  readonly id: string;
  /** Name of the pool that its calls go to. */
  readonly pool: string;
  /** What its maker said about it. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Runs a tool in this session.
   *
   * @throws SnakepitError as `execute`; SESSION_LOST, SESSION_ENDED or SESSION_LIMIT.
   */
  execute<T = unknown>(tool: string, args?: ToolArguments, options?: CallOptions): Promise<T>;
  /** Runs a tool that yields, in this session; fails as {@link Session.execute}. */
  stream<T = unknown>(
    tool: string,
    args?: ToolArguments,
    options?: CallStreamOptions,
  ): ToolStream<T>;
  /**
   * Ends it: no call is taken any more, those that were are finished; then its workers and Node forget it, its Node tools
   * too. Resolves when all that was told. Doing it again waits for the same end.
   */
  end(): Promise<void>;
}

/** What a session is made of. */
export interface SessionParts {
  /** Its id. */
  readonly id: string;
  /** What its maker said about it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How closely it keeps to a worker. */
  readonly affinity: Affinity;
  /** What becomes of it when that worker is gone. */
  readonly onWorkerLost: OnWorkerLost;
  /** Milliseconds that it lives without being used. */
  readonly ttlMs: number;
  /** Time. */
  readonly clock: Clock;
  /** Told that it is over; forgets it, here and in the store, and resolves when that is done. */
  readonly onOver: (session: LiveSession) => Promise<void>;
}

/** A session as it is shown; plain JSON, and without its metadata. */
export interface SessionView {
  /** Its id. */
  readonly id: string;
  /** Where it is in its life. */
  readonly phase: 'opening' | 'open' | 'over';
  /** How closely it keeps to a worker. */
  readonly affinity: Affinity;
  /** Calls of it that are not over. */
  readonly pending: number;
  /** Milliseconds since it was used last; 0 while it has calls. */
  readonly idleMs: number;
  /** Milliseconds that it lives without being used. */
  readonly ttlMs: number;
  /** The pools that it was used in, and the worker there that it prefers or keeps to. */
  readonly pools: readonly { readonly pool: string; readonly worker: string | undefined }[];
}

/** `opening` until the store has agreed; then calls go through at once; in the end none does, for the reason given. */
type Phase =
  | { readonly kind: 'opening'; readonly waiting: (() => void)[]; readonly isEnding: boolean }
  | { readonly kind: 'open' }
  | { readonly kind: 'over'; readonly error: () => Error };

/** One session as Node knows it; the handles that people hold lead here. */
export class LiveSession implements BoundSession, SessionUsage {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly affinity: Affinity;
  readonly onWorkerLost: OnWorkerLost;
  /** Milliseconds that it lives without being used. */
  readonly ttlMs: number;
  /** Settles when it is over and everybody who knew it was told. */
  readonly closed: Promise<void>;
  readonly #parts: SessionParts;
  readonly #bindings = new Map<Caller, SessionBinding>();
  readonly #close = createDeferred<undefined>();
  #phase: Phase = { kind: 'opening', waiting: [], isEnding: false };
  #pending = 0;
  #usedAtMs: number;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.metadata = parts.metadata;
    this.affinity = parts.affinity;
    this.onWorkerLost = parts.onWorkerLost;
    this.ttlMs = parts.ttlMs;
    this.#parts = parts;
    this.#usedAtMs = parts.clock.now();
    this.closed = this.#close.promise.then(() => undefined);
  }

  /** Whether it is neither over nor to be ended, has not outlived its time, and has not lost its worker for good. */
  get isUsable(): boolean {
    const phase = this.#phase;
    if (phase.kind === 'over' || (phase.kind === 'opening' && phase.isEnding)) return false;
    if (this.#isLate) return false;
    return [...this.#bindings.values()].every(({ lostWorker }) => lostWorker === undefined);
  }

  /** Asked by the store. */
  usedAtMs(): number {
    return this.#pending > 0 ? Infinity : this.#usedAtMs;
  }

  /** Told by the store, or by whoever ends it. */
  gone(why: string): void {
    this.over(() => bridgeError('SESSION_ENDED', { session: this.id, why }));
  }

  /** Told by the dispatcher. */
  callBegan(): void {
    this.#pending += 1;
  }

  /** Told by the dispatcher. */
  callEnded(): void {
    this.#pending -= 1;
    this.#usedAtMs = this.#parts.clock.now();
    if (this.#pending === 0 && this.#phase.kind === 'over') this.#closeAll();
  }

  /** Ends it behind the calls that were made, also those that wait for the store to agree. */
  end(): Promise<void> {
    const why = 'it was ended';
    if (this.#phase.kind === 'opening') {
      this.#phase = { ...this.#phase, isEnding: true };
      this.#phase.waiting.push(() => {
        this.gone(why);
      });
    } else this.gone(why);
    return this.closed;
  }

  /** Another begins under its id: it is over, unless it is to end behind its calls anyway. */
  giveWay(): void {
    if (this.#phase.kind === 'opening' && this.#phase.isEnding) return;
    this.gone('it was begun anew');
  }

  /** The store has agreed. */
  opened(): void {
    if (this.#phase.kind !== 'opening') return;
    const { waiting } = this.#phase;
    this.#phase = { kind: 'open' };
    // Whoever has waited for the store was not idle.
    this.#usedAtMs = this.#parts.clock.now();
    for (const run of waiting) run();
  }

  /** Takes no more calls, for this reason; what was taken is finished first. */
  over(error: () => Error): void {
    if (this.#phase.kind === 'over') return;
    const waiting = this.#phase.kind === 'opening' ? this.#phase.waiting : [];
    this.#phase = { kind: 'over', error };
    for (const run of waiting) run();
    if (this.#pending === 0) this.#closeAll();
  }

  /** Calls through a pool, as soon as it may; in the order in which it is asked. */
  use<T>(caller: Caller, run: (binding: SessionBinding) => Promise<T>): Promise<T> {
    const phase = this.#phase;
    if (phase.kind === 'opening') {
      return new Promise((resolve) => {
        phase.waiting.push(() => {
          resolve(this.use(caller, run));
        });
      });
    }
    const error = this.#refusal();
    return error === undefined ? run(this.bindingOf(caller)) : Promise.reject(error);
  }

  /** Begins to read a stream, as soon as it may. */
  open(taker: ChunkTaker, run: () => PendingCall): PendingCall {
    const phase = this.#phase;
    if (phase.kind === 'opening') return openLater(phase.waiting, () => this.open(taker, run));
    const error = this.#refusal();
    if (error === undefined) return run();
    taker.ended(error);
    return nothingPending;
  }

  /** Why it takes no call now, if so. */
  #refusal(): Error | undefined {
    if (this.#isLate) this.gone(`it was not used for its time to live (${this.ttlMs} ms)`);
    return this.#phase.kind === 'over' ? this.#phase.error() : undefined;
  }

  get #isLate(): boolean {
    if (this.#phase.kind !== 'open') return false;
    return this.usedAtMs() + this.ttlMs < this.#parts.clock.now();
  }

  /** What a pool knows of it. */
  bindingOf(caller: Caller): SessionBinding {
    const known = this.#bindings.get(caller);
    if (known !== undefined) return known;
    const binding = caller.dispatcher.bind(this);
    this.#bindings.set(caller, binding);
    return binding;
  }

  /** How it is now. */
  describe(): SessionView {
    const { id, affinity, ttlMs } = this;
    const idleMs = this.#pending > 0 ? 0 : this.#parts.clock.now() - this.#usedAtMs;
    const pools = [...this.#bindings].map(([{ pool }, { slot, lostWorker }]) => {
      return { pool, worker: lostWorker ?? slot?.connection.workerId };
    });
    return { id, phase: this.#phase.kind, affinity, pending: this.#pending, idleMs, ttlMs, pools };
  }

  #closeAll(): void {
    for (const [{ dispatcher }, binding] of this.#bindings) dispatcher.release(binding);
    void this.#parts.onOver(this).then(() => {
      this.#close.resolve(undefined);
    });
  }
}

const nothingPending: PendingCall = { cancel: () => undefined, grant: () => undefined };

/** A call that is made later, unless it is given up before. */
function openLater(waiting: (() => void)[], open: () => PendingCall): PendingCall {
  let call: PendingCall | undefined;
  let isGivenUp = false;
  waiting.push(() => {
    if (!isGivenUp) call = open();
  });
  return {
    cancel: (error) => {
      isGivenUp = true;
      call?.cancel(error);
    },
    grant: (chunks) => call?.grant(chunks),
  };
}

/** A session in one pool, as people hold it. */
export class SessionHandle implements Session {
  readonly #session: LiveSession;
  readonly #caller: Caller;

  /** @param caller - Of the pool that its calls go to. */
  constructor(session: LiveSession, caller: Caller) {
    this.#session = session;
    this.#caller = caller;
  }

  get id(): string {
    return this.#session.id;
  }

  get pool(): string {
    return this.#caller.pool;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.#session.metadata;
  }

  async execute<T = unknown>(
    tool: string,
    args: ToolArguments = {},
    options: CallOptions = {},
  ): Promise<T> {
    checkOptions('call', options, tool);
    const result = await this.#session.use(this.#caller, (binding) =>
      this.#caller.execute(tool, args, options, binding),
    );
    return result as T;
  }

  stream<T = unknown>(
    tool: string,
    args: ToolArguments = {},
    options: CallStreamOptions = {},
  ): ToolStream<T> {
    checkOptions('streamCall', options, tool);
    const binding = this.#session.bindingOf(this.#caller);
    const session = this.#session;
    return this.#caller.stream<T>(tool, args, options, binding, session.open.bind(session));
  }

  async end(): Promise<void> {
    await this.#session.end();
  }

  /** {@link Session.end}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}
