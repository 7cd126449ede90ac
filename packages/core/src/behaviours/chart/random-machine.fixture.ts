import {
  and,
  assign,
  cancel,
  createMachine,
  emit,
  enqueueActions,
  fromCallback,
  log,
  not,
  or,
  raise,
  sendTo,
  spawnChild,
  stateIn,
  stopChild,
  type AnyEventObject,
  type AnyStateMachine,
} from 'xstate';

/** Chooses one of several; where the chance comes from is the caller's affair. */
export type Choose = <T>(...options: readonly T[]) => T;

/** What a random machine's effects were called with. */
export type Note = (what: string, params: unknown, n: unknown, event: string) => void;

interface Skeleton {
  readonly key: string;
  readonly id: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly children: readonly Skeleton[];
}

type Config = Record<string, unknown>;

const eventTypes = ['a', 'b', 'a.b', 'a.b.c', 'c'] as const;
const descriptors = ['a', 'b', 'a.b', 'a.*', 'a.b.*', 'c', '*'] as const;

/** An event that a random machine may know. */
export function randomEvent(choose: Choose, machine: AnyStateMachine): AnyEventObject {
  const internal = [...nodesOf(machine.root)].flatMap((node) =>
    [...node.transitions.keys()].filter((type) => type.startsWith('xstate.')),
  );
  const type = choose(...eventTypes, ...eventTypes, ...internal);
  return {
    type,
    n: choose(0, 1, 2, 3),
    left: choose(0, 2),
    output: choose('x', 'y'),
    error: 'e',
    snapshot: {},
  };
}

interface Node {
  readonly states: Readonly<Record<string, Node>>;
  readonly transitions: ReadonlyMap<string, unknown>;
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child);
}

/**
 * A machine of nested, parallel, final and history states that do all that machines can do.
 *
 * @param isToRun - Leaves out `onSnapshot`: an actor that is invoked again because of its own first snapshot never ends.
 */
export function randomMachine(choose: Choose, note: Note, isToRun: boolean): AnyStateMachine {
  const root = skeletonOf(
    choose,
    'm',
    'm',
    choose('compound', 'compound', 'parallel'),
    choose(0, 1, 1, 2),
  );
  const all = [...withChildren(root)];
  const config = configOf({ choose, all, isToRun }, root);
  return createMachine(
    {
      ...config,
      context: choose<unknown>({ n: 0, m: 0 }, ({ input }: { input: number }) => ({
        n: input,
        m: 0,
      })),
      output: choose<unknown>('end', ({ context, event }: Seen) => [context.n, event.output]),
      options: { maxIterations: 40 },
    } as never,
    implementations(note) as never,
  );
}

interface Seen {
  readonly context: { readonly n: number; readonly m: number };
  readonly event: { readonly type: string; readonly n?: number; readonly output?: unknown };
}

function implementations(note: Note): object {
  return {
    actions: {
      note: ({ context, event }: Seen, params: unknown) => {
        note('note', params, context.n, event.type);
      },
      count: assign({ n: ({ context }: Seen) => (context.n + 1) % 5 }),
      add: assign(({ context }: Seen, { by }: { by: number }) => ({ n: (context.n + by) % 5 })),
      again: raise(({ context }: Seen) => ({ type: 'c', n: context.n })),
    },
    guards: {
      isOdd: ({ context }: Seen) => context.n % 2 === 1,
      isOver: ({ context }: Seen, { than }: { than: number }) => context.n > than,
      isTwo: ({ event }: Seen) => event.n === 2,
      fails: ({ context }: Seen) => {
        if (context.n === 4) throw new Error('four');
        return true;
      },
      isOddOrTwo: or(['isOdd', 'isTwo']),
    },
    delays: { soon: 50, counted: ({ context }: Seen) => 10 * (context.n + 1) },
    actors: { quiet: fromCallback(() => undefined) },
  };
}

