import type { RestartType, Shutdown, Strategy } from '@snakepit/supervisor';
import type { ReasonWord } from './reasons.ts';

/** What a worker does at one of its starts. */
export type Outcome =
  | 'ok'
  | 'ignore'
  | 'raise'
  | 'junk'
  | readonly ['stop' | 'exit' | 'startExit', ReasonWord]
  /** Kills that sibling during its own start, then runs. */
  | readonly ['killing', string]
  /** The start function itself fails, before there is a process; so with `startExit`. */
  | 'startRaise'
  | 'startJunk'
  /** The start function succeeds, but its process is gone by then. */
  | readonly ['thenStop', ReasonWord];

/**
 * How a worker takes its end: `plain` ones do not trap exits, all others do; `slow` ones take 3 ms, `hanging` ones
 * end only when killed, `contrary` ones end with a reason of their own.
 */
export type Temper = 'plain' | 'trapping' | 'slow' | 'hanging' | readonly ['contrary', ReasonWord];

/** A child that does what its script says. */
export interface Worker {
  readonly kind: 'worker';
  readonly id: string;
  readonly restart: RestartType;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly temper: Temper;
  /** Whether the child spec names a process or a start function. */
  readonly by: 'process' | 'function';
  /** Name to register under, or `none`. */
  readonly name: string;
  /** What the first starts do; later ones succeed. */
  readonly starts: readonly Outcome[];
  /** The sibling that its terminate callback kills, or `none`. */
  readonly lastWill: string;
}

/** A supervisor. */
export interface Branch {
  readonly kind: 'supervisor';
  readonly id: string;
  readonly restart: RestartType;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly auto: 'never' | 'anySignificant' | 'allSignificant';
  readonly children: readonly Node[];
}

/** A dynamic supervisor: `simple_one_for_one` there. All its children share these settings, as they must there. */
export interface Dynamic {
  readonly kind: 'dynamic';
  readonly id: string;
  readonly restart: RestartType;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly intensity: number;
  readonly template: { readonly restart: RestartType; readonly shutdown: Shutdown };
}

/** A supervisor of either kind. */
export type Supervising = Branch | Dynamic;

/** Anything in a tree. */
export type Node = Worker | Supervising;

/** A call that names a child. */
export type NamingCall = 'terminate_child' | 'restart_child' | 'delete_child' | 'get_childspec';

/** Something done to a tree, once all is quiet. */
export type SimpleStep =
  /** A worker is told to end itself, in one of four ways. */
  | {
      readonly do: 'finish';
      readonly id: string;
      readonly how: 'stop' | 'exit' | 'raise' | 'junk';
      readonly reason: ReasonWord;
    }
  /** An exit signal from outside; for the root, from its parent. */
  | { readonly do: 'signal'; readonly id: string; readonly reason: ReasonWord }
  /** A worker removes its link to its supervisor. */
  | { readonly do: 'unlink'; readonly id: string }
  /** A worker is called: it answers, never does, stops with an answer, or crashes. */
  | {
      readonly do: 'query';
      readonly id: string;
      readonly how: 'echo' | 'wait' | 'leave' | 'crash';
    }
  /** A supervisor gets what it does not know. */
  | { readonly do: 'junk'; readonly id: string; readonly how: 'message' | 'call' }
  | {
      readonly do: 'call';
      readonly call: 'start_child';
      readonly on: string;
      readonly kind: Supervising['kind'];
      readonly child: Worker;
    }
  | {
      readonly do: 'call';
      readonly call: NamingCall;
      readonly on: string;
      readonly kind: Supervising['kind'];
      readonly id: string;
    }
  | {
      readonly do: 'call';
      readonly call: 'which_children' | 'count_children';
      readonly on: string;
      readonly kind: Supervising['kind'];
    };

/** Several steps while a supervisor is held in the start of a child that will decline, or suspended: they queue up. */
export interface During<How extends 'hold' | 'suspend'> {
  readonly do: How;
  readonly on: string;
  readonly kind: Supervising['kind'];
  readonly steps: readonly SimpleStep[];
}

/** A step, or several while a supervisor does not listen. */
export type Step = SimpleStep | During<'hold'> | During<'suspend'>;

/** A tree and what happens to it. */
export interface Scenario {
  readonly tree: Supervising;
  readonly steps: readonly Step[];
}

/** The supervisors of a tree, parents first. */
export function supervisorsOf(node: Node): readonly Supervising[] {
  if (node.kind === 'worker') return [];
  return node.kind === 'dynamic' ? [node] : [node, ...node.children.flatMap(supervisorsOf)];
}

/** Under which supervisor each id is, those of children that are added on the way included. */
export function parentsOf(scenario: Scenario): ReadonlyMap<string, string> {
  const parents = new Map<string, string>();
  for (const node of supervisorsOf(scenario.tree)) {
    if (node.kind === 'supervisor') {
      for (const child of node.children) parents.set(child.id, node.id);
    }
  }
  for (const step of simpleSteps(scenario)) {
    if (step.do === 'call' && step.call === 'start_child') parents.set(step.child.id, step.on);
  }
  return parents;
}

/** All steps, those in which a supervisor is held or suspended taken apart. */
export function simpleSteps({ steps }: Scenario): readonly SimpleStep[] {
  return steps.flatMap((step) => ('steps' in step ? step.steps : [step]));
}
