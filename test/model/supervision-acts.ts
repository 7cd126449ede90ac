import type { Pid } from '@snakepit/core';
import { Prediction } from './supervision-prediction.ts';
import {
  isAtRest,
  slotsOf,
  tagOf,
  word,
  type Act,
  type Setting,
  type Step,
  type World,
} from './supervision-world.ts';

/** The labels of children that a supervisor believes to run, and that do. */
function runningIn(world: World): readonly string[] {
  return slotsOf(world.snapshot)
    .filter(({ pid, status }) => status === 'running' && !world.dead.has(pid ?? -1))
    .map(({ serial }) => world.labels[serial] ?? '?');
}

/** Who was asked to end and has not done so. */
function askedIn(world: World): readonly string[] {
  const value = JSON.stringify(world.snapshot.value);
  const { at } = world.snapshot.context as { readonly at: number | null };
  if (value.includes('"asked')) return [world.labels[at ?? -1] ?? '?'];
  return value.includes('"waiting') ? runningIn(world) : [];
}

/** How long the world must wait for the next limit to be over; `undefined` where there is none. */
function limitIn({ snapshot }: World): number | undefined {
  if (!snapshot._nodes.some((node) => node.after.length > 0)) return undefined;
  const { at, limits, elapsedMs } = snapshot.context as {
    readonly at: number | null;
    readonly limits?: readonly number[];
    readonly elapsedMs?: number;
  };
  if (JSON.stringify(snapshot.value).includes('"waiting')) {
    return (limits?.[0] ?? 0) - (elapsedMs ?? 0);
  }
  return Number(slotsOf(snapshot).find(({ serial }) => serial === at)?.shutdown);
}

/** Whether there would be two children with one label: where ids mean nothing, nobody could tell them apart. */
function isAmbiguous({ snapshot, labels }: World, act: Act): boolean {
  if (snapshot.machine.id !== 'dynamicSupervisor') return false;
  if (act.do !== 'call' || act.verb !== 'child.start') return false;
  return slotsOf(snapshot).some(({ serial }) => labels[serial] === act.label);
}

/**
 * What can happen now.
 *
 * @param allCalls - What the supervisor may be called with.
 */
function actsIn(world: World, allCalls: readonly Act[]): readonly Act[] {
  const calls = allCalls.filter((act) => !isAmbiguous(world, act));
  const value = JSON.stringify(world.snapshot.value);
  const asked = askedIn(world);
  const limitMs = limitIn(world);
  const own: Act[] = [
    ...(/(starting|restarting|reviving)(Child|One)"/.test(value)
      ? (['running', 'ignored', 'failed'] as const).map(
          (comesTo) => ({ do: 'start', comesTo }) as const,
        )
      : []),
    ...asked.flatMap((label) =>
      (['shutdown', 'boom'] as const).map((reason) => ({ do: 'obey', label, reason }) as const),
    ),
    ...(limitMs === undefined ? [] : [{ do: 'wait', ms: limitMs } as const]),
  ];
  // One message may wait: a second one is served as the first is.
  if (world.waiting.length > 0) return own;
  if (!isAtRest(world.snapshot)) {
    const ends = runningIn(world).filter((label) => !asked.includes(label));
    return [
      ...own,
      ...ends.map((label) => ({ do: 'end', label, reason: 'boom' }) as const),
      { do: 'parent' },
      ...calls,
    ];
  }
  const ends = runningIn(world)
    .filter((label) => !asked.includes(label))
    .flatMap((label) =>
      (['boom', 'normal'] as const).map((reason) => ({ do: 'end', label, reason }) as const),
    );
  const wakeMs = Math.min(...world.waits.map(({ leftMs }) => leftMs));
  const wakes = wakeMs === Infinity ? [] : [{ do: 'wake', ms: wakeMs } as const];
  const rest = (['parent', 'stop', 'stranger', 'nonsense'] as const).map((what) => ({ do: what }));
  return [...own, ...ends, ...wakes, ...rest, ...calls];
}

/** An act that was tried, and what the machine says to it. */
export interface ActEdge {
  readonly from: string;
  readonly act: Act;
  readonly step: Step;
  readonly to: string;
}

