import { describe, expect, test } from '@jest/globals';
import { gracefulShutdownMachine } from '@snakepit/python-bridge';
import { createActor, SimulatedClock } from 'xstate';
import { nodeAt, walk, type Graph } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';

const limits = { drainTimeoutMs: 30_000, termTimeoutMs: 3_000, killTimeoutMs: 5_000 };
const delays = { gracefulShutdownTimeout: 30_000, termTimeout: 3_000, killTimeout: 5_000 };
const begins = ['drain', 'ask', 'kill'] as const;
const events = ['calls.ended', 'drain.expired', 'process.gone', 'shutdown.hurried'].map((type) => ({
  type,
}));

describe('gracefulShutdown', () => {
  const graphs = begins.map((begin): { input: object; graph: Graph } => {
    const input = { ...limits, begin };
    return { input, graph: walk(gracefulShutdownMachine, { input, events: () => events }) };
  });

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = graphs.map(({ input, graph }) =>
      replayAll(gracefulShutdownMachine, graph, { input, delays }),
    );
    expect(missedByAll(missed)).toEqual([]);
  });

  test('every edge on a real process', async () => {
    for (const { input, graph } of graphs) {
      await playOnProcesses(gracefulShutdownMachine, graph, { input, delays });
    }
  });

  test('size of the model (change it on purpose)', () => {
    expect(graphs.map(({ graph }) => [graph.nodes.size, takenEdges(graph)])).toEqual([
      [7, 10],
      [5, 5],
      [3, 2],
    ]);
  });

  test('[R6.3] [R10.4] SIGTERM comes before SIGKILL, but for who is in a hurry or beyond asking', () => {
    for (const { graph } of graphs) {
      for (const { from, to, event, actions, taken } of graph.edges) {
        if (!taken) continue;
        const before: unknown = nodeAt(graph, from).state.value;
        const after: unknown = nodeAt(graph, to).state.value;
        if (after === 'asking') expect(actions).toContain('askProcess');
        if (after !== 'killing') continue;
        expect(actions).toContain('killProcess');
        if (before !== 'asking') expect(event.type).toBe('shutdown.hurried');
      }
    }
  });

  test('[R6.5] it is confirmed by the end of the process alone', () => {
    for (const { graph } of graphs) {
      for (const { to, event, taken } of graph.edges) {
        if (!taken) continue;
        const { state } = nodeAt(graph, to);
        if (state.value === 'confirmed') expect(event.type).toBe('process.gone');
        if (state.status === 'done') {
          expect(state.output).toMatchObject({ confirmed: state.value === 'confirmed' });
        }
      }
    }
  });

  test('[R6.2] [R6.3] [R3.2] drain, ask and kill take their time and no longer', () => {
    const clock = new SimulatedClock();
    const log: [string, number][] = [];
    const note = (what: string) => () => void log.push([what, clock.now()]);
    const machine = gracefulShutdownMachine.provide({
      actions: {
        awaitCalls: note('drain'),
        askProcess: note('ask'),
        killProcess: note('kill'),
      },
    });
    const actor = createActor(machine, { clock, input: { ...limits, begin: 'drain' } }).start();
    for (let second = 0; second < 60; second++) clock.increment(1_000);
    expect(log).toEqual([
      ['drain', 0],
      ['ask', 30_000],
      ['kill', 33_000],
    ]);
    const { output } = actor.getSnapshot();
    expect(output).toEqual({ confirmed: false, means: 'kill' });
  });

  test.each([
    ['calls end', ['calls.ended', 'process.gone'], { confirmed: true, means: 'term' }],
    ['it dies while draining', ['process.gone'], { confirmed: true, means: 'none' }],
    ['in a hurry', ['shutdown.hurried', 'process.gone'], { confirmed: true, means: 'kill' }],
  ])('the strongest means that was needed is told: %s', (_, types, expected) => {
    const actor = createActor(
      gracefulShutdownMachine.provide({
        actions: {
          awaitCalls: () => undefined,
          askProcess: () => undefined,
          killProcess: () => undefined,
        },
      }),
      { clock: new SimulatedClock(), input: { ...limits, begin: 'drain' } },
    ).start();
    for (const type of types) actor.send({ type } as never);
    expect(actor.getSnapshot().output).toEqual(expected);
  });
});
