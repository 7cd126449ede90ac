import {
  stateAt,
  type HistoryValue,
  type StateNode,
  type TransitionDefinition,
} from '../xstate-internals.ts';

/*
 * Which states a transition leaves and enters: the algorithm of SCXML, appendix D, as XState has it, function by
 * function, for XState keeps it to itself. Nothing here is fast; what it gives is remembered.
 */

/** A transition as far as states are concerned. */
export type Move = Pick<TransitionDefinition, 'source' | 'target' | 'reenter'>;

/** The states that transitions enter. */
export interface EntrySet {
  /** In no order yet. */
  readonly states: ReadonlySet<StateNode>;
  /** Those whose initial transition is taken, because nothing inside them was aimed at. */
  readonly byDefault: ReadonlySet<StateNode>;
}

/** Whether a state has no states inside. */
export function isAtomic(node: StateNode): boolean {
  return node.type === 'atomic' || node.type === 'final';
}

/** Whether a state is inside another; with none given, inside the machine. */
export function isDescendant(node: StateNode, ancestor: StateNode | undefined): boolean {
  let marker = node;
  while (marker.parent !== undefined && marker.parent !== ancestor) marker = marker.parent;
  return marker.parent === ancestor;
}

/** The states around a state, innermost first, up to another that is left out. */
export function properAncestors(node: StateNode, upTo: StateNode | undefined): StateNode[] {
  const found: StateNode[] = [];
  if (upTo === node) return found;
  for (let at = node.parent; at !== undefined && at !== upTo; at = at.parent) found.push(at);
  return found;
}

/** The states inside a state, without pseudo-states. */
export function childrenOf(node: StateNode): StateNode[] {
  return Object.values(node.states).filter(({ type }) => type !== 'history');
}

/** A state and those in which it begins. */
export function initialStates(root: StateNode): Set<StateNode> {
  const found = new Set<StateNode>();
  const visit = (node: StateNode): void => {
    if (found.has(node)) return;
    found.add(node);
    if (node.type === 'compound') for (const first of node.initial.target.slice(0, 1)) visit(first);
    else if (node.type === 'parallel') childrenOf(node).forEach(visit);
  };
  visit(root);
  return found;
}

/** Whether a state has come to its end: a final state in it, or in each of its regions. */
export function isInFinalState(present: ReadonlySet<StateNode>, node: StateNode): boolean {
  if (node.type === 'compound') {
    return childrenOf(node).some((child) => child.type === 'final' && present.has(child));
  }
  if (node.type === 'parallel') {
    return childrenOf(node).every((child) => isInFinalState(present, child));
  }
  return node.type === 'final';
}

/** Transitions of which none leaves what another leaves; those of inner states come first. */
export function withoutConflicts<T extends Move>(
  enabled: readonly T[],
  present: ReadonlySet<StateNode>,
  history: HistoryValue,
): T[] {
  const kept = new Set<T>();
  for (const candidate of enabled) {
    const left = exitSet([candidate], present, history);
    const rivals = [...kept].filter((other) =>
      exitSet([other], present, history).some((node) => left.includes(node)),
    );
    // XState looks at one rival after the other, and gives up at the first that is not outside.
    if (rivals.every(({ source }) => isDescendant(candidate.source, source))) {
      for (const rival of rivals) kept.delete(rival);
      kept.add(candidate);
    }
  }
  return [...kept];
}

/** The states that transitions leave, in no order yet. */
export function exitSet(
  moves: readonly Move[],
  present: ReadonlySet<StateNode>,
  history: HistoryValue,
): StateNode[] {
  const left = new Set<StateNode>();
  for (const move of moves) {
    if (move.target === undefined || move.target.length === 0) continue;
    const domain = domainOf(move, history);
    for (const node of present) if (isDescendant(node, domain)) left.add(node);
  }
  return [...left];
}

/** The states that transitions enter. */
export function entrySet(moves: readonly Move[], history: HistoryValue): EntrySet {
  const entry = new Entry(history);
  for (const move of moves) entry.add(move);
  return entry;
}

