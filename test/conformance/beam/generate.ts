import fc, { type Arbitrary } from 'fast-check';
import {
  rawBranch,
  rawOutcomes,
  rawWorker,
  settled,
  type RawTree,
  type RawWorker,
} from './generate-tree.ts';
import { reasonWords } from './reasons.ts';
import {
  supervisorsOf,
  type NamingCall,
  type Node,
  type Scenario,
  type SimpleStep,
  type Step,
  type Supervising,
  type Worker,
} from './scenario.ts';

/** A step whose ids are still numbers, to be taken modulo what there is. */
type RawStep =
  | {
      readonly do: 'finish';
      readonly at: number;
      readonly how: 'stop' | 'exit' | 'raise' | 'junk';
      readonly reason: (typeof reasonWords)[number];
    }
  | { readonly do: 'signal'; readonly at: number; readonly reason: (typeof reasonWords)[number] }
  | { readonly do: 'unlink'; readonly at: number }
  | { readonly do: 'junk'; readonly at: number; readonly how: 'message' | 'call' }
  | {
      readonly do: 'query';
      readonly at: number;
      readonly how: 'echo' | 'wait' | 'leave' | 'crash';
    }
  | { readonly do: 'start'; readonly at: number; readonly id: number; readonly child: RawWorker }
  | { readonly do: 'name'; readonly at: number; readonly id: number; readonly call: NamingCall }
  | { readonly do: 'ask'; readonly at: number; readonly call: 'which_children' | 'count_children' };

interface RawHold {
  readonly do: 'hold' | 'suspend';
  readonly at: number;
  readonly steps: readonly RawStep[];
}

const at = fc.nat({ max: 59 });
const reason = fc.constantFrom(...reasonWords);

const rawStep: Arbitrary<RawStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      at,
      how: fc.constantFrom('stop' as const, 'exit' as const, 'raise' as const, 'junk' as const),
      reason,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('signal' as const), at, reason }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unlink' as const), at }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('junk' as const),
      at,
      how: fc.constantFrom('message' as const, 'message' as const, 'call' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('query' as const),
      at,
      how: fc.constantFrom(
        'echo' as const,
        'wait' as const,
        'wait' as const,
        'leave' as const,
        'crash' as const,
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('start' as const), at, id: at, child: rawWorker }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('name' as const),
      at,
      id: at,
      call: fc.constantFrom<NamingCall[]>(
        'terminate_child',
        'terminate_child',
        'restart_child',
        'restart_child',
        'delete_child',
        'get_childspec',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      at,
      call: fc.constantFrom('which_children' as const, 'count_children' as const),
    }),
  },
);

const rawHold: Arbitrary<RawHold> = fc.record({
  do: fc.constantFrom('hold' as const, 'suspend' as const),
  at,
  steps: fc.array(rawStep, { minLength: 1, maxLength: 6, size: 'max' }),
});

/** Random trees with random histories. */
export const scenarios: Arbitrary<Scenario> = fc
  .record({
    tree: rawBranch,
    steps: fc.array(
      fc.oneof({ weight: 5, arbitrary: rawStep }, { weight: 2, arbitrary: rawHold }),
      { maxLength: 10, size: 'max' },
    ),
    names: fc.boolean(),
  })
  .map(({ tree, steps, names }) => scenarioOf(tree, steps, names));

function scenarioOf(
  raw: RawTree,
  rawSteps: readonly (RawStep | RawHold)[],
  names: boolean,
): Scenario {
  const tree = settled(raw, names);
  const places = new Places(tree, names);
  const steps = rawSteps.map((step): Step => {
    if (!('steps' in step)) return places.step(step, places.all);
    const on = pick(places.all, step.at);
    // Held, only what is below it: an ancestor that stops it would wait for it.
    const within = step.do === 'hold' ? supervisorsOf(on) : places.all;
    const inside = step.steps.map((one, index) =>
      places.step(one, within, step.do === 'hold' || index % 2 === 0 ? on : undefined),
    );
    return { do: step.do, on: on.id, kind: on.kind, steps: inside };
  });
  return { tree, steps };
}

