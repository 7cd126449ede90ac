import { exitReason, type ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import { CallMessage, CastMessage, isExitFrom, type From } from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import { isThenable } from '../thenable.ts';
import type { Instance } from './behaviour.ts';
import { createFlatActor, type FlatActor } from './flat-actor.ts';
import type { Continuation, HandleResult, InitResult } from './gen-server-results.ts';
import type { CallHandler, CastHandler, ServerDefinition } from './gen-server.ts';

type Definition<S, I> = ServerDefinition<
  S,
  I,
  Record<string, CallHandler<S>>,
  Record<string, CastHandler<S>>
>;

type Phase = 'init' | 'waiting' | 'continuing' | 'handling' | 'terminating';

/** Runs a GenServer's callbacks for one process. @internal */
export class ServerInstance<S, I> implements Instance {
  readonly #process: Process;
  readonly #definition: Definition<S, I>;
  readonly #input: I;
  readonly #actor: FlatActor;
  #phase: Phase = 'init';
  #state: S | undefined;

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
    this.#actor = createFlatActor(this, {
      handle: (message) => {
        this.#dispatch(message);
      },
    });
  }

  /** Where it is in its life. */
  get stateValue(): Phase {
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
    this.#actor.send(message);
  }

  /** Lets go of the actor. */
  dispose(): void {
    this.#actor.stop();
  }

  #initialised(result: InitResult<S>): void {
    // Plain JavaScript callers can return anything; the compiler cannot stop them (GEN-007).
    switch ((result as InitResult<S> | undefined)?.kind) {
      case 'ok': {
        const { state, next } = result as InitResult<S> & { kind: 'ok' };
        this.#state = state;
        this.#phase = 'waiting';
        this.#process.acknowledge();
        this.#continue(next);
        return;
      }
      case 'ignore':
        this.#process.ignore();
        return;
      case 'stop':
        this.#process.end((result as InitResult<S> & { kind: 'stop' }).reason);
        return;
      default:
        this.#process.end(exitReason.badReturn(result));
    }
  }

  #dispatch(message: unknown): void {
    const { context } = this.#process;
    // The state is there: init has ended before any message is taken.
    const state = this.#state as S;
    if (message instanceof CallMessage) {
      const { request, from } = message;
      this.#handle(() => {
        const handler = this.#find('call', request.type, this.#definition.call);
        return handler(state, argumentOf(request), context, from);
      }, from);
    } else if (message instanceof CastMessage) {
      const { request } = message;
      this.#handle(() => {
        const handler = this.#find('cast', request.type, this.#definition.cast);
        return handler(state, argumentOf(request), context);
      });
    } else if (isExitFrom(message, this.#process.parent)) {
      this.#terminate(message.reason);
    } else if (this.#definition.info !== undefined) {
      const { info } = this.#definition;
      this.#handle(() => info(state, message, context));
    } else {
      this.#process.runtime.logger.warn(
        `${this.#name()} received a message that it has no info handler for`,
        { message },
      );
    }
  }

  /** An unknown name is a callback that fails: terminate runs, and the process ends (GEN-022). */
  #find<H>(kind: string, name: string, handlers: Readonly<Record<string, H>> = {}): H {
    // Own properties only: `toString` is no handler.
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler !== undefined) return handler;
    const known = Object.keys(handlers).join(', ') || 'none';
    throw new TypeError(`${this.#name()} has no ${kind} "${name}"; it has: ${known}`);
  }

  #handle(
    callback: () => HandleResult<S> | Promise<HandleResult<S>>,
    from?: From,
    phase: Phase = 'handling',
  ): void {
    this.#phase = phase;
    this.#run(
      callback,
      (result) => {
        this.#handled(result, from);
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
        this.#continue(next);
        return;
      }
      case 'noreply': {
        const { state, next } = result as HandleResult<S> & { kind: 'noreply' };
        this.#state = state;
        this.#phase = 'waiting';
        this.#continue(next);
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

  #continue(next: Continuation | undefined): void {
    if (next === undefined) return;
    this.#process.interject(() => {
      this.#handle(() => this.#continued(next.continue), undefined, 'continuing');
    });
  }

  #continued(argument: unknown): ReturnType<NonNullable<Definition<S, I>['continue']>> {
    const { continue: handler } = this.#definition;
    if (handler === undefined) {
      throw new TypeError(`${this.#name()} asked to continue but has no continue handler`);
    }
    return handler(this.#state as S, argument, this.#process.context);
  }

  /** Runs terminate, then ends; what terminate throws replaces the reason (GEN-027). */
  #terminate(reason: ExitReason, afterwards: () => void = () => undefined): void {
    const { terminate } = this.#definition;
    this.#phase = 'terminating';
    if (terminate === undefined) {
      afterwards();
      this.#process.end(reason);
      return;
    }
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