/** What a history state that remembers nothing stands for, and whether that is its parent's own beginning. */
function historyDefault(node: StateNode): { target: readonly StateNode[]; isInitial: boolean } {
  const { parent } = node;
  if (parent === undefined) return { target: [], isInitial: false };
  const wanted = node.config.target;
  if (wanted === undefined || wanted === '') {
    return parent.type === 'parallel'
      ? { target: [parent], isInitial: false }
      : { target: parent.initial.target, isInitial: true };
  }
  const targets = typeof wanted === 'string' ? [wanted] : wanted;
  const resolve = (target: string | StateNode): StateNode =>
    typeof target === 'string' ? stateAt(parent, target) : target;
  return { target: targets.map(resolve), isInitial: false };
}

/** What the targets of a transition stand for, history resolved. */
function effectiveTargets(
  targets: readonly StateNode[] | undefined,
  history: HistoryValue,
): Set<StateNode> {
  const found = new Set<StateNode>();
  for (const target of targets ?? []) {
    const meant =
      target.type === 'history'
        ? (history[target.id] ?? effectiveTargets(historyDefault(target).target, history))
        : [target];
    for (const node of meant) found.add(node);
  }
  return found;
}

/** The state within which a transition happens; `undefined` is around the whole machine. */
function domainOf(move: Move, history: HistoryValue): StateNode | undefined {
  const { source, reenter } = move;
  const targets = [...effectiveTargets(move.target, history)];
  if (!reenter && targets.every((node) => node === source || isDescendant(node, source))) {
    return source;
  }
  const [head, ...tail] = [...targets, source];
  const common = properAncestors(head, undefined).find((ancestor) =>
    tail.every((node) => isDescendant(node, ancestor)),
  );
  if (common !== undefined) return common;
  return reenter ? undefined : rootOf(source);
}

function rootOf(node: StateNode): StateNode {
  let root = node;
  while (root.parent !== undefined) root = root.parent;
  return root;
}

class Entry implements EntrySet {
  readonly states = new Set<StateNode>();
  readonly byDefault = new Set<StateNode>();
  readonly #history: HistoryValue;

  constructor(history: HistoryValue) {
    this.#history = history;
  }

  add(move: Move): void {
    const domain = domainOf(move, this.#history);
    for (const node of move.target ?? []) {
      const isEntered = move.source !== node || move.source !== domain || move.reenter;
      if (node.type !== 'history' && isEntered) {
        this.states.add(node);
        this.byDefault.add(node);
      }
      this.#addDescendants(node);
    }
    for (const node of effectiveTargets(move.target, this.#history)) {
      const ancestors = properAncestors(node, domain);
      if (domain?.type === 'parallel') ancestors.push(domain);
      this.#addAncestors(ancestors, domain);
    }
  }

  #addDescendants(node: StateNode): void {
    if (node.type === 'history') {
      this.#addRemembered(node);
    } else if (node.type === 'compound') {
      const [first] = node.initial.target;
      if (first === undefined) return;
      if (first.type !== 'history') {
        this.states.add(first);
        this.byDefault.add(first);
      }
      this.#addDescendants(first);
      this.#addAncestors(properAncestors(first, node), undefined);
    } else if (node.type === 'parallel') {
      for (const region of this.#missingRegions(node)) {
        this.states.add(region);
        this.byDefault.add(region);
        this.#addDescendants(region);
      }
    }
  }

  #addRemembered(node: StateNode): void {
    const remembered = this.#history[node.id];
    const standIn = remembered === undefined ? historyDefault(node) : undefined;
    const targets = remembered ?? standIn?.target ?? [];
    for (const target of targets) {
      this.states.add(target);
      if (standIn?.isInitial === true && node.parent !== undefined) this.byDefault.add(node.parent);
      this.#addDescendants(target);
    }
    for (const target of targets) {
      this.#addAncestors(properAncestors(target, node.parent), undefined);
    }
  }

  #addAncestors(ancestors: readonly StateNode[], domain: StateNode | undefined): void {
    for (const ancestor of ancestors) {
      if (domain === undefined || isDescendant(ancestor, domain)) this.states.add(ancestor);
      if (ancestor.type !== 'parallel') continue;
      for (const region of this.#missingRegions(ancestor)) {
        this.states.add(region);
        this.#addDescendants(region);
      }
    }
  }

  /** Regions into which nothing of what is to be entered leads; looked at one by one, as each may change that. */
  *#missingRegions(node: StateNode): Generator<StateNode> {
    for (const region of childrenOf(node)) {
      if (![...this.states].some((other) => isDescendant(other, region))) yield region;
    }
  }
}