function skeletonOf(
  choose: Choose,
  key: string,
  id: string,
  type: Skeleton['type'],
  depth: number,
): Skeleton {
  if (type !== 'compound' && type !== 'parallel') return { key, id, type, children: [] };
  const names = ['x', '1', 'y', '0'].slice(0, choose(1, 2, 2, 3, 3, 4));
  const children = names.map((name, index) => {
    const inner: Skeleton['type'][] = depth > 0 ? ['atomic', 'compound', 'parallel'] : ['atomic'];
    const more: Skeleton['type'][] =
      index === 0 ? ['atomic', 'atomic', 'final'] : ['atomic', 'final', 'history'];
    const options =
      type === 'parallel' && index > 0 ? [...inner, 'final' as const] : [...inner, ...more];
    return skeletonOf(choose, name, `${id}.${name}`, choose(...options), depth - 1);
  });
  return { key, id, type, children };
}

function* withChildren(node: Skeleton): Generator<Skeleton> {
  yield node;
  for (const child of node.children) yield* withChildren(child);
}

interface Making {
  readonly choose: Choose;
  readonly all: readonly Skeleton[];
  readonly isToRun: boolean;
}

function configOf(making: Making, node: Skeleton, isFirst = false): Config {
  const { choose, all } = making;
  const common: Config = {
    ...(node.id === 'm' ? { id: 'm' } : {}),
    type: node.type,
    ...(choose(true, false) ? { tags: [`tag ${node.key}`], meta: { at: node.id } } : {}),
  };
  if (node.type === 'history') {
    // Where its parent begins by it, one without a target would stand for itself.
    const target = choose(isFirst ? siblingOf(node, all) : undefined, siblingOf(node, all));
    return {
      ...common,
      history: choose('shallow', 'deep'),
      ...(target === undefined ? {} : { target }),
    };
  }
  const invoke = choose(true, false, false, false) ? invokeOf(making, node) : undefined;
  // What is told to an actor that is about to be invoked waits for it.
  const told = invoke?.['id'] === undefined ? [] : [sendTo(invoke['id'] as string, { type: 'c' })];
  const effects = { entry: [...actionsOf(choose), ...told], exit: actionsOf(choose) };
  if (node.type === 'final') {
    return {
      ...common,
      ...effects,
      output: choose<unknown>('o', ({ context }: Seen) => context.n),
    };
  }
  const first = node.children.length === 0 ? undefined : choose(...node.children);
  const states = Object.fromEntries(
    node.children.map((child) => [child.key, configOf(making, child, child === first)]),
  );
  return {
    ...common,
    ...effects,
    ...(node.children.length > 0 ? { states } : {}),
    ...(node.type === 'compound' && first ? { initial: initialOf(choose, first.key) } : {}),
    on: Object.fromEntries(
      [choose(...descriptors), choose(...descriptors)].map((key) => [
        key,
        transitionsOf(choose, node, all),
      ]),
    ),
    ...(choose(true, false, false) ? { always: eventlessOf(choose, node, all) } : {}),
    ...(choose(true, false, false)
      ? { after: { [choose('soon', 'counted', '70')]: transitionsOf(choose, node, all) } }
      : {}),
    ...(node.children.length > 0 && choose(true, false)
      ? { onDone: transitionsOf(choose, node, all) }
      : {}),
    ...(invoke === undefined ? {} : { invoke }),
  };
}

function siblingOf(node: Skeleton, all: readonly Skeleton[]): string | undefined {
  const parent = all.find(({ children }) => children.includes(node));
  return parent?.children.find(({ type }) => type !== 'history')?.key;
}

function initialOf(choose: Choose, key: string): unknown {
  return choose<unknown>(key, key, { target: key, actions: 'count' });
}

function invokeOf({ choose, all, isToRun }: Making, node: Skeleton): Config {
  return {
    src: 'quiet',
    ...choose<object>({}, { id: `of ${node.id}` }),
    onDone: transitionsOf(choose, node, all),
    ...(choose(true, false) ? { onError: transitionsOf(choose, node, all) } : {}),
    ...(!isToRun && choose(true, false) ? { onSnapshot: transitionsOf(choose, node, all) } : {}),
  };
}