/** Where steps can take place. */
class Places {
  readonly all: readonly Supervising[];
  readonly #isFlat: boolean;

  constructor(tree: Supervising, names: boolean) {
    this.all = supervisorsOf(tree);
    this.#isFlat = names && this.all.length === 1;
  }

  /** A step within these supervisors; calls go to `on`, if it is given. */
  step(raw: RawStep, within: readonly Supervising[], on?: Supervising): SimpleStep {
    const called = on ?? pick(within, raw.at);
    switch (raw.do) {
      case 'finish':
        return { ...raw, do: 'finish', id: pick(idsIn(within, false), raw.at), how: raw.how };
      case 'signal': {
        // A kill of everything is over soon; the last id of all is a supervisor's.
        const id = pick(
          [...idsIn(within, false), ...idsIn(within, false), ...idsIn(within, true)],
          raw.at,
        );
        return { do: 'signal', id, reason: raw.reason };
      }
      case 'unlink':
        return { do: 'unlink', id: pick(idsIn(within, false), raw.at) };
      case 'query':
        return { do: 'query', id: pick(idsIn(within, false), raw.at), how: raw.how };
      case 'junk':
        return { do: 'junk', id: called.id, how: raw.how };
      case 'start':
        return this.#start(raw.child, raw.id, called);
      case 'name': {
        const { id: on, kind } = called;
        // A dynamic supervisor has only this one of them.
        const call = kind === 'dynamic' ? 'terminate_child' : raw.call;
        return { do: 'call', call, on, kind, id: pick(namesIn(called), raw.id) };
      }
      case 'ask':
        return { do: 'call', call: raw.call, on: called.id, kind: called.kind };
    }
  }

  #start(raw: RawWorker, id: number, parent: Supervising): SimpleStep {
    const { id: on } = parent;
    const siblings = namesIn(parent);
    // A worker under the id of a supervisor would be asked what only supervisors know.
    const ids = siblings.filter((one) => !one.startsWith('s'));
    const child: Worker = rawOutcomes(raw, pick(ids, id), siblings, this.#isFlat);
    if (parent.kind !== 'dynamic') {
      // Faulty now and then: significant under a supervisor that never looks at it.
      return { do: 'call', call: 'start_child', on, kind: parent.kind, child };
    }
    return {
      do: 'call',
      call: 'start_child',
      on,
      kind: parent.kind,
      child: member(child, parent.template),
    };
  }
}

/** A child under the one template of a dynamic supervisor; there it must not decline a restart (OTP DYN-005). */
function member(
  child: Worker,
  template: { restart: Worker['restart']; shutdown: Worker['shutdown'] },
): Worker {
  const starts = child.starts.map((outcome, n) =>
    (outcome === 'ignore' && n > 0) || outcome[0] === 'thenStop' ? 'ok' : outcome,
  );
  // With that time, only one that hangs would be sure to be killed by it; without limit, it would not end.
  const temper =
    template.shutdown === 15
      ? 'hanging'
      : child.temper === 'hanging' && template.shutdown !== 'brutalKill'
        ? 'trapping'
        : child.temper;
  const calm = template.shutdown === 0 ? 'plain' : temper;
  return { ...child, ...template, starts, temper: calm, significant: false, lastWill: 'none' };
}

/** Ids of the workers, or of the supervisors, below these supervisors; there is always one. */
function idsIn(within: readonly Supervising[], supervisors: boolean): readonly string[] {
  if (supervisors) return within.map(({ id }) => id);
  const ids = within.flatMap((node) => namesIn(node)).filter((id) => !id.startsWith('s'));
  return ids.length === 0 ? ['nobody'] : ids;
}

/** Ids that children of a supervisor have, or may get. */
function namesIn(node: Supervising): readonly string[] {
  const own = node.kind === 'supervisor' ? node.children.map(({ id }: Node) => id) : [];
  const added = node.kind === 'dynamic' ? [1, 2, 3, 4] : [1, 2];
  return [...own, ...added.map((n) => `x${node.id.slice(1)}_${n}`)];
}

function pick<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}
