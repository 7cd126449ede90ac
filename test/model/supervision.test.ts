import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid, type ExitReason } from '@snakepit/core';
import {
  dynamicSupervisorMachine,
  supervisorMachine,
  type SupervisorContext,
} from '@snakepit/supervisor';
import { type AnyEventObject, type AnyMachineSnapshot } from 'xstate';
import { declared, nodeAt, walk, type Edge, type Graph } from './machine-graph.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';

/** What a chart knows of one child. */
interface ChildSlot {
  readonly serial: number;
  readonly status: string;
  readonly failures: number;
  readonly shutdown: unknown;
  readonly history: { readonly waits: number; readonly budget: { count: number } | null } | null;
}

/** Pids are told apart by number; the child at place n always gets 10 + n here. */
function pidWith(id: number): Pid {
  // A pid of no system, only to be named in events.
  return Object.assign(Object.create(Pid.prototype) as Pid, { id });
}

const boom = exitReason.custom('boom');
const from = { pid: undefined, resolve: () => undefined, reject: () => undefined };
const start = (): { readonly ok: true; readonly pid: undefined } => ({ ok: true, pid: undefined });

function exitOf(pid: number, reason: ExitReason): AnyEventObject {
  return { type: 'EXIT', from: pidWith(pid), reason };
}

function aboutChildren(
  places: readonly number[],
  { at, children }: Pick<SupervisorContext, 'at' | 'children'>,
): AnyEventObject[] {
  const serial = at ?? 0;
  const slots = [...slotsOf(children.slots.root)];
  const waits = (place: number): number =>
    slots.find((slot) => slot.serial === place)?.history?.waits ?? 0;
  return [
    { type: 'parent.known', parent: 1 },
    { type: 'second.read', atSecond: 0 },
    { type: 'turn.came' },
    { type: 'child.started', serial, pid: 10 + serial },
    { type: 'child.ignored', serial },
    { type: 'child.failed', serial, reason: boom },
    { type: 'supervisor.stop', reason: boom },
    { type: 'children.list', from },
    { type: 'children.count', from },
    { type: 'nonsense' },
    { type: 'nonsense', from },
    exitOf(1, exitReason.shutdown),
    exitOf(2, boom),
    ...places.flatMap((place) => [
      exitOf(10 + place, boom),
      exitOf(10 + place, exitReason.normal),
      { type: 'DOWN', ref: {}, pid: pidWith(10 + place), reason: exitReason.shutdown },
      { type: 'child.retry', serial: place },
      { type: 'backoff.over', serial: place, wait: waits(place) },
      { type: 'backoff.over', serial: place, wait: -1 },
    ]),
  ];
}

/**
 * What guards ask, and no more: not how often a child was started, nor, at rest, which one was at hand last.
 */
function keyOf({ status, value, context }: AnyMachineSnapshot): string {
  const { children, at, from: first, upTo, clean, window, reason } = context as SupervisorContext;
  const slots = [...slotsOf(children.slots.root)].map((slot) => [
    slot.serial,
    slot.status,
    slot.shutdown,
    Math.min(slot.failures, 2),
    slot.history?.budget?.count,
  ]);
  const isResting = ['{"running":"idle"}', '{"running":"backingOff"}'].includes(
    JSON.stringify(value),
  );
  const busyWith = isResting ? [] : [at, first, upTo, clean];
  const { limits, elapsedMs } = context as { limits?: number[]; elapsedMs?: number };
  return JSON.stringify([
    status,
    value,
    slots,
    busyWith,
    window.count,
    reason?.kind,
    limits,
    elapsedMs,
  ]);
}

/** Whether it goes beyond OTP; fewer children are enough then. */
function isExtended({ backoff, children }: SupervisorContext): boolean {
  return (
    backoff !== null || [...slotsOf(children.slots.root)].some(({ history }) => history !== null)
  );
}