function transitionsOf(choose: Choose, node: Skeleton, all: readonly Skeleton[]): unknown {
  const one = (): unknown =>
    choose(
      () => transitionOf(choose, node, all),
      () => transitionOf(choose, node, all),
      () => ({}),
    )();
  return choose<() => unknown>(one, () => [one(), one()])();
}

function eventlessOf(choose: Choose, node: Skeleton, all: readonly Skeleton[]): unknown[] {
  // Without a guard most machines would only run in circles.
  return [{ ...transitionOf(choose, node, all), guard: guardOf(choose, all) }];
}

function transitionOf(choose: Choose, node: Skeleton, all: readonly Skeleton[]): Config {
  const anywhere = choose(...all.slice(1)).id;
  const inside = node.children.length === 0 ? undefined : `.${choose(...node.children).key}`;
  const target = choose<unknown>(
    `#${anywhere}`,
    `#${anywhere}`,
    inside,
    undefined,
    regionsOf(choose, all),
  );
  return {
    ...(target === undefined ? {} : { target }),
    ...(choose(true, false) ? { guard: guardOf(choose, all) } : {}),
    ...(choose(true, false, false) ? { reenter: true } : {}),
    actions: actionsOf(choose),
  };
}

/** Targets in several regions at once. */
function regionsOf(choose: Choose, all: readonly Skeleton[]): string[] | undefined {
  const parallel = all.filter(({ type }) => type === 'parallel');
  if (parallel.length === 0) return undefined;
  return choose(...parallel)
    .children.slice(0, 2)
    .map(({ id }) => `#${id}`);
}

function guardOf(choose: Choose, all: readonly Skeleton[]): unknown {
  const isOver = { type: 'isOver', params: { than: choose(0, 1, 2) } };
  return choose<unknown>(
    'isOdd',
    isOver,
    { type: 'isOver', params: ({ context }: Seen) => ({ than: context.m }) },
    'isTwo',
    'isOddOrTwo',
    'fails',
    not('isOdd'),
    and(['isOdd', isOver]),
    or([not('isTwo'), 'isOdd']),
    stateIn(`#${choose(...all).id}`),
    ({ context }: Seen) => context.n < 3,
    'nobody implements this',
  );
}

function actionsOf(choose: Choose): unknown[] {
  const label = choose('p', 'q', 'r');
  const one = (): unknown =>
    choose<unknown>(
      'note',
      'note',
      { type: 'note', params: { label } },
      { type: 'note', params: ({ context }: Seen) => ({ n: context.n }) },
      'count',
      'count',
      { type: 'add', params: ({ event }: Seen) => ({ by: event.n ?? 1 }) },
      assign({ m: ({ context }: Seen) => context.n }),
      'again',
      raise({ type: 'b' }),
      // Only to be cancelled: what comes back each time would come back more and more often.
      raise({ type: 'a' }, { delay: 100_000, id: label }),
      later(choose(30, 60), label),
      cancel(label),
      log(({ context }: Seen) => context.n),
      emit(({ context }: Seen) => ({ type: 'told', n: context.n })),
      spawnChild('quiet', { id: label }),
      stopChild(label),
      enqueueActions(({ context, enqueue, check }) => {
        if (check('isOdd')) enqueue({ type: 'note', params: 'odd' });
        enqueue.assign({ n: ((context as Seen['context']).n + 2) % 5 });
        enqueue('note');
        if (check(stateIn('#m') as never)) enqueue.raise({ type: 'b' });
      }),
      () => undefined,
      'nobody implements this',
    );
  return [[], [one()], [one(), one()], [one(), one(), one()]][choose(0, 0, 1, 1, 2, 3)] ?? [];
}

/** Sends to itself, by two ways, but only so often. */
function later(delay: number, id: string): unknown {
  return enqueueActions(({ event, enqueue, self }) => {
    const left = (event as { readonly left?: number }).left ?? 0;
    if (left === 0) return;
    enqueue.raise({ type: 'a', left: left - 1 } as never, { delay, id });
    enqueue.sendTo(self, { type: 'c', left: left - 1 } as never, { delay: 10 });
  });
}
