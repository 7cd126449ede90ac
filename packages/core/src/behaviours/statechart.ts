import type {
  AnyActorLogic,
  AnyActorRef,
  AnyStateMachine,
  ContextFrom,
  EventFromLogic,
  InputFrom,
  SnapshotFrom,
  StateMachine,
} from 'xstate';
import type { ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import type { Process } from '../process/process.ts';
import type { ProcessContext } from '../process/process-context.ts';
import { isThenable } from '../thenable.ts';
import type { Behaviour } from './behaviour.ts';
import { checkChart } from './check-definition.ts';
import { SelectiveMailbox } from '../process/mailbox.ts';
import { compileChart } from './chart/compile.ts';
import { postponesAnything, rememberPostponed, type PostponedIn } from './postponing.ts';
import { kindOf, StatechartInstance } from './statechart-instance.ts';

/** What an effect is called with besides its params. */
export interface EffectArguments<M extends AnyStateMachine> {
  /** The machine's context at that moment. */
  readonly context: ContextFrom<M>;
  /** The event that led to it. */
  readonly event: EventFromLogic<M>;
}

type ActionOf<M extends AnyStateMachine> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the action parameter is read off the machine's type
  M extends StateMachine<any, any, any, any, infer A, any, any, any, any, any, any, any, any, any>
    ? A
    : never;

/** The effects of a machine: one function for each action that `setup()` names without implementing. */
export type Effects<M extends AnyStateMachine> = {
  readonly [A in ActionOf<M> as A['type']]?: (
    params: A['params'],
    args: EffectArguments<M>,
  ) => void;
};

/** How a machine becomes a process. */
export interface StatechartOptions<M extends AnyStateMachine> {
  /** What it is called in reports; default: the machine's id. */
  readonly name?: string;
  /** Whether exit signals arrive as EXIT events; default false. */
  readonly trapExit?: boolean;
  /**
   * Makes what the chart's named actions do, once per process, before its first state is entered.
   *
   * Every action that `setup({ actions })` implements by a plain function is an effect and is looked up here by
   * its name; one that is missing runs the machine's own. It is called as a method of what this returned, so an
   * instance of a class will do, and takes less memory than as many functions. What it throws or rejects with ends the
   * process; nobody waits for one that is async.
   */
  readonly effects?: (self: ProcessContext, input: InputFrom<M>) => Effects<M>;
  /** Releases what the effects hold, when the process is gone. What it throws or rejects with is reported, no more. */
  readonly released?: (reason: ExitReason, snapshot: SnapshotFrom<M>, self: ProcessContext) => void;
}

/** What the actions of one process do. @internal */
export interface OwnEffects {
  /** By the name of the action. */
  readonly byName: Readonly<Record<string, EffectFunction | undefined>>;
  /** Whose they are; it ends when one that is async rejects. */
  readonly process: Process;
}

/** Gives the effects of the process that an XState actor belongs to. */
export type EffectTable = WeakMap<AnyActorRef, OwnEffects>;

/** An effect with its types erased. @internal */
export type EffectFunction = (
  params: unknown,
  args: { context: unknown; event: unknown },
) => unknown;

/** What all processes of one machine share. @internal */
export interface SharedChart {
  /** What runs: the machine, compiled, its effects looked up in the table. */
  readonly logic: AnyActorLogic;
  /** Which events wait in which states; `undefined` where none ever does. */
  readonly postponed: PostponedIn | undefined;
  /** The effects of each process. */
  readonly table: EffectTable;
  /** Whether exit signals arrive as EXIT events. */
  readonly trapExit: boolean;
  /** Makes the effects of one process. */
  readonly effects: ((self: ProcessContext, input: never) => object) | undefined;
  /** Releases what the effects of one process hold. */
  readonly released:
    ((reason: ExitReason, snapshot: never, self: ProcessContext) => unknown) | undefined;
}

/**
 * Makes an XState machine a process: mailbox, postponed events, exit reasons, supervision.
 *
 * - `meta: { postpone: ['child.*'] }` on a state keeps such events in the mailbox until the state changes; `'*'` keeps
 *   all for which the state, and those inside it, name no transition.
 * - A state with the tag `initialising` holds the start back until it is left.
 * - Final output `{ reason }` is the exit reason; `{ ignore: true }` while initialising declines the start.
 * - A call arrives as its request event with `from` added; an effect answers it by `self.reply(from, …)`. Differs
 *   from OTP: one that no state takes fails by itself; it does not end the process, as an event does not either.
 *
 * @param machine - Used as it is; called once per module, never per process.
 */
export function defineStatechart<M extends AnyStateMachine>(
  machine: M,
  options: StatechartOptions<M> = {},
): Behaviour<InputFrom<M>> {
  checkChart(machine, options);
  const table: EffectTable = new WeakMap();
  const shared: SharedChart = {
    logic: compileChart(bindEffects(machine, table)),
    postponed: postponesAnything(machine) ? rememberPostponed() : undefined,
    table,
    trapExit: options.trapExit ?? false,
    effects: options.effects,
    released: options.released,
  };
  return {
    kind: 'statechart',
    label: options.name ?? machine.id,
    createInstance: (process, input) => new StatechartInstance(process, input, shared),
    ...(shared.postponed && { createMailbox: () => new SelectiveMailbox(kindOf) }),
  };
}

interface ActionArguments {
  readonly self: AnyActorRef;
  readonly context: unknown;
  readonly event: unknown;
}

/**
 * Replaces every plain-function action by one that finds the effect of its own process.
 *
 * Machines that the chart invokes are part of the same process, so their effects are looked up there too.
 */
function bindEffects(machine: AnyStateMachine, table: EffectTable): AnyStateMachine {
  const actions: Record<string, (args: ActionArguments, params: unknown) => void> = {};
  for (const [name, own] of Object.entries(machine.implementations.actions)) {
    // assign, raise and the like carry a resolver; they are part of the machine, not effects.
    if (typeof own !== 'function' || 'resolve' in own) continue;
    actions[name] = (args, params) => {
      const effects = effectsOf(args.self, table);
      const effect = effects?.byName[name];
      const result =
        effect === undefined
          ? (own as (args: ActionArguments, params: unknown) => unknown)(args, params)
          : effect.call(effects?.byName, params, { context: args.context, event: args.event });
      if (isThenable(result)) {
        result.then(undefined, (error: unknown) => effects?.process.end(reasonOfThrown(error)));
      }
    };
  }
  const actors: Record<string, AnyActorLogic> = {};
  for (const [name, logic] of Object.entries(machine.implementations.actors)) {
    if (isStateMachine(logic)) actors[name] = compileChart(bindEffects(logic, table));
  }
  // The machine's own types were checked where it was made; here they are two opaque records.
  return machine.provide({ actions: actions as never, actors: actors as never });
}

function effectsOf(actor: AnyActorRef, table: EffectTable): ReturnType<EffectTable['get']> {
  for (let owner: AnyActorRef | undefined = actor; owner !== undefined; owner = owner._parent) {
    const effects = table.get(owner);
    if (effects !== undefined) return effects;
  }
  return undefined;
}

/** Whether some XState logic is a machine. */
export function isStateMachine(logic: unknown): logic is AnyStateMachine {
  return (
    typeof logic === 'object' && logic !== null && 'implementations' in logic && 'root' in logic
  );
}
