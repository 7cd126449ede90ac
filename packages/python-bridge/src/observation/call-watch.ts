import { isSnakepitError, type Clock } from '@snakepit/core';
import { Latencies, type LatencySummary } from './latencies.ts';
import { redactText } from './redact-text.ts';

/** A call that has ended, as far as those who look at it are concerned: without its arguments. */
export interface EndedCall {
  /** What was called. */
  readonly call: { readonly tool: string; readonly session?: string | undefined };
  /** The worker that had it last, if any has. */
  readonly slot: { readonly connection: { readonly workerId: string } } | undefined;
  /** When it was made, by the clock of the system. */
  readonly madeAtMs: number;
  /** How often a worker was given it. */
  readonly attempts: number;
}

/** A call that is worth a look. Plain JSON. */
export interface WatchedCall {
  /** Name of the tool. */
  readonly tool: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker that had it last. */
  readonly worker: string | undefined;
  /** Id of its session. */
  readonly session: string | undefined;
  /** From the call to its outcome, in milliseconds: waiting included. */
  readonly durationMs: number;
  /** How often a worker was given it. */
  readonly attempts: number;
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  /** Code of the error; `undefined` when it succeeded. */
  readonly code: string | undefined;
  /** What the error says. */
  readonly message: string | undefined;
  /** Where in Python it was raised. */
  readonly traceback: string | undefined;
}

/** Keeps an eye on the calls of one pool. */
export interface CallWatch {
  /** Whether calls that succeed are to be told, too: somebody looks. */
  readonly isOn: boolean;
  /** A call has ended. */
  ended(call: EndedCall, error: Error | undefined): void;
  /** The last that failed, the latest first. They are kept whether somebody looks or not. */
  failing(): readonly WatchedCall[];
  /** The slowest of the last ten minutes, the slowest first; since somebody looks. */
  slowest(): readonly WatchedCall[];
  /** How long calls that succeeded took in the last minute; since somebody looks. */
  latencies(): LatencySummary;
}

/** How many calls of each kind are kept. */
export const keptCalls = 20;
/** Nobody looks any more who has not asked for so long, in milliseconds. */
const attentionMs = 10_000;
/** How long a slow call is worth a look, in milliseconds. */
const slowIsNewsMs = 600_000;
/** Characters of a message, and of a traceback: its end tells what was raised. */
const maxMessage = 500;
const maxTraceback = 8_000;

/** What a watch is made of. */
export interface CallWatchParts {
  /** Name of the pool. */
  readonly pool: string;
  /** Time. */
  readonly clock: Clock;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly wallClock?: () => number;
}

/** Makes the watch of one pool; to ask it is what turns it on, and it turns off by itself. */
export function createCallWatch(parts: CallWatchParts): CallWatch {
  return new Watch(parts);
}

interface FailedCall {
  readonly ended: WatchedCall;
  readonly error: Error;
}

class Watch implements CallWatch {
  isOn = false;
  readonly #pool: string;
  readonly #clock: Clock;
  readonly #wallClock: () => number;
  /** What is kept of a failure is made when somebody looks: there may be very many. */
  readonly #failing: FailedCall[] = [];
  #slowest: WatchedCall[] = [];
  #latencies: Latencies;
  #askedAtMs = -Infinity;

  constructor({ pool, clock, wallClock = Date.now }: CallWatchParts) {
    this.#pool = pool;
    this.#clock = clock;
    this.#wallClock = wallClock;
    this.#latencies = new Latencies(clock.now());
  }

  ended(ended: EndedCall, error: Error | undefined): void {
    if (error === undefined && !this.isOn) return;
    const nowMs = this.#clock.now();
    if (error !== undefined) this.#fail(ended, error, nowMs);
    if (!this.isOn) return;
    if (nowMs - this.#askedAtMs > attentionMs) {
      this.#turnOff();
      return;
    }
    const durationMs = nowMs - ended.madeAtMs;
    if (error === undefined) this.#latencies.add(durationMs, nowMs);
    const fastest = this.#slowest.at(-1);
    if (this.#slowest.length === keptCalls && durationMs <= (fastest?.durationMs ?? 0)) return;
    this.#slowest.push(this.#describe(ended, error, nowMs));
    this.#sortSlowest();
  }

  failing(): readonly WatchedCall[] {
    return this.#failing
      .map(({ ended, error }) => ({ ...ended, ...describeError(error) }))
      .reverse();
  }

  slowest(): readonly WatchedCall[] {
    this.#ask();
    this.#sortSlowest();
    return this.#slowest;
  }

  latencies(): LatencySummary {
    this.#ask();
    return this.#latencies.summary(this.#clock.now());
  }

  #ask(): void {
    this.#askedAtMs = this.#clock.now();
    this.isOn = true;
  }

  #turnOff(): void {
    this.isOn = false;
    this.#slowest = [];
    this.#latencies = new Latencies(this.#clock.now());
  }

  #fail(ended: EndedCall, error: Error, nowMs: number): void {
    // Who gives a call up knows why.
    if (isSnakepitError(error) && error.code === 'CANCELLED') return;
    this.#failing.push({ ended: this.#describe(ended, undefined, nowMs, error), error });
    if (this.#failing.length > keptCalls) this.#failing.shift();
  }

  #describe(
    { call: { tool, session }, slot, madeAtMs, attempts }: EndedCall,
    error: Error | undefined,
    nowMs: number,
    from = error,
  ): WatchedCall {
    const worker = slot?.connection.workerId ?? workerOf(from);
    const durationMs = nowMs - madeAtMs;
    const at = this.#wallClock();
    const said = error === undefined ? nothingSaid : describeError(error);
    return { tool, pool: this.#pool, worker, session, durationMs, attempts, at, ...said };
  }

  #sortSlowest(): void {
    const newsSince = this.#wallClock() - slowIsNewsMs;
    this.#slowest = this.#slowest
      .filter(({ at }) => at >= newsSince)
      .sort((a, b) => b.durationMs - a.durationMs)
      .slice(0, keptCalls);
  }
}

type Said = Pick<WatchedCall, 'code' | 'message' | 'traceback'>;

const nothingSaid: Said = { code: undefined, message: undefined, traceback: undefined };

function describeError(error: Error): Said {
  const message = redactText(error.message, maxMessage);
  if (!isSnakepitError(error)) return { code: undefined, message, traceback: undefined };
  const { traceback } = error.details as { readonly traceback?: unknown };
  return { code: error.code, message, traceback: tracebackOf(traceback) };
}

function tracebackOf(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  return redactText(text.trimEnd().slice(-maxTraceback), maxTraceback);
}

function workerOf(error: Error | undefined): string | undefined {
  const worker = isSnakepitError(error) ? error.details['worker'] : undefined;
  return typeof worker === 'string' ? worker : undefined;
}
