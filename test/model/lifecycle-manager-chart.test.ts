import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid } from '@snakepit/core';
import { lifecycleManagerMachine } from '@snakepit/python-bridge';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = { pool: 'p', atOnce: 1, checkIntervalMs: 1_000, lookTimeoutMs: 500 };
const workerIds = ['w1', 'w2'];
const events = [
  ...workerIds.flatMap((workerId) => [
    { type: 'worker.exceeded', workerId, reason: 'ttl_expired' },
    { type: 'recycling.ended', workerId },
    { type: 'recycling.failed', workerId },
  ]),
  { type: 'worker.ready', workerId: 'w1' },
  { type: 'look.ended', nextLookMs: 1_000 },
  { type: 'look.ended', nextLookMs: Infinity },
  { type: 'pool.resized', atOnce: 2 },
  { type: 'pool.resized', atOnce: 1 },
  { type: 'EXIT', from: new Pid(1), reason: exitReason.shutdown },
];
const graph = walk(lifecycleManagerMachine, { input, events: () => events });

interface Context {
  readonly atOnce: number;
  readonly due: readonly { readonly workerId: string }[];
  readonly underWay: readonly string[];
}

describe('lifecycle manager', () => {
  const delays = { nextLook: 1_000, lookTimeout: 500 };

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(lifecycleManagerMachine, graph, { input, delays })]).toEqual([]);
  });

  test('every edge on a real process', async () => {
    await playOnProcesses(lifecycleManagerMachine, graph, { input, delays });
  }, 300_000);

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([98, 670]);
  });

  test('[I5.8] nobody is recycled twice at a time, or waits while there is room; never more than may be', () => {
    for (const { state } of graph.nodes.values()) {
      const { atOnce, due, underWay } = state.context as Context;
      const all = [...due.map(({ workerId }) => workerId), ...underWay];
      expect(new Set(all).size).toBe(all.length);
      if (!state.matches('running')) continue;
      expect(underWay.length > 0).toBe(state.matches({ running: { replacements: 'replacing' } }));
      // The pool may have shrunk after they had begun, or grown since anything else happened.
      if (atOnce === 1) expect(due.length === 0 || underWay.length > 0).toBe(true);
    }
  });

  test('[I5.8] after every recycling it is looked again: the new worker may be worn while the old one ends', () => {
    let count = 0;
    for (const { from, to, event, taken } of graph.edges) {
      if (!taken || event.type !== 'recycling.ended') continue;
      if (!nodeAt(graph, from).state.matches('running')) continue;
      count += 1;
      expect(nodeAt(graph, to).state.matches({ running: { limits: 'looking' } })).toBe(true);
    }
    expect(count).toBeGreaterThan(0);
  });

  test('[I5.8] whoever exceeds a limit is recycled at once or later; whoever could not be is looked at again', () => {
    for (const { from, to, event, actions, taken } of graph.edges) {
      const before = nodeAt(graph, from).state;
      if (!taken || !before.matches('running')) continue;
      const { underWay, due, atOnce } = before.context as Context;
      if (event.type === 'worker.exceeded' && underWay.length + due.length < atOnce) {
        expect(actions).toContain('startRecycling');
      }
      const after = nodeAt(graph, to).state;
      if (event.type === 'recycling.failed') {
        expect(after.matches({ running: { limits: 'resting' } })).toBe(false);
      }
    }
  });
});
