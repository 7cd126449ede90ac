import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createActor,
  initialTransition,
  SimulatedClock,
  transition,
  type AnyActorLogic,
  type AnyEventObject,
  type AnyStateMachine,
} from 'xstate';
import type { Snapshot, StateNode } from '../xstate-internals.ts';
import { compileChart } from './compile.ts';
import { randomEvent, randomMachine, type Choose } from './random-machine.fixture.ts';

/** Random machines, each with twelve events; `CHART_RUNS=20000` for a long look. */
const numRuns = Number(process.env['CHART_RUNS'] ?? 400);

interface Done {
  readonly type: string;
  readonly params?: unknown;
}

/** All that can be seen of a snapshot. */
function seen(snapshot: Snapshot): unknown {
  const ids = (nodes: readonly StateNode[]): string[] => nodes.map(({ id }) => id);
  return {
    status: snapshot.status,
    // As text, because the order of regions is seen too.
    value: JSON.stringify(snapshot.value),
    context: snapshot.context,
    output: snapshot.output,
    error: messageOf(snapshot.error),
    tags: [...snapshot.tags],
    nodes: ids(snapshot._nodes),
    children: Object.keys(snapshot.children),
    history: Object.entries(snapshot.historyValue).map(([id, nodes]) => [id, ids(nodes)]),
    meta: (snapshot as unknown as { getMeta: () => unknown }).getMeta(),
  };
}

function messageOf(error: unknown): unknown {
  return error instanceof Error ||
    (typeof error === 'object' && error !== null && 'message' in error)
    ? (error as Error).message
    : error;
}

/** What an action is given, without the actors, which are others in each run. */
function told({ type, params }: Done): unknown {
  if (!type.startsWith('xstate.')) return [type, params];
  if (isActor(params)) return [type, params.id];
  const entries = Object.entries((params ?? {}) as Readonly<Record<string, unknown>>);
  return [type, entries.map(([key, value]) => [key, isActor(value) ? 'an actor' : value])];
}

function isActor(value: unknown): value is { readonly id: string } {
  return typeof value === 'object' && value !== null && 'sessionId' in value;
}

interface Outcome {
  readonly snapshot?: Snapshot;
  readonly done: readonly Done[];
  readonly error?: unknown;
}

function attempt(step: () => readonly [unknown, readonly Done[]]): Outcome {
  try {
    const [snapshot, done] = step();
    return { snapshot: snapshot as Snapshot, done };
  } catch (error) {
    return { error: messageOf(error), done: [] };
  }
}

function shown({ snapshot, done, error }: Outcome): unknown {
  return { snapshot: snapshot && seen(snapshot), done: done.map(told), error };
}

/** A machine as it was written. */
function described({ config }: AnyStateMachine): string {
  return JSON.stringify(config, (_, value: unknown): unknown =>
    typeof value === 'function' ? `${value.name}: ${JSON.stringify(Object.entries(value))}` : value,
  );
}

const quiet = (): void => undefined;

/** Chance by fast-check, so that a machine on which the two differ is made smaller. */
function chooser(g: fc.GeneratorValue): Choose {
  return (...options) => {
    const index = g(fc.nat, { max: options.length - 1 });
    return options[index] as (typeof options)[number];
  };
}

describe('a compiled chart', () => {
  test('does step by step what XState does with the machine, for any machine and events', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const choose = chooser(g);
        const machine = randomMachine(choose, quiet, false);
        const compiled = compileChart(machine);
        let theirs = attempt(() => initialTransition(machine, 1));
        let ours = attempt(() => initialTransition(compiled, 1));
        const events: AnyEventObject[] = [];
        for (let step = 0; step < 12; step++) {
          if (!isDeepStrictEqual(shown(ours), shown(theirs))) {
            const where = [described(machine), ...events];
            expect([where, shown(ours)]).toEqual([where, shown(theirs)]);
          }
          const [before, same] = [theirs.snapshot, ours.snapshot];
          if (before?.status !== 'active' || same === undefined) return;
          const event = randomEvent(choose, machine);
          events.push(event);
          theirs = attempt(() => transition(machine, before as never, event));
          ours = attempt(() => transition(compiled, same as never, event));
          expect([event, ours.snapshot === same]).toEqual([event, theirs.snapshot === before]);
        }
      }),
      { numRuns, endOnFailure: true },
    );
  }, 300_000);

  test('runs as the machine does: same effects, delays, emitted events and ends', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const choose = chooser(g);
        const notes: [unknown[], unknown[]] = [[], []];
        let now: 0 | 1 = 0;
        const machine = randomMachine(choose, (...note) => notes[now].push(note), true);
        const runs = [machine as AnyActorLogic, compileChart(machine)].map((logic, index) => {
          now = index as 0 | 1;
          return start(logic, notes[now]);
        });
        const events: unknown[] = [];
        for (let step = 0; step < 12; step++) {
          const [theirs, ours] = runs.map(({ actor }) => seen(actor.getSnapshot() as Snapshot));
          if (!isDeepStrictEqual([ours, notes[1]], [theirs, notes[0]])) {
            const where = [described(machine), ...events];
            expect([where, ours, notes[1]]).toEqual([where, theirs, notes[0]]);
          }
          const event = choose(true, true, false) ? randomEvent(choose, machine) : choose(20, 60);
          events.push(event);
          for (const [index, run] of runs.entries()) {
            now = index as 0 | 1;
            if (typeof event === 'number') run.clock.increment(event);
            else if (isActive(run.actor)) run.actor.send(event);
          }
        }
        for (const { actor } of runs) actor.stop();
      }),
      { numRuns, endOnFailure: true },
    );
  }, 300_000);
});

interface Running {
  readonly actor: ReturnType<typeof createActor<AnyActorLogic>>;
  readonly clock: SimulatedClock;
}

/** Starts logic, and notes what its actor tells. */
function start(logic: AnyActorLogic, notes: unknown[]): Running {
  const clock = new SimulatedClock();
  const actor = createActor(logic, {
    clock,
    input: 1,
    logger: (...args: unknown[]) => notes.push(['log', ...args]),
  });
  actor.on('told', (event) => notes.push(event));
  actor.subscribe({
    next: (snapshot: Snapshot) => notes.push(['next', snapshot.status]),
    error: (error) => notes.push(['error', messageOf(error)]),
    complete: () => notes.push('complete'),
  });
  actor.start();
  return { actor, clock };
}

function isActive(actor: Running['actor']): boolean {
  return (actor.getSnapshot() as Snapshot).status === 'active';
}