/** The slots in a table: the objects in its rows. */
function* slotsOf(rows: unknown): Generator<ChildSlot> {
  if (Array.isArray(rows)) for (const row of rows) yield* slotsOf(row);
  else if (typeof rows === 'object' && rows !== null) yield rows as ChildSlot;
}

/** Edges between the same states by the same actions are alike. */
function shapeOf(graph: Graph): (edge: Edge) => string {
  return ({ from: source, event, to, actions }) =>
    JSON.stringify([
      nodeAt(graph, source).state.value,
      event.type,
      event['id'],
      nodeAt(graph, to).state.value,
      actions,
    ]);
}

function postponed(state: AnyMachineSnapshot): string[] {
  return state._nodes.flatMap(
    (node) => (node.meta as { postpone?: string[] } | undefined)?.postpone ?? [],
  );
}

describe('supervisor', () => {
  const spec = (id: string, more: object = {}): object => ({ id, start, ...more });
  const inputs: Record<string, object> = {
    faulty: { strategy: 'none' },
    oneForAll: {
      strategy: 'oneForAll',
      maxRestarts: 1,
      children: [
        spec('a', { shutdown: 'brutalKill' }),
        spec('b', { restart: 'temporary' }),
        spec('c'),
      ],
    },
    restForOne: {
      strategy: 'restForOne',
      maxRestarts: 1,
      children: [spec('a', { type: 'supervisor' }), spec('b')],
    },
    oneForOne: {
      maxRestarts: 1,
      autoShutdown: 'allSignificant',
      children: [
        spec('a', { restart: 'transient', significant: true }),
        spec('b', { restart: 'transient' }),
      ],
    },
    backingOff: {
      maxRestarts: 2,
      backoff: { initialMs: 100, maxMs: 100 },
      children: [spec('a', { restart: 'transient' })],
    },
    givenUp: {
      strategy: 'oneForAll',
      maxRestarts: 0,
      children: [spec('a', { budget: { maxRestarts: 0, maxSeconds: 5 } })],
    },
  };

  const graphOf = (input: object): Graph =>
    walk(supervisorMachine, {
      input,
      key: keyOf,
      limit: 20_000,
      events: ({ context }) => {
        const { children } = context as SupervisorContext;
        const most = isExtended(context as SupervisorContext) ? 2 : 3;
        const added = children.nextSerial < most ? ['a', 'c'] : ['z'];
        const onIds = ['a', 'z'].flatMap((id) =>
          ['terminate', 'restart', 'delete', 'describe'].map((verb) => ({
            type: `child.${verb}`,
            id,
            from,
          })),
        );
        return [
          ...aboutChildren([0, 1, 2], context as SupervisorContext),
          ...added.map((id) => ({
            type: 'child.start',
            spec: id === 'z' ? {} : spec(id, { type: 'supervisor' }),
            from,
          })),
          ...onIds,
        ];
      },
    });

  const graphs = Object.values(inputs).map((input) => ({ input, graph: graphOf(input) }));

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = graphs.map(({ input, graph }) =>
      replayAll(supervisorMachine, graph, {
        input,
        delays: { shutdown: 5_000 },
        alike: shapeOf(graph),
      }),
    );
    expect(missedByAll(missed)).toEqual([]);
  }, 600_000);

  test('[SUP-010] every request, every exit and what it does not know is either handled or postponed: none is lost', () => {
    const starts = ['child.started', 'child.ignored', 'child.failed'];
    const others = new Set([...starts, 'parent.known', 'second.read', 'turn.came', 'DOWN']);
    for (const { graph } of graphs) {
      for (const { from: source, event, taken } of graph.edges) {
        if (taken || others.has(event.type) || event.type.startsWith('xstate.')) continue;
        const { state } = nodeAt(graph, source);
        // At rest, what concerns nobody is dropped: a stranger's exit, a retry that is void.
        const isAtRest = [{ running: 'idle' }, { running: 'backingOff' }].some((value) =>
          state.matches(value),
        );
        if (isAtRest && ['EXIT', 'child.retry', 'backoff.over'].includes(event.type)) continue;
        expect(postponed(state)).toEqual(['*']);
        expect(state._nodes.some((node) => node.transitions.has(event.type))).toBe(false);
      }
    }
  });

  test('[SHD-002] to enter asked is to ask, to enter killing is to kill', () => {
    for (const { graph } of graphs) {
      for (const edge of graph.edges.filter(({ taken }) => taken)) {
        const value = JSON.stringify(nodeAt(graph, edge.to).state.value);
        if (value === JSON.stringify(nodeAt(graph, edge.from).state.value)) continue;
        if (value.includes('"asked')) expect(edge.actions).toContain('askChild');
        if (value.includes('"killing"')) expect(edge.actions).toContain('killChild');
      }
    }
  });

  test('from every state there is a way to an end', () => {
    for (const { graph } of graphs) {
      const backwards = new Map<string, string[]>();
      for (const { from: source, to } of graph.edges) {
        const sources = backwards.get(to);
        if (sources === undefined) backwards.set(to, [source]);
        else sources.push(source);
      }
      const ends = [...graph.nodes.values()].filter(({ state }) => state.status === 'done');
      const reaching = new Set(ends.map(({ key }) => key));
      for (const key of reaching) {
        for (const source of backwards.get(key) ?? []) reaching.add(source);
      }
      expect([...graph.nodes.keys()].filter((key) => !reaching.has(key))).toEqual([]);
    }
  });

  test('a snapshot is plain: JSON keeps all that it decides by', () => {
    for (const { graph } of graphs) {
      for (const { state } of graph.nodes.values()) {
        const decided = { ...(state.context as SupervisorContext), reason: null };
        expect(JSON.parse(JSON.stringify(decided))).toEqual(decided);
      }
    }
  });

  test('size of the model (change it on purpose)', () => {
    expect(graphs.map(({ graph }) => [graph.nodes.size, takenEdges(graph)])).toEqual([
      [1, 0],
      [211, 775],
      [562, 2019],
      [584, 2184],
      [513, 2316],
      [115, 479],
    ]);
    expect(declared(supervisorMachine).size).toBe(100);
  });
});

