import type { CallOptions, ProcessContext } from '../process/process-context.ts';
import type { From } from '../process/messages.ts';
import type { ExitReason } from '../process/exit-reason.ts';
import type { Pid } from '../process/pid.ts';
import type { Behaviour } from './behaviour.ts';
import { checkServerDefinition } from './check-definition.ts';
import type { HandleResult, InitResult } from './gen-server-results.ts';
import { ServerInstance } from './gen-server-instance.ts';

type Awaitable<T> = T | Promise<T>;

/** Handles one kind of call. `from` is whom to answer when the answer comes later. */
export type CallHandler<S> = (
  state: S,
  argument: never,
  self: ProcessContext,
  from: From,
) => Awaitable<HandleResult<S>>;

/** Handles one kind of cast. */
export type CastHandler<S> = (
  state: S,
  argument: never,
  self: ProcessContext,
) => Awaitable<HandleResult<S, never>>;

/** What a GenServer is made of (OTP GEN-001 … GEN-033). Every callback may be async; the mailbox waits meanwhile. */
export interface ServerDefinition<S, I, Calls extends object, Casts extends object> {
  /** What it is called in reports. It is not registered under this; `start`'s option `name` does that. */
  readonly name?: string;
  /** Whether exit signals arrive as messages; default false. */
  readonly trapExit?: boolean;
  /** Makes the first state. Messages wait until it is done (MSG-005). */
  readonly init: (input: I, self: ProcessContext) => Awaitable<InitResult<S>>;
  /** Calls by name: `(state, argument, self, from)`. */
  readonly call?: Calls & Readonly<Record<string, CallHandler<S>>>;
  /** Casts by name: `(state, argument, self)`. */
  readonly cast?: Casts & Readonly<Record<string, CastHandler<S>>>;
  /** Any other message, EXIT and DOWN among them (GEN-022). Default: a warning is logged. */
  readonly info?: (
    state: S,
    message: unknown,
    self: ProcessContext,
  ) => Awaitable<HandleResult<S, never>>;
  /** Runs before any other message after `ok(…, { continue })` and the like (GEN-003). */
  readonly continue?: (
    state: S,
    argument: unknown,
    self: ProcessContext,
  ) => Awaitable<HandleResult<S, never>>;
  /** Cleans up at the end; see GEN-026 for when it runs and when not. */
  readonly terminate?: (state: S, reason: ExitReason, self: ProcessContext) => Awaitable<void>;
}

/** A GenServer's definition as a behaviour, with the types of its calls and casts. */
export interface Server<I, Calls, Casts> extends Behaviour<I> {
  /** The calls, for typed references. @internal */
  readonly calls: Calls;
  /** The casts, for typed references. @internal */
  readonly casts: Casts;
}

/** The argument of a handler, after the state: none, one that may be left out, or one. */
type ArgumentOf<H> = H extends (...args: infer P) => unknown
  ? P extends [unknown, ...infer Rest]
    ? Rest extends []
      ? []
      : Rest extends [(infer A)?, ...unknown[]]
        ? [A] extends [never]
          ? []
          : [] extends Rest
            ? [argument?: A | undefined]
            : undefined extends A
              ? [argument?: A]
              : [argument: A]
        : []
    : []
  : [];

type CallArguments<H> =
  ArgumentOf<H> extends []
    ? [argument?: undefined, options?: CallOptions]
    : [...ArgumentOf<H>, options?: CallOptions];

type ReplyOf<H> = H extends (...args: never[]) => infer R
  ? Extract<Awaited<R>, { readonly kind: 'reply' }> extends { readonly value: infer V }
    ? V
    : unknown
  : unknown;

/** A GenServer as callers see it: its calls and casts as methods, typed from the definition. */
export interface ServerRef<Calls = unknown, Casts = unknown> {
  /** The process. */
  readonly pid: Pid;
  /** One method a call: `(argument?, { timeout }?)`, resolving with the reply. */
  readonly call: {
    readonly [K in keyof Calls]: (...args: CallArguments<Calls[K]>) => Promise<ReplyOf<Calls[K]>>;
  };
  /** One method a cast: `(argument?)`; returns at once. */
  readonly cast: {
    readonly [K in keyof Casts]: (...args: ArgumentOf<Casts[K]>) => void;
  };
}

/**
 * Defines a GenServer: a process that keeps a state and answers requests one at a time.
 *
 * @returns A behaviour for `system.start`, `self.spawnLink` and child specifications.
 * @example
 * ```ts
 * const counter = defineServer({
 *   name: 'counter',
 *   init: (start: number) => ok({ n: start }),
 *   call: { add: (state, by: number) => reply(state.n + by, { n: state.n + by }) },
 * });
 * ```
 */
export function defineServer<
  S,
  I = undefined,
  Calls extends object = object,
  Casts extends object = object,
>(definition: ServerDefinition<S, I, Calls, Casts>): Server<I, Calls, Casts> {
  checkServerDefinition(definition);
  return {
    kind: 'genServer',
    label: definition.name ?? 'genServer',
    // Only the keys and types matter to a reference; a server without calls has none.
    calls: definition.call ?? ({} as Calls),
    casts: definition.cast ?? ({} as Casts),
    createInstance: (process, input) => new ServerInstance(process, input, definition),
  };
}
