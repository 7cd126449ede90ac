import { expect } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  defineStatechart,
  exitReason,
  isExitReason,
  silentLogger,
  type ExitReason,
} from '@snakepit/core';
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { edgePaths, nodeAt, type Edge, type Graph } from './machine-graph.ts';

/** What is to be played on processes. */
export interface OnProcessOptions {
  /** What each process is started with. */
  readonly input: unknown;
  /** Milliseconds of each named delay that is waited for. */
  readonly delays?: Readonly<Record<string, number>>;
  /** Edges with the same answer are taken once; default: every edge is. */
  readonly alike?: (edge: Edge) => string;
}

/**
 * Takes the edges of a graph on real processes: one process in a system of its own for each path, with a clock that
 * stands still, and effects that only write down that they were called.
 *
 * After every event the process must be where the graph says, and must have done what the graph says, in that order;
 * at an end it must be gone, with the reason that the chart names.
 */
export async function playOnProcesses(
  machine: AnyStateMachine,
  graph: Graph,
  options: OnProcessOptions,
): Promise<void> {
  const behaviour = recording(machine);
  for (const { edges } of edgePaths(graph, options.alike)) {
    await playPath(behaviour, graph, edges, options);
  }
}

async function playPath(
  { define, isEffect }: Recording,
  graph: Graph,
  edges: readonly Edge[],
  { input, delays = {} }: OnProcessOptions,
): Promise<void> {
  const clock = createTestClock();
  const system = createSystem({ clock, logger: silentLogger });
  const done: string[] = [];
  let end: ExitReason | undefined;
  try {
    const pid = system.spawn(define(done), input);
    void system.awaitExit(pid).then((reason) => {
      end = reason;
    });
    await clock.advance(0);
    done.length = 0;
    for (const [index, { event, to, actions }] of edges.entries()) {
      const delay = /^xstate\.after\.([^.]+)\./.exec(event.type)?.[1];
      if (delay === undefined) system.send(pid, event);
      await clock.advance(delay === undefined ? 0 : (delays[delay] ?? Number(delay)));
      const { state } = nodeAt(graph, to);
      const got: unknown[] = [system.processInfo(pid)?.stateValue, end, done.splice(0)];
      const wanted: unknown[] =
        state.status === 'active'
          ? [state.value, undefined, actions.filter(isEffect)]
          : [undefined, endOf(state), actions.filter(isEffect)];
      // One comparison in a thousand is shown; building each message would cost more than the path.
      if (JSON.stringify(got) !== JSON.stringify(wanted)) {
        const events = edges.slice(0, index + 1).map((one) => one.event);
        expect([events, ...got]).toEqual([events, ...wanted]);
      }
    }
  } finally {
    for (const { pid } of [...system.processes()]) system.exit(pid, exitReason.kill);
    await system.stop();
  }
  expect(clock.pending).toBe(0);
}

function endOf(state: AnyMachineSnapshot): ExitReason {
  const { output } = state as { readonly output?: { readonly reason?: unknown } };
  const reason = output?.reason;
  return isExitReason(reason) ? reason : exitReason.normal;
}

interface Recording {
  readonly define: (done: string[]) => ReturnType<typeof defineStatechart>;
  readonly isEffect: (action: string) => boolean;
}

/** The machine as a behaviour whose effects write down their names. */
function recording(machine: AnyStateMachine): Recording {
  const names = effectNames(machine);
  return {
    isEffect: (action) => names.has(action),
    define: (done) => {
      const entries = Array.from(names, (name) => [name, () => void done.push(name)] as const);
      return defineStatechart(machine, {
        trapExit: true,
        effects: () => Object.fromEntries(entries) as never,
      });
    },
  };
}

/** The actions that are plain functions. */
function effectNames(machine: AnyStateMachine): ReadonlySet<string> {
  const actions = Object.entries(machine.implementations.actions);
  return new Set(
    actions
      .filter(([, action]) => typeof action === 'function' && !('resolve' in action))
      .map(([name]) => name),
  );
}
