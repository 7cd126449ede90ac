import fc, { type Arbitrary } from 'fast-check';
import { reasonWords } from './reasons.ts';
import type { Branch, Dynamic, Node, Outcome, Supervising, Temper, Worker } from './scenario.ts';

/** A worker whose siblings and id are not known yet. */
export interface RawWorker extends Pick<Worker, 'restart' | 'significant' | 'by' | 'temper'> {
  readonly kind: 'worker';
  readonly first: Outcome;
  readonly later: readonly RawOutcome[];
  readonly patience: number;
  readonly named: boolean;
  readonly lastWill: number;
}

/** A supervisor whose children have no ids yet. */
export type RawTree =
  | (Omit<Branch, 'id' | 'children'> & { readonly children: readonly (RawWorker | RawTree)[] })
  | Omit<Dynamic, 'id'>;

type RawOutcome = Outcome | readonly ['killing', number];

const reason = fc.constantFrom(...reasonWords);
const restart = fc.constantFrom(
  'permanent' as const,
  'permanent' as const,
  'transient' as const,
  'temporary' as const,
);
const small = fc.nat({ max: 11 });

const failure = fc.oneof(
  fc.constantFrom<Outcome[]>('ignore', 'ignore', 'raise', 'junk', 'startRaise', 'startJunk'),
  fc.tuple(fc.constantFrom('stop', 'exit', 'startExit'), reason),
);

const outcome: Arbitrary<RawOutcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant('ok' as const) },
  { weight: 4, arbitrary: failure },
  { weight: 1, arbitrary: fc.tuple(fc.constant('killing' as const), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('thenStop' as const), reason) },
);

const temper: Arbitrary<Temper> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('plain' as const) },
  { weight: 3, arbitrary: fc.constant('trapping' as const) },
  { weight: 1, arbitrary: fc.constantFrom('slow' as const, 'hanging' as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('contrary' as const), reason) },
);

/** A worker, yet without id and siblings. */
export const rawWorker: Arbitrary<RawWorker> = fc.record({
  kind: fc.constant('worker' as const),
  restart,
  significant: fc.boolean(),
  by: fc.constantFrom('process' as const, 'process' as const, 'function' as const),
  temper,
  // Few trees should fail at once.
  first: fc.oneof(
    { weight: 30, arbitrary: fc.constant('ok' as const) },
    { weight: 1, arbitrary: failure },
  ),
  later: fc.array(outcome, { maxLength: 5, size: 'max' }),
  patience: small,
  named: fc.boolean(),
  lastWill: fc.oneof({ weight: 12, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: small }),
});

const branchTraits = {
  kind: fc.constant('supervisor' as const),
  restart,
  shutdown: fc.constantFrom('infinity' as const, 'infinity' as const, 5_000, 'brutalKill' as const),
  significant: fc.boolean(),
  strategy: fc.constantFrom('oneForOne' as const, 'oneForAll' as const, 'restForOne' as const),
  intensity: fc.constantFrom(0, 1, 2, 3, 5, 8),
  auto: fc.constantFrom(
    'never' as const,
    'never' as const,
    'anySignificant' as const,
    'allSignificant' as const,
  ),
};

const dynamic: Arbitrary<RawTree> = fc.record({
  kind: fc.constant('dynamic' as const),
  restart,
  shutdown: branchTraits.shutdown,
  significant: fc.boolean(),
  intensity: branchTraits.intensity,
  template: fc.record({
    restart,
    shutdown: fc.constantFrom('infinity' as const, 5_000, 15, 0, 'brutalKill' as const),
  }),
});

function branch(depth: number): Arbitrary<RawTree> {
  const child =
    depth === 1
      ? rawWorker
      : fc.oneof(
          { weight: 5, arbitrary: rawWorker },
          { weight: 2, arbitrary: branch(depth - 1) },
          { weight: 1, arbitrary: dynamic },
        );
  return fc.record({ ...branchTraits, children: fc.array(child, { maxLength: 4, size: 'max' }) });
}

