import type { MachineInternals, StateNode, TransitionDefinition } from '../xstate-internals.ts';
import { compileAction, type Action } from './actions.ts';
import type { Move } from './entry-and-exit.ts';
import { compileGuard, nameOf, type Guard, type Situation } from './guards.ts';

/** A transition, made ready. */
export interface Transition extends Move {
  /** Tells it from every other of its machine. */
  readonly index: number;
  /** Whether it may be taken; `undefined` is always. */
  readonly guard: Guard | undefined;
  /** What the guard is called in errors. */
  readonly guardName: string | undefined;
  /** What it does. */
  readonly actions: readonly Action[];
  /** It, as the only one that is taken. */
  readonly alone: readonly Transition[];
}

/** Makes the transitions of one machine ready, each once. */
export class Transitions {
  readonly #machine: MachineInternals;
  readonly #known = new Map<TransitionDefinition, Transition>();

  /** @param machine - Whose. */
  constructor(machine: MachineInternals) {
    this.#machine = machine;
  }

  /** A transition, made ready. */
  of(definition: TransitionDefinition): Transition {
    const known = this.#known.get(definition);
    if (known !== undefined) return known;
    const { source, target, reenter, guard, actions } = definition;
    const isGuarded = guard !== undefined && guard !== null && guard !== '';
    const alone: Transition[] = [];
    const transition: Transition = {
      index: this.#known.size,
      source,
      target,
      reenter,
      guard: isGuarded ? compileGuard(this.#machine, guard) : undefined,
      guardName: isGuarded ? nameOf(guard) : undefined,
      actions: actions.map((action) => compileAction(this.#machine, action)),
      alone,
    };
    alone.push(transition);
    this.#known.set(definition, transition);
    return transition;
  }
}

/** The transitions that the states inside one offer, and its own, which come after. */
export interface Offer {
  /** Whose own. */
  readonly node: StateNode;
  /** Its own, in order. */
  readonly own: readonly Transition[];
  /** Of the present states inside it. */
  readonly inner: readonly Offer[];
}

/** Nothing is taken. */
export const none: readonly Transition[] = [];

/** The transitions that are taken: of each region the innermost that is allowed (SCXML: selectTransitions). */
export function selectFrom(
  offer: Offer,
  situation: Situation,
  eventType: string,
): readonly Transition[] {
  let taken = none;
  for (const inner of offer.inner) {
    const found = selectFrom(inner, situation, eventType);
    if (found.length > 0) taken = taken.length === 0 ? found : [...taken, ...found];
  }
  if (taken.length > 0) return taken;
  for (const transition of offer.own) {
    if (isAllowed(transition, situation, eventType)) return transition.alone;
  }
  return none;
}

function isAllowed(transition: Transition, situation: Situation, eventType: string): boolean {
  if (transition.guard === undefined) return true;
  try {
    return transition.guard(situation);
  } catch (error) {
    // In the words of XState, which users may know.
    const name = transition.guardName === undefined ? '' : `'${transition.guardName}' `;
    const where = `in transition for event '${eventType}' in state node '${transition.source.id}'`;
    const { message } = error as { readonly message: string };
    throw new Error(`Unable to evaluate guard ${name}${where}:\n${message}`, { cause: error });
  }
}

/** The transitions without an event that are taken: for each list the first that is allowed. */
export function selectEventless(
  lists: readonly (readonly Transition[])[],
  situation: Situation,
): readonly Transition[] {
  let taken = none;
  for (const list of lists) {
    const found = list.find(({ guard }) => guard === undefined || guard(situation));
    if (found === undefined || taken.includes(found)) continue;
    taken = taken.length === 0 ? found.alone : [...taken, found];
  }
  return taken;
}
