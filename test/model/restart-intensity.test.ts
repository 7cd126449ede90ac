import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exitReason } from '@snakepit/core';
import { restartIntensityMachine } from '@snakepit/supervisor';
import { createActor } from 'xstate';
import { declared, nodeAt, walk, type Graph } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';

describe('restartIntensity', () => {
  const graphOf = (intensity: number): Graph =>
    walk(restartIntensityMachine, {
      input: { intensity, period: 1 },
      events: ({ context }) => {
        const { stamps } = context as { stamps: readonly (readonly [number, number])[] };
        const now = stamps[0]?.[0] ?? 0;
        return [0, 1, 2, 3, 4]
          .filter((second) => second >= now)
          .flatMap((atSecond) => [
            { type: 'restart.attempted', atSecond },
            { type: 'second.passed', atSecond },
          ]);
      },
    });

  test('[INT-003] [INT-004] every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = [0, 1, 2].map((intensity) =>
      replayAll(restartIntensityMachine, graphOf(intensity), { input: { intensity, period: 1 } }),
    );
    expect(missedByAll(missed)).toEqual([]);
  });

  test('every edge on a real process', async () => {
    for (const intensity of [0, 1, 2]) {
      const input = { intensity, period: 1 };
      await playOnProcesses(restartIntensityMachine, graphOf(intensity), { input });
    }
  });

  test('size of the model (change it on purpose)', () => {
    const graphs = [0, 1, 2].map(graphOf);
    expect(graphs.map((graph) => [graph.nodes.size, takenEdges(graph)])).toEqual([
      [6, 5],
      [18, 38],
      [34, 78],
    ]);
    expect(declared(restartIntensityMachine).size).toBe(9);
  });

  test('[INT-010] giving up ends with shutdown', () => {
    const graph = graphOf(2);
    const last = graph.edges.filter(({ to }) => nodeAt(graph, to).state.value === 'exceeded');
    expect(last.length).toBeGreaterThan(0);
    for (const { to } of last) {
      expect(nodeAt(graph, to).state.output).toEqual({ reason: exitReason.shutdown });
    }
  });

  test('[INT-002] agrees with counting the attempts of the last period, for any attempts', () => {
    const run = fc.record({
      intensity: fc.nat(3),
      period: fc.integer({ min: 1, max: 3 }),
      gaps: fc.array(fc.nat(4), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(run, ({ intensity, period, gaps }) => {
        const actor = createActor(restartIntensityMachine, {
          input: { intensity, period },
        }).start();
        const attempts: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          attempts.push(now);
          actor.send({ type: 'restart.attempted', atSecond: now });
          const count = attempts.filter((second) => second >= now - period).length;
          const expected = count > intensity ? 'exceeded' : count === intensity ? 'full' : 'below';
          expect(actor.getSnapshot().value).toBe(expected);
          if (expected === 'exceeded') return;
        }
      }),
    );
  });
});
