import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid } from '@snakepit/core';
import { applicationMachine } from '@snakepit/supervisor';
import { nodeAt, pathTo, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = { type: 'permanent', parent: 1 } as const;
const delays = { givingUpPatience: 1_000 };
const [parent, top, stranger] = [new Pid(1), new Pid(2), new Pid(3)] as const;
const events = [
  { type: 'top.started', pid: top.id },
  { type: 'top.started', pid: null },
  { type: 'top.failed', reason: exitReason.custom('boom') },
  { type: 'application.stop' },
  { type: 'prepStop.done' },
  { type: 'stop.done' },
  ...[parent, top, stranger].map((from) => ({ type: 'EXIT', from, reason: exitReason.normal })),
];
const graph = walk(applicationMachine, { input, events: () => events });

describe('application', () => {
  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(applicationMachine, graph, { input, delays })]).toEqual([]);
  });

  test('every edge on a real process', async () => {
    await playOnProcesses(applicationMachine, graph, { input, delays });
  });

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([17, 26]);
  });

  test('[APP-005] [APP-009] from what runs every way to the end is prepStop, top supervisor, stop', () => {
    for (const { from, to, taken } of graph.edges) {
      if (!taken || nodeAt(graph, to).state.status !== 'done') continue;
      const before: unknown = nodeAt(graph, from).state.value;
      if (before === 'starting' || before === 'givingUp') continue;
      expect(before).toEqual({ stopping: 'callingStop' });
      expect(pathTo(graph, from).map(({ event }) => event.type)).toContain('prepStop.done');
    }
  });

  test('who has no top supervisor any more asks none to end', () => {
    for (const { state } of graph.nodes.values()) {
      const { top: pid } = state.context as { readonly top: number | null };
      if (state.matches({ stopping: 'askedTop' })) expect(pid).toBe(top.id);
      if (state.matches({ stopping: 'callingStop' })) expect(pid).toBeNull();
    }
  });
});
