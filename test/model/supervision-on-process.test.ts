import { describe, expect, test } from '@jest/globals';
import {
  DynamicSupervisor,
  dynamicSupervisorMachine,
  Supervisor,
  supervisorMachine,
} from '@snakepit/supervisor';
import type { AnyEventObject, AnyStateMachine } from 'xstate';
import { declared, replay } from './machine-graph.ts';
import { SupervisedProcess, type RealSetting, type Seen } from './supervision-process.ts';
import { explore, waysThrough, type ActEdge } from './supervision-acts.ts';
import { slotsOf, word, type Act, type SpecTraits, type Step } from './supervision-world.ts';

interface Case {
  readonly options: object;
  readonly children: Readonly<Record<string, SpecTraits>>;
  readonly calls: readonly Act[];
}

const dummy = (): unknown => undefined;

function call(verb: string, label = ''): Act {
  return { do: 'call', verb, label };
}

/** Specs that may be added; z is none. */
const added: Readonly<Record<string, SpecTraits>> = {
  c: { type: 'supervisor' },
  d: { restart: 'transient', shutdown: 100 },
  e: { restart: 'transient', shutdown: 200 },
  f: { restart: 'temporary', shutdown: 'brutalKill' },
  g: { restart: 'permanent', shutdown: 'infinity' },
  h: { restart: 'permanent', shutdown: 'brutalKill' },
  i: { restart: 'transient', shutdown: 'brutalKill' },
};

function specOf(label: string, traits: SpecTraits | undefined, start: unknown): object {
  return traits === undefined ? {} : { id: label, start, ...traits };
}

function settingOf(
  machine: AnyStateMachine,
  behaviour: RealSetting['behaviour'],
  { options, children }: Case,
) {
  const labels = Object.keys(children);
  const inputOf = (startOf: (label: string) => unknown): object => ({
    ...options,
    ...(labels.length === 0
      ? {}
      : { children: labels.map((label) => specOf(label, children[label], startOf(label))) }),
  });
  const all = { ...children, ...added };
  const specs = Object.fromEntries(
    [...Object.keys(all), 'z'].map((label) => [label, specOf(label, all[label], dummy)]),
  );
  return {
    predicted: { machine, input: inputOf(() => dummy), labels, specs: specs as never },
    real: {
      behaviour,
      inputOf,
      specOf: (label: string, startOf: (one: string) => unknown) =>
        specOf(label, all[label], startOf(label)),
    },
  };
}

function wantedOf(step: Step): Seen {
  const { snapshot } = step.world;
  const { does, asks, ends, answers } = step;
  const told = { does, asks, ends, answers };
  if (snapshot.status !== 'active') {
    const { reason } = snapshot.output as { reason: unknown };
    return { ...told, value: undefined, children: [], end: word(reason) };
  }
  const children = slotsOf(snapshot).map(({ serial, status }) => [serial, status] as const);
  return { ...told, value: snapshot.value, children, end: undefined };
}

/** Goes one way on a real process; after every act it must be as the chart says. */
async function go(setting: RealSetting, first: Step, way: readonly ActEdge[]): Promise<void> {
  const process = new SupervisedProcess(setting);
  try {
    agree([], await process.look(), first);
    for (const [index, { act, step }] of way.entries()) {
      await process.act(act);
      const acts = way.slice(0, index + 1).map((edge) => edge.act);
      agree(acts, await process.look(), step);
    }
  } finally {
    expect(await process.close()).toEqual([0, 0]);
  }
}

function agree(acts: readonly Act[], seen: Seen, step: Step): void {
  const wanted = wantedOf(step);
  // One comparison in a thousand is shown; building each message would cost more than the way.
  if (JSON.stringify(sorted(seen)) === JSON.stringify(sorted(wanted))) return;
  expect([acts, sorted(seen)]).toEqual([acts, sorted(wanted)]);
}

/** With its keys in one order. */
function sorted(seen: Seen): readonly unknown[] {
  const { does, asks, ends, answers, value, children, end } = seen;
  return [does, asks, ends, answers, value, children, end];
}

/** Goes every way through what can happen; gives the declared transitions that were not taken. */
async function goAll(
  machine: AnyStateMachine,
  behaviour: RealSetting['behaviour'],
  cases: readonly Case[],
): Promise<{ missed: string[]; ways: number }> {
  const all = declared(machine);
  const covered = new Set<string>();
  const missed = (): string[] => [...all].filter((key) => !covered.has(key));
  let ways = 0;
  for (const one of cases) {
    const { predicted, real } = settingOf(machine, behaviour, one);
    const graph = explore(predicted, one.calls);
    const input = predicted.input;
    replay(machine, graph.first.events, { input, covered });
    for (const way of [[], ...waysThrough(graph)]) {
      ways += 1;
      await go(real, graph.first, way);
      if (missed().length === 0) continue;
      const events: AnyEventObject[] = [graph.first, ...way.map(({ step }) => step)].flatMap(
        (step) => step.events,
      );
      replay(machine, events, { input, covered, delays: { shutdown: 200, nextShutdown: 200 } });
    }
  }
  return { missed: missed(), ways };
}

