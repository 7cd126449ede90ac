import { exitReason, type ExitReason } from '../process/exit-reason.ts';
import {
  CallMessage,
  CastMessage,
  ExitRequest,
  type ExitMessage,
  type From,
} from '../process/messages.ts';
import type { Process } from '../process/process.ts';
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

type Phase = 'init' | 'waiting' | 'handling' | 'terminating' | 'dead';

/** Runs a GenServer's callbacks for one process. @internal */
export class ServerInstance<S, I> implements Instance {
  readonly #process: Process;
  readonly #definition: Definition<S, I>;
  readonly #input: I;
  readonly #actor: FlatActor;
  #phase: Phase = 'init';
  #state: S | undefined;

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

  get stateValue(): Phase {
    return this.#phase;
  }

  get state(): S | undefined {
    return this.#state;
  }

  start(): void {
    this.#run(
      () => this.#definition.init(this.#input, this.#process.context),
      (result) => {
        this.#initialised(result);
      },
      (error) => {
        this.#process.end(reasonOf(error));
      },
    );
  }

  receive(message: unknown): void {
    this.#actor.send(message);
  }

  dispose(): void {
    this.#phase = 'dead';
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
      const handler = this.#definition.call?.[message.request.type];
      if (handler === undefined) this.#unknown('call', message.request.type);
      else
        this.#handle(
          () => handler(state, argumentOf(message.request), context, message.from),
          message.from,
        );
    } else if (message instanceof CastMessage) {
      const handler = this.#definition.cast?.[message.request.type];
      if (handler === undefined) this.#unknown('cast', message.request.type);
      else this.#handle(() => handler(state, argumentOf(message.request), context));
    } else if (isExitOf(message, this.#process)) {
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

  #unknown(what: string, name: string): never {
    throw new TypeError(
      `${this.#name()} has no ${what} "${name}"; it has: ${Object.keys(this.#definition[what as 'call' | 'cast'] ?? {}).join(', ') || 'none'}`,
    );
  }

  #handle(callback: () => HandleResult<S> | Promise<HandleResult<S>>, from?: From): void {
    this.#phase = 'handling';
    this.#run(
      callback,
      (result) => {
        this.#handled(result, from);
      },
      (error) => {
        this.#terminate(reasonOf(error));
      },
    );
  }

  #handled(result: HandleResult<S>, from: From | undefined): void {
    switch ((result as HandleResult<S> | undefined)?.kind) {
      case 'reply': {
        const { value, state, next } = result as HandleResult<S> & { kind: 'reply' };
        this.#state = state;
        this.#phase = 'waiting';
        from?.resolve(value);
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
      const { continue: handler } = this.#definition;
      if (handler === undefined) {
        throw new TypeError(`${this.#name()} asked to continue but has no continue handler`);
      }
      this.#handle(() => handler(this.#state as S, next.continue, this.#process.context));
    });
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
        this.#process.end(reasonOf(error));
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
      onError(error);
      return;
    }
    if (value instanceof Promise) this.#process.hold(value, onValue, onError);
    else onValue(value);
  }

  #name(): string {
    return `${this.#process.name ?? this.#process.label} ${this.#process.pid.toString()}`;
  }
}

function reasonOf(error: unknown): ExitReason {
  return error instanceof ExitRequest ? error.reason : exitReason.error(error);
}

function argumentOf(request: object): never {
  // Which argument a name takes was checked where the reference was made.
  return ('arg' in request ? request.arg : undefined) as never;
}

function isExitOf(message: unknown, process: Process): message is ExitMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'EXIT' &&
    'from' in message &&
    message.from === process.parent
  );
}
