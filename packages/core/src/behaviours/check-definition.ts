import { StateMachine, type AnyActorLogic, type AnyStateMachine } from 'xstate';
import {
  checkMembers,
  flag,
  functionLike,
  isObject,
  text,
  wrongMember,
  type MemberRule,
  type MemberRules,
} from '../check-options.ts';
import { coreError } from '../errors.ts';
import type { ServerDefinition } from './gen-server.ts';
import type { StatechartOptions } from './statechart.ts';

const handlers: MemberRule = {
  allowed: 'an object of functions by name, such as { add: (state, by) => reply(…) }',
  isAllowed: (value) =>
    isObject(value) && Object.values(value).every((one) => typeof one === 'function'),
};

const serverMembers = {
  name: text,
  trapExit: flag,
  init: functionLike('(input, self) => ok(state)'),
  call: handlers,
  cast: handlers,
  info: functionLike('(state, message, self) => noreply(state)'),
  continue: functionLike('(state, argument, self) => noreply(state)'),
  terminate: functionLike('(state, reason, self) => …'),
} satisfies Readonly<Record<keyof ServerDefinition<unknown, unknown, object, object>, MemberRule>>;

const chartMembers = {
  name: text,
  trapExit: flag,
  effects: functionLike('(self, input) => ({ … })'),
  released: functionLike('(reason, snapshot, self) => …'),
} satisfies Readonly<Record<keyof StatechartOptions<AnyStateMachine>, MemberRule>>;

const taskMembers: MemberRules = { name: text };

/**
 * Checks the definition of a GenServer, before anything is spawned of it.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT naming what is wrong and what it may be.
 * @internal
 */
export function checkServerDefinition(definition: unknown): void {
  const name = isObject(definition) ? definition['name'] : undefined;
  const what = typeof name === 'string' ? `the GenServer "${name}"` : 'defineServer()';
  const shownHandlers = isObject(definition) ? ['call', 'cast'] : [];
  for (const kind of shownHandlers) checkHandlers(what, kind, (definition as never)[kind]);
  checkMembers(what, definition, serverMembers);
  if ((definition as { init?: unknown }).init === undefined) {
    throw wrongMember(what, 'init', undefined, serverMembers.init.allowed);
  }
}

function checkHandlers(what: string, kind: string, given: unknown): void {
  if (!isObject(given)) return;
  for (const [name, handler] of Object.entries(given)) {
    if (typeof handler === 'function') continue;
    throw wrongMember(what, `${kind}.${name}`, handler, 'a function (state, argument, self) => …');
  }
}

/**
 * Checks what a statechart process is made of.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT naming what is wrong and what it may be.
 * @internal
 */
export function checkChart(machine: unknown, options: unknown): void {
  if (!isObject(machine) || !('implementations' in machine) || !('root' in machine)) {
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the machine of defineStatechart()',
      value: machine,
      fault: 'it must be a machine of XState v5',
      remedy: isMachineConfig(machine)
        ? 'This is the configuration of one: give setup({ … }).createMachine(config).'
        : 'Give what createMachine() returned.',
    });
  }
  const { id } = machine;
  // What runs a chart knows the insides of one version of XState (ADR-0012).
  if (!(machine instanceof StateMachine)) {
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the machine of defineStatechart()',
      value: id,
      fault: 'it was made by another copy of XState than the one that @snakepit/core runs it with',
      remedy:
        'Install xstate in exactly the version that @snakepit/core depends on; `npm ls xstate` shows both.',
    });
  }
  checkMembers(`the statechart "${String(id)}"`, options, chartMembers);
}

/**
 * Checks what a task is made of.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT naming what is wrong and what it may be.
 * @internal
 */
export function checkTask(work: unknown, options: unknown): void {
  checkMembers('defineTask()', options, taskMembers);
  if (typeof work === 'function') return;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the work of a task',
    value: work,
    fault: 'it must be a function (input, self) => result',
    remedy: 'Give the function itself, not what it returned.',
  });
}

/**
 * What is to be spawned and is none of our behaviours, if it is logic of XState.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT for anything else.
 * @internal
 */
export function checkActorLogic(logic: unknown): AnyActorLogic {
  if (isActorLogic(logic)) return logic;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the logic',
    value: logic,
    fault: 'it is nothing that can be spawned',
    remedy: spawnableRemedy(logic),
  });
}

function isActorLogic(logic: unknown): logic is AnyActorLogic {
  return (
    isObject(logic) &&
    typeof logic['transition'] === 'function' &&
    typeof logic['getInitialSnapshot'] === 'function'
  );
}

function spawnableRemedy(logic: unknown): string {
  if (typeof logic === 'function') {
    return 'Give defineTask(fn) to run a function; a class is described by defineServer({ … }).';
  }
  if (isObject(logic)) {
    if (typeof logic['then'] === 'function') return 'It is a promise: await it first.';
    if ('init' in logic) {
      return 'It is the definition of a GenServer: give defineServer(definition).';
    }
    if ('pid' in logic) return 'It is a reference to a process that runs: send to it, or call it.';
    if ('logic' in logic) return 'It is an actor that exists already: give its logic.';
    if (isMachineConfig(logic)) {
      return 'It is the configuration of a machine: give setup({ … }).createMachine(config).';
    }
  }
  return 'Give what defineServer, defineStatechart or defineTask returned, or logic of XState.';
}

function isMachineConfig(value: unknown): boolean {
  return isObject(value) && ['states', 'initial', 'on'].some((name) => name in value);
}