describe('dynamicSupervisor', () => {
  const byId = ['child.terminate', 'child.restart', 'child.delete', 'child.describe'];
  const graphOf = (input: object): Graph =>
    walk(dynamicSupervisorMachine, {
      input,
      key: keyOf,
      limit: 20_000,
      events: ({ context }) => {
        const { children } = context as SupervisorContext;
        const kinds = isExtended(context as SupervisorContext)
          ? [[100], [200]]
          : [[100, 'infinity', 'brutalKill'], [200]];
        const shutdowns = kinds[children.nextSerial] ?? [];
        return [
          ...aboutChildren([0, 1], context as SupervisorContext),
          ...shutdowns.map((shutdown) => ({
            type: 'child.start',
            spec: { id: 0, start, shutdown, restart: 'transient' },
            from,
          })),
          { type: 'child.start', spec: {}, from },
          ...[10, 11, 15].flatMap((pid) => [
            { type: 'child.terminate', pid, from },
            { type: 'child.revive', pid, from },
          ]),
          ...byId.map((type) => ({ type, id: 0, from })),
        ];
      },
    });

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const backoff = { initialMs: 100, maxMs: 100 };
    const budget = { maxRestarts: 1, maxSeconds: 5 };
    const inputs = [
      { maxRestarts: 1, maxChildren: 2 },
      { maxRestarts: 0, maxChildren: 2, backoff, budget },
      { strategy: 'none' },
    ];
    const missed = inputs.map((input) => {
      const graph = graphOf(input);
      const delays = { shutdown: 200, nextShutdown: 200 };
      return replayAll(dynamicSupervisorMachine, graph, { input, delays, alike: shapeOf(graph) });
    });
    expect(missedByAll(missed)).toEqual([]);
  }, 600_000);
});