/** Waits are far longer than any other limit, so that each passes by itself. */
const backoff = { initialMs: 1e6, maxMs: 2e6, resetAfterMs: Infinity };
/** Seconds that outlast every wait: here no restart is ever too old to count. */
const longer = 1e6;

const listing = [call('children.list'), call('children.count')];

describe('the paths of the supervisor, on real processes', () => {
  const naming = ['child.terminate', 'child.restart', 'child.delete', 'child.describe'];
  const adding = [call('child.start', 'a'), call('child.start', 'z')];
  const about = (labels: readonly string[]): Act[] =>
    labels.flatMap((label) => naming.map((verb) => call(verb, label)));
  const cases: Record<string, Case> = {
    faulty: { options: { strategy: 'none' }, children: {}, calls: [] },
    oneForAll: {
      options: { strategy: 'oneForAll', maxRestarts: 1 },
      children: {
        a: { shutdown: 'brutalKill' },
        k: { shutdown: 'infinity' },
        b: { restart: 'temporary', shutdown: 100 },
      },
      calls: [...listing, ...about(['b'])],
    },
    restForOne: {
      options: { strategy: 'restForOne', maxRestarts: 1 },
      children: { a: { shutdown: 100 }, b: { shutdown: 100 } },
      calls: [...listing, ...about(['a'])],
    },
    oneForOne: {
      options: { maxRestarts: 1, autoShutdown: 'allSignificant' },
      children: {
        a: { restart: 'transient', significant: true, shutdown: 100 },
        b: { restart: 'transient', shutdown: 'brutalKill' },
      },
      calls: [
        ...listing,
        ...about(['a']),
        ...['child.terminate', 'child.describe'].map((verb) => call(verb, 'z')),
        call('child.terminate', 'b'),
        ...adding,
        call('nonsense'),
      ],
    },
    backingOff: {
      options: { maxRestarts: 4, maxSeconds: longer, backoff },
      children: { a: { shutdown: 'brutalKill' } },
      calls: [
        ...listing,
        ...about(['a']),
        ...['child.terminate', 'child.restart', 'child.delete'].map((verb) => call(verb, 'z')),
        ...['z', 'i'].map((label) => call('child.start', label)),
        call('nonsense'),
      ],
    },
    givenUp: {
      options: { strategy: 'oneForAll', maxRestarts: 0, budget: { maxRestarts: 0, maxSeconds: 5 } },
      children: { a: { shutdown: 'brutalKill' } },
      calls: [...listing, ...about(['a'])],
    },
    growing: {
      options: { maxRestarts: 0, autoShutdown: 'anySignificant' },
      children: { a: { shutdown: 100 } },
      calls: [...listing, call('child.start', 'c'), call('child.start', 'f'), ...about(['c'])],
    },
  };

  test('[SUP-010] every act in every state; no declared transition is left out', async () => {
    const { missed, ways } = await goAll(supervisorMachine, Supervisor, Object.values(cases));
    expect(missed).toEqual([]);
    expect(ways).toBeGreaterThan(500);
  }, 600_000);
});

describe('the paths of the dynamic supervisor, on real processes', () => {
  const start = (label: string): Act => call('child.start', label);
  const byId = ['terminate', 'restart', 'delete', 'describe'].map((what) => call(`child.${what}`));
  const cases: Case[] = [
    { options: { strategy: 'none' }, children: {}, calls: [] },
    {
      options: { maxRestarts: 1, maxChildren: 2 },
      children: {},
      calls: [...listing, ...byId, start('d'), start('e'), call('child.terminate', 'd')],
    },
    {
      options: { maxRestarts: 0, maxChildren: 2 },
      children: {},
      calls: [
        start('f'),
        start('g'),
        start('z'),
        call('child.terminate', 'f'),
        call('child.terminate', 'g'),
        call('nonsense'),
      ],
    },
    {
      options: {
        maxRestarts: 0,
        maxChildren: 2,
        backoff,
        budget: { maxRestarts: 1, maxSeconds: longer },
      },
      children: {},
      calls: [
        ...listing,
        ...byId,
        ...['h', 'i', 'z'].map((label) => start(label)),
        ...['h', 'i'].map((label) => call('child.terminate', label)),
        call('child.revive', 'h'),
        call('child.revive', 'e'),
        call('nonsense'),
      ],
    },
  ];

  test('every act in every state; no declared transition is left out', async () => {
    const { missed, ways } = await goAll(dynamicSupervisorMachine, DynamicSupervisor, cases);
    expect(missed).toEqual([]);
    expect(ways).toBeGreaterThan(100);
  }, 600_000);
});