/** All that can happen to a supervisor. */
export interface ActGraph {
  readonly first: Step;
  readonly worlds: ReadonlyMap<string, { readonly world: World; readonly via?: ActEdge }>;
  readonly edges: readonly ActEdge[];
}

/** Everything that acts can lead to, breadth first. */
export function explore(setting: Setting, calls: readonly Act[], limit = 20_000): ActGraph {
  const first = Prediction.begin(setting);
  const worlds = new Map<string, { readonly world: World; readonly via?: ActEdge }>([
    [keyOf(first.world), { world: first.world }],
  ]);
  const edges: ActEdge[] = [];
  // The iteration of a Map sees the worlds that are added meanwhile.
  for (const [from, { world }] of worlds) {
    if (world.snapshot.status !== 'active') continue;
    if (worlds.size > limit) throw new Error(`more than ${String(limit)} worlds`);
    for (const act of actsIn(world, calls)) {
      const step = Prediction.after(setting, world, act);
      const to = keyOf(step.world);
      const edge: ActEdge = { from, act, step, to };
      edges.push(edge);
      if (!worlds.has(to)) worlds.set(to, { world: step.world, via: edge });
    }
  }
  return { first, worlds, edges };
}

/**
 * The ways through a graph: together they take every edge; of those that look alike from outside, one. None is the
 * beginning of another.
 */
export function waysThrough(graph: ActGraph): (readonly ActEdge[])[] {
  const seen = new Set<string>();
  const inner = new Set<ActEdge>();
  const ways = graph.edges.flatMap((edge) => {
    const shape = shapeOf(graph, edge);
    if (seen.has(shape)) return [];
    seen.add(shape);
    const way = [edge];
    for (let via = graph.worlds.get(edge.from)?.via; via !== undefined;) {
      inner.add(via);
      way.unshift(via);
      via = graph.worlds.get(via.from)?.via;
    }
    return [way];
  });
  return ways.filter((way) => {
    const last = way.at(-1);
    return last !== undefined && !inner.has(last);
  });
}

function shapeOf({ worlds }: ActGraph, { from, act, step }: ActEdge): string {
  const { does, asks, ends, answers, events } = step;
  const before = worlds.get(from)?.world;
  const types = events.map(({ type }) => type);
  return JSON.stringify([
    before?.snapshot.value,
    before?.waiting.map(({ type }) => type),
    act,
    step.world.snapshot.value,
    types,
    does,
    asks,
    ends,
    answers,
  ]);
}

/** What decisions are made by; some of it of one kind of supervisor only. */
interface Known {
  readonly at: number | null;
  readonly from?: number;
  readonly upTo?: number;
  readonly clean: boolean;
  readonly limits?: readonly number[];
  readonly elapsedMs?: number;
  readonly reason: object | null;
  readonly window: { readonly count: number };
}

/**
 * What guards ask, and no more: not how often a child was started, nor, at rest, which one was at hand last; places
 * count by their order only.
 */
function keyOf({ snapshot, waiting, waits, dead, labels }: World): string {
  const { status } = snapshot;
  const value: unknown = snapshot.value;
  const known = snapshot.context as Known;
  const slots = slotsOf(snapshot);
  const rank = (place: unknown): number =>
    slots.filter(({ serial }) => serial < Number(place)).length;
  const { at, from, upTo, clean, limits, elapsedMs, reason, window } = known;
  const mail = waiting.map((event) => [
    event.type,
    tagOf(event),
    word(event['reason'] ?? {}),
    rank(Number((event['from'] as Pid | undefined)?.id) % 100),
    slots.some(({ pid }) => pid === event['pid']),
  ]);
  return JSON.stringify([
    status,
    value,
    slots.map(({ serial, status: life, failures, history }) => [
      labels[serial],
      life,
      Math.min(failures, 2),
      Math.min(history?.inARow ?? 0, 2),
      history?.budget?.count,
    ]),
    waits.map(({ serial, leftMs }) => [rank(serial), leftMs]),
    isAtRest(snapshot)
      ? []
      : [at === null ? null : rank(at), rank(from), rank(Number(upTo) + 1), clean],
    window.count,
    reason === null ? '' : word(reason),
    limits,
    elapsedMs,
    mail,
    [...dead.keys()].map((id) => rank(id % 100)),
  ]);
}
