import { describe, expect, test } from '@jest/globals';
import { anomalyMachine } from '@snakepit/observer';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = { raiseAfter: 3, clearAfter: 3 };
const finding = { value: 2, baseline: 1, message: 'is twice as large' };
const events = [
  { type: 'look.found', finding, atMs: 5 },
  { type: 'look.clean', atMs: 5 },
];
const graph = walk(anomalyMachine, { input, events: () => events });

describe('an anomaly', () => {
  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(anomalyMachine, graph, { input, delays: {} })]).toEqual([]);
  });

  test('every edge on a real process', async () => {
    await playOnProcesses(anomalyMachine, graph, { input, delays: {} });
  }, 300_000);

  test('[I6.9] one look neither raises nor clears; each is told once, and in turn', () => {
    for (const { from, to, actions, taken } of graph.edges) {
      if (!taken) continue;
      const [before, after] = [nodeAt(graph, from).state, nodeAt(graph, to).state];
      const raises = before.matches('suspected') && after.matches('raised');
      const clears = before.matches('fading') && after.matches('quiet');
      expect(actions.includes('raise')).toBe(raises);
      expect(actions.includes('clear')).toBe(clears);
      if (before.matches('quiet')) expect(after.matches('raised')).toBe(false);
      if (before.matches('raised')) expect(after.matches('quiet')).toBe(false);
    }
  });

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([13, 21]);
  });
});