/** A tree, yet without ids. */
export const rawBranch: Arbitrary<RawTree> = fc.oneof(
  { weight: 4, arbitrary: branch(1) },
  { weight: 5, arbitrary: branch(3) },
  { weight: 2, arbitrary: dynamic },
);

/** Gives everything in a tree its id, and rights what OTP would refuse. */
export function settled(raw: RawTree, names: boolean): Supervising {
  const count = { s: 0, w: 0 };
  const isFlat =
    names && raw.kind === 'supervisor' && raw.children.every((c) => c.kind === 'worker');

  function name(node: RawWorker | RawTree): string {
    const letter = node.kind === 'worker' ? 'w' : 's';
    return `${letter}${count[letter]++}`;
  }

  function supervisor(node: RawTree, id: string, auto: Branch['auto']): Supervising {
    const significant = canBeSignificant(node, auto);
    if (node.kind === 'dynamic') {
      return { ...node, id, significant };
    }
    const ids = node.children.map(name);
    const children = node.children.map((child, index): Node => {
      const childId = ids[index] ?? '';
      if (child.kind !== 'worker') return supervisor(child, childId, node.auto);
      const worker = rawOutcomes(child, childId, ids, isFlat);
      return { ...worker, significant: canBeSignificant(child, node.auto) };
    });
    return { ...node, id, significant, children };
  }

  return supervisor(raw, name(raw), 'never');
}

/** A worker with its id; numbers of siblings become their ids. */
export function rawOutcomes(
  raw: RawWorker,
  id: string,
  siblings: readonly string[],
  isFlat: boolean,
): Worker {
  const { first, later, patience, named, lastWill, ...rest } = raw;
  const sibling = (index: number): string => siblings[index % siblings.length] ?? 'none';
  // Two children that want one name (OTP STR-025).
  const name = isFlat && named && rest.by === 'process' ? 'shared' : 'none';
  const starts = [first, ...later].map((one): Outcome => {
    // OTP 25 frees the name too late in this case, see differences.ts.
    if (name !== 'none' && (one === 'junk' || one === 'startJunk')) return 'raise';
    if (typeof one === 'string') return possible(one, rest.by);
    if (one[0] === 'killing') {
      return ['killing', typeof one[1] === 'number' ? sibling(one[1]) : one[1]];
    }
    if (one[0] === 'thenStop') return rest.by === 'process' ? 'ok' : one;
    return one[0] === 'startExit' && rest.by === 'process' ? ['exit', one[1]] : one;
  });
  // That start function waits for the end.
  const isHasty = starts.some((one) => one[0] === 'thenStop');
  const temper = isHasty && rest.temper === 'hanging' ? 'trapping' : rest.temper;
  return {
    ...rest,
    id,
    starts,
    temper,
    shutdown: shutdownOf(temper, patience),
    name,
    lastWill: lastWill < 0 ? 'none' : sibling(lastWill),
  };
}

function possible(outcome: Outcome & string, by: Worker['by']): Outcome {
  if (by === 'function') return outcome;
  if (outcome === 'startRaise') return 'raise';
  return outcome === 'startJunk' ? 'junk' : outcome;
}

/** Times that leave no doubt: who hangs is killed after 15 ms, all others end long before their time is over. */
function shutdownOf(temper: Temper, patience: number): Worker['shutdown'] {
  const choices: readonly Worker['shutdown'][] =
    temper === 'hanging'
      ? [15, 'brutalKill']
      : temper === 'plain'
        ? [5_000, 'infinity', 0, 'brutalKill']
        : [5_000, 'infinity', 'brutalKill'];
  return choices[patience % choices.length] ?? 'infinity';
}

function canBeSignificant(
  { significant, restart: when }: { significant: boolean; restart: Worker['restart'] },
  auto: Branch['auto'],
): boolean {
  return significant && when !== 'permanent' && auto !== 'never';
}
