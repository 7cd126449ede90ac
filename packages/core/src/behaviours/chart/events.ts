import type { StateNode, TransitionDefinition } from '../xstate-internals.ts';
import { BoundedMap } from './bounded-map.ts';

/** Whether a descriptor of transitions means an event: its type, a prefix with `.*`, or `*`. */
export function matchesDescriptor(eventType: string, descriptor: string): boolean {
  if (descriptor === eventType || descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return false;
  const [wanted, given] = [descriptor.split('.'), eventType.split('.')];
  const star = wanted.indexOf('*');
  // A star anywhere else means nothing.
  if (star !== wanted.length - 1) return false;
  return wanted.slice(0, star).every((token, at) => token === given[at]);
}

/** The transitions of a state for an event: the exact ones, then those by wildcards, the longest first. */
export function candidatesOf(node: StateNode, eventType: string): readonly TransitionDefinition[] {
  const wildcards = [...node.transitions.keys()]
    .filter((descriptor) => descriptor !== eventType && matchesDescriptor(eventType, descriptor))
    .sort((a, b) => b.length - a.length);
  return [eventType, ...wildcards].flatMap((descriptor) => node.transitions.get(descriptor) ?? []);
}

/**
 * Tells which events are alike to a machine: two of the same class have the same candidates in every state.
 *
 * Types of events may be made up without limit, as those of actors' ends are; classes may not.
 */
export class EventClasses {
  readonly #exact = new Map<string, number>();
  readonly #wildcards: readonly string[];
  readonly #bySignature = new Map<string, number>();
  readonly #inexact = new BoundedMap<string, number>(1_000);

  /** @param nodes - All states of the machine. */
  constructor(nodes: Iterable<StateNode>) {
    const descriptors = new Set([...nodes].flatMap(({ transitions }) => [...transitions.keys()]));
    for (const key of descriptors) this.#exact.set(key, this.#exact.size);
    this.#wildcards = [...descriptors].filter((key) => key === '*' || key.endsWith('.*'));
  }

  /** The class of an event. */
  of(eventType: string): number {
    const exact = this.#exact.get(eventType);
    if (exact !== undefined) return exact;
    if (this.#wildcards.length === 0) return -1;
    return this.#inexact.take(eventType, () => this.#ofInexact(eventType));
  }

  /** By the wildcards that mean it; negative, so that it is none of the exact ones. */
  #ofInexact(eventType: string): number {
    const meant = this.#wildcards.filter((key) => matchesDescriptor(eventType, key));
    const signature = JSON.stringify(meant);
    const known = this.#bySignature.get(signature) ?? -1 - this.#bySignature.size;
    this.#bySignature.set(signature, known);
    return known;
  }
}
