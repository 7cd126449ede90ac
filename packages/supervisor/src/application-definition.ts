import type { ProcessContext, Spawnable } from '@snakepit/core';
import { supervisorError } from './errors.ts';

/** How a top supervisor is started, as in a child spec: `[Supervisor, { … }]`. */
export type TopSupervisor = readonly [logic: Spawnable<never>, input?: unknown];

/** What an application's `start` gives: its top supervisor, and what `prepStop` will get. */
export type ApplicationStart<State> =
  TopSupervisor | { readonly top: TopSupervisor; readonly state: State };

/** What an application is made of (OTP APP-001, APP-005). Every callback may be async. */
export interface ApplicationDefinition<Args = undefined, State = undefined> {
  /** Its name; one of that name runs in a system at a time. */
  readonly name: string;
  /** One line for people. */
  readonly description?: string;
  /** What must run before it is started. */
  readonly dependencies?: readonly Application<never>[];
  /**
   * Says which top supervisor to start, `[Supervisor, { … }]`, and with `{ top, state }` what `prepStop` will get.
   * Without it, starting is only a mark.
   */
  readonly start?: (
    args: Args,
    self: ProcessContext,
  ) => ApplicationStart<State> | Promise<ApplicationStart<State>>;
  /** Runs before the top supervisor is stopped; what it gives is handed to `stop`. */
  readonly prepStop?: (state: State, self: ProcessContext) => State | Promise<State>;
  /** Runs when all its processes are gone. */
  readonly stop?: (state: State, self: ProcessContext) => void | Promise<void>;
}

/** An application that was defined. Its types are those of its definition's callbacks. */
export interface Application<Args = undefined> {
  /** Its name. */
  readonly name: string;
  /** One line for people; may be empty. */
  readonly description: string;
  /** What must run before it. */
  readonly dependencies: readonly Application<never>[];
  /** The callbacks, their types erased but for the arguments. @internal */
  readonly callbacks: {
    readonly start: ((args: Args, self: ProcessContext) => unknown) | undefined;
    readonly prepStop: ((state: never, self: ProcessContext) => unknown) | undefined;
    readonly stop: ((state: never, self: ProcessContext) => unknown) | undefined;
  };
}

/**
 * Defines an application: a part of a system that is started and stopped as one, after what it depends on.
 *
 * @throws {@link SnakepitError} `INVALID_ARGUMENT` naming the member that is wrong.
 */
export function defineApplication<Args = undefined, State = undefined>(
  definition: ApplicationDefinition<Args, State>,
): Application<Args> {
  check(definition);
  const { name, description = '', dependencies = [], start, prepStop, stop } = definition;
  return Object.freeze({
    name,
    description,
    dependencies: Object.freeze([...dependencies]),
    callbacks: Object.freeze({ start, prepStop, stop }),
  });
}

/** Whether a value is what {@link defineApplication} makes. */
export function isApplication(value: unknown): value is Application<never> {
  if (typeof value !== 'object' || value === null) return false;
  return 'callbacks' in value && 'name' in value && 'dependencies' in value;
}

/** Plain JavaScript callers can give anything; the compiler cannot stop them. */
function check(definition: unknown): void {
  if (typeof definition !== 'object' || definition === null) {
    throw fault('the definition', 'it is no object', 'Give { name, start, … }.');
  }
  const { name, dependencies, description } = definition as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || name === '') {
    throw fault('the name', 'it must be a text that is not empty', 'Give a name.');
  }
  if (description !== undefined && typeof description !== 'string') {
    throw fault(`description of "${name}"`, 'it must be a text', 'Give one line, or none.');
  }
  const isList = dependencies === undefined || Array.isArray(dependencies);
  if (!isList || (dependencies ?? []).some((one: unknown) => !isApplication(one))) {
    throw fault(
      `dependencies of "${name}"`,
      'it must be a list of applications',
      'Give what defineApplication() made, not names.',
    );
  }
  for (const member of ['start', 'prepStop', 'stop'] as const) {
    const callback = (definition as Readonly<Record<string, unknown>>)[member];
    if (callback === undefined || typeof callback === 'function') continue;
    throw fault(`${member} of "${name}"`, 'it must be a function', 'Give a function, or none.');
  }
}

function fault(member: string, what: string, remedy: string): Error {
  return supervisorError('INVALID_ARGUMENT', {
    argument: `${member} of an application`,
    fault: what,
    remedy,
  });
}
