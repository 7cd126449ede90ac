import { exitReason, type ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import { CallMessage, CastMessage, isExitFrom, type From } from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import { isThenable } from '../thenable.ts';
import type { Instance } from './behaviour.ts';
import type { HandleResult, InitResult, Next } from './gen-server-results.ts';
import { StateTimer } from './gen-server-timer.ts';
import type { CallHandler, CastHandler, ServerDefinition } from './gen-server.ts';

type Definition<S, I> = ServerDefinition<
  S,
  I,
  Record<string, CallHandler<S>>,
  Record<string, CastHandler<S>>
>;

type Phase = 'init' | 'waiting' | 'continuing' | 'handling' | 'terminating';

/** Where a server is in its life (OTP §6): a name, or one with the message or the reason that it is about. */
export type ServerStateValue =
  | 'init'
  | 'waiting'
  | 'continuing'
  | 'suspended'
  | { readonly handling: string }
  | { readonly terminating: string };

/** Runs a GenServer's callbacks for one process. @internal */
export class ServerInstance<S, I> implements Instance {
  readonly #process: Process;
  readonly #definition: Definition<S, I>;
  readonly #input: I;
  #phase: Phase = 'init';
  /** What it is handling, or why it terminates. */
  #subject = '';
  #state: S | undefined;
  #timer: StateTimer | undefined;

  /**
   * @param process - The process it runs for.
   * @param input - Handed to `init`.
   * @param definition - The callbacks.
   */
  constructor(process: Process, input: I, definition: Definition<S, I>) {
    this.#process = process;
    this.#definition = definition;
    this.#input = input;
    process.trapExit = definition.trapExit ?? false;
  }

  /** Where it is in its life. */
  get stateValue(): ServerStateValue {
    if (this.#process.isSuspended) return 'suspended';
    if (this.#phase === 'handling') return { handling: this.#subject };
    if (this.#phase === 'terminating') return { terminating: this.#subject };
    return this.#phase;
  }

  /** The state of the server; none before `init` has ended. */
  get state(): S | undefined {
    return this.#state;
  }

  /** Runs `init`. */
  start(): void {
    this.#run(
      () => this.#definition.init(this.#input, this.#process.context),
      (result) => {
        this.#initialised(result);
      },
      (error) => {
        this.#process.end(reasonOfThrown(error));
      },
    );
  }

  /** Handles one message. */
  receive(message: unknown): void {
    this.#dispatch(message);
  }

  /** Nothing of it goes on after the process. */
  dispose(): void {
    this.#timer?.pause();
  }

  /** Replaces the state. */
  replaceState(state: unknown): void {
    // Of which type it is says who replaces it.
    this.#state = state as S;
  }

  /** Runs `terminate` and ends. */
  terminate(reason: ExitReason): void {
    this.#terminate(reason);
  }

  /** The one thing that a system message changes: the whole time is allowed again (GEN-032). */
  attended(isSuspended: boolean): void {
    if (isSuspended) this.#timer?.pause();
    else this.#timer?.restart();
  }

  #initialised(result: InitResult<S>): void {
    // Plain JavaScript callers can return anything; the compiler cannot stop them (GEN-007).
    switch ((result as InitResult<S> | undefined)?.kind) {
      case 'ok': {
        const { state, next } = result as InitResult<S> & { kind: 'ok' };
        this.#state = state;
        this.#phase = 'waiting';
        this.#process.acknowledge();
        if (next !== undefined) this.#goOn(next);
        return;
      }
      case 'ignore':
        this.#process.ignore();
        return;
      case 'fail':
        this.#process.failStart((result as InitResult<S> & { kind: 'fail' }).reason);
        return;
      case 'stop':
        this.#process.end((result as InitResult<S> & { kind: 'stop' }).reason);
        return;
      default:
        this.#process.end(exitReason.badReturn(result));
    }
  }

  #dispatch(message: unknown): void {
    if (this.#timer !== undefined) this.#stopTimer();
    const from = message instanceof CallMessage ? message.from : undefined;
    const isRequest = from !== undefined || message instanceof CastMessage;
    if (!isRequest && isExitFrom(message, this.#process.parent)) {
      this.#terminate(message.reason);
      return;
    }
    this.#phase = 'handling';
    let result: unknown;
    try {
      result = this.#handle(message);
    } catch (error) {
      if (this.#process.alive) this.#terminate(reasonOfThrown(error));
      return;
    }
    if (isThenable(result)) this.#await(result, from);
    // Else an exit signal reached it during the callback: nothing of what it returned counts (PRC-021).
    else if (this.#process.alive) this.#handled(result as HandleResult<S>, from);
  }

  /** Runs the handler of a message. */
  #handle(message: unknown): unknown {
    const { context } = this.#process;
    // The state is there: init has ended before any message is taken.
    const state = this.#state as S;
    if (message instanceof CastMessage) {
      const { request } = message;
      this.#subject = request.type;
      return this.#find('cast', this.#definition.cast, request.type)(
        state,
        argumentOf(request),
        context,
      );
    }
    if (message instanceof CallMessage) {
      const { request, from } = message;
      this.#subject = request.type;
      const handler = this.#find('call', this.#definition.call, request.type);
      return handler(state, argumentOf(request), context, from);
    }
    this.#subject = typeOf(message);
    if (this.#definition.info !== undefined) return this.#definition.info(state, message, context);
    this.#process.runtime.recorder?.ignored();
    this.#process.runtime.logger.warn(
      `${this.#name()} received a message that it has no info handler for`,
      { message },
    );
    return { kind: 'noreply', state, next: undefined } satisfies HandleResult<S>;
  }

  /** An unknown name is a callback that fails: terminate runs, and the process ends (GEN-022). */
  #find<H>(kind: string, handlers: Readonly<Record<string, H>> = {}, name: string): H {
    // Own properties only: `toString` is no handler.
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler !== undefined) return handler;
    const known = Object.keys(handlers).join(', ') || 'none';
    throw new TypeError(`${this.#name()} has no ${kind} "${name}"; it has: ${known}`);
  }

  #await(result: PromiseLike<unknown>, from?: From): void {
    this.#process.hold(
      Promise.resolve(result),
      (value) => {
        this.#handled(value as HandleResult<S>, from);
      },
      (error) => {
        this.#terminate(reasonOfThrown(error));
      },
    );
  }

  #handled(result: HandleResult<S>, from: From | undefined): void {
    switch ((result as HandleResult<S> | undefined)?.kind) {
      case 'reply': {
        if (from === undefined) {
          // Only a call can be answered (GEN-024).
          this.#terminate(exitReason.badReturn(result));
          return;
        }
        const { value, state, next } = result as HandleResult<S> & { kind: 'reply' };
        this.#state = state;
        this.#phase = 'waiting';
        from.resolve(value);
        if (next !== undefined) this.#goOn(next);
        return;
      }
      case 'noreply': {
        const { state, next } = result as HandleResult<S> & { kind: 'noreply' };
        this.#state = state;
        this.#phase = 'waiting';
        if (next !== undefined) this.#goOn(next);
        return;
      }
      case 'stop': {
        const { reason, state, reply } = result as HandleResult<S> & { kind: 'stop' };
        this.#state = state;
        this.#terminate(reason, () => {
          if (reply !== undefined) from?.resolve(reply.value);
        });
        return;
      }
      default:
        this.#terminate(exitReason.badReturn(result));
    }
  }

  #goOn(next: Next): void {
    if (!('continue' in next)) {
      this.#timer = new StateTimer(this.#process, next.timeout);
      const fault = this.#timer.restart();
      if (fault !== undefined) this.#terminate(exitReason.error(fault));
      return;
    }
    this.#process.interject(() => {
      this.#phase = 'continuing';
      this.#process.continuing(next.continue);
      this.#run(
        () => this.#continued(next.continue),
        (result) => {
          this.#handled(result, undefined);
        },
        (error) => {
          this.#terminate(reasonOfThrown(error));
        },
      );
    });
  }

  #continued(argument: unknown): ReturnType<NonNullable<Definition<S, I>['continue']>> {
    const { continue: handler } = this.#definition;
    if (handler === undefined) {
      throw new TypeError(`${this.#name()} asked to continue but has no continue handler`);
    }
    return handler(this.#state as S, argument, this.#process.context);
  }

  #stopTimer(): void {
    this.#timer?.pause();
    this.#timer = undefined;
  }

  /** Runs terminate, then ends; what terminate throws replaces the reason (GEN-027). */
  #terminate(reason: ExitReason, afterwards: () => void = () => undefined): void {
    const { terminate } = this.#definition;
    this.#stopTimer();
    if (terminate === undefined) {
      afterwards();
      this.#process.end(reason);
      return;
    }
    this.#phase = 'terminating';
    this.#subject = reason.kind;
    this.#run(
      () => terminate(this.#state as S, reason, this.#process.context),
      () => {
        afterwards();
        this.#process.end(reason);
      },
      (error) => {
        afterwards();
        this.#process.end(reasonOfThrown(error));
      },
    );
  }

  /** Runs a callback that may be async; meanwhile the mailbox waits. */
  #run<T>(
    callback: () => T | Promise<T>,
    onValue: (value: T) => void,
    onError: (error: unknown) => void,
  ): void {
    let value: T | Promise<T>;
    try {
      value = callback();
    } catch (error) {
      if (this.#process.alive) onError(error);
      return;
    }
    if (isThenable(value)) this.#process.hold(Promise.resolve(value), onValue, onError);
    // Else an exit signal reached it during the callback: nothing of what it returned counts (PRC-021).
    else if (this.#process.alive) onValue(value);
  }

  #name(): string {
    return `${this.#process.name ?? this.#process.label} ${this.#process.pid.toString()}`;
  }
}

function argumentOf(request: object): never {
  // Which argument a name takes was checked where the reference was made.
  return ('arg' in request ? request.arg : undefined) as never;
}

function typeOf(message: unknown): string {
  const isTyped = typeof message === 'object' && message !== null && 'type' in message;
  return isTyped && typeof message.type === 'string' ? message.type : typeof message;
}
