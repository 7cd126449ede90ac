import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid } from '@snakepit/core';
import { circuitBreakerMachine } from '@snakepit/python-bridge';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = {
  pool: 'p',
  failureThreshold: 3,
  failureWindowMs: 1_000,
  resetTimeoutMs: 500,
};
// Failures at the same time count together; those a window apart do not.
const events = [
  { type: 'failure.counted', atMs: 0 },
  { type: 'failure.counted', atMs: 999 },
  { type: 'failure.counted', atMs: 1_000 },
  { type: 'probe.succeeded' },
  { type: 'probe.failed' },
  { type: 'EXIT', from: new Pid(1), reason: exitReason.shutdown },
];
const graph = walk(circuitBreakerMachine, { input, events: () => events });

interface Context {
  readonly failuresAtMs: readonly number[];
}

describe('circuit breaker', () => {
  const delays = { resetTimeout: 500 };

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(circuitBreakerMachine, graph, { input, delays })]).toEqual([]);
  });

  test('every edge on a real process', async () => {
    await playOnProcesses(circuitBreakerMachine, graph, { input, delays });
  }, 300_000);

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([84, 168]);
  });

  test('[I5.9] it opens exactly when the threshold is reached within the window', () => {
    for (const { from, to, event, taken } of graph.edges) {
      const before = nodeAt(graph, from).state;
      if (!taken || event.type !== 'failure.counted' || !before.matches('closed')) continue;
      const { atMs = 0 } = event as { readonly atMs?: number };
      const earlier = (before.context as Context).failuresAtMs.filter((at) => atMs - at < 1_000);
      expect(nodeAt(graph, to).state.matches('open')).toBe(earlier.length + 1 >= 3);
    }
  });

  test('[I5.9] each state lets pass what it should, and forgets when it closes', () => {
    for (const { from, to, actions, taken } of graph.edges) {
      const { state } = nodeAt(graph, to);
      const before = nodeAt(graph, from).state;
      if (!taken || (state.value === before.value && state.value !== 'halfOpen')) continue;
      if (state.matches('closed')) {
        expect(actions).toContain('admitAll');
        expect((state.context as Context).failuresAtMs).toEqual([]);
      }
      if (state.matches('open')) expect(actions).toContain('refuseAll');
      if (state.matches('halfOpen')) expect(actions).toContain('admitProbes');
    }
  });
});
