import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid } from '@snakepit/core';
import { poolMachine } from '@snakepit/python-bridge';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = {
  name: 'p',
  drainTimeoutMs: 30_000,
  workerIds: ['w1', 'w2'],
  services: {} as never,
};
const events = [
  ...input.workerIds.flatMap((workerId) => [
    { type: 'worker.ready', workerId },
    { type: 'worker.down', workerId },
    { type: 'worker.failed', workerId, error: new Error('no') },
    { type: 'worker.revived', workerId },
  ]),
  { type: 'worker.added', workerId: 'w2' },
  { type: 'worker.removed', workerId: 'w2' },
  { type: 'pool.drain' },
  { type: 'calls.ended' },
  { type: 'shutdown.hurried' },
  { type: 'EXIT', from: new Pid(1), reason: exitReason.shutdown },
];
const graph = walk(poolMachine, { input, events: () => events });

describe('pool', () => {
  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const delays = { gracefulShutdownTimeout: 30_000 };
    expect([...replayAll(poolMachine, graph, { input, delays })]).toEqual([]);
  });

  test('every edge on a real process', async () => {
    const delays = { gracefulShutdownTimeout: 30_000 };
    await playOnProcesses(poolMachine, graph, { input, delays });
  }, 300_000);

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([101, 699]);
  });

  test('its state says how many of its workers serve', () => {
    for (const { state } of graph.nodes.values()) {
      const { workers } = state.context as { workers: Record<string, string>[] };
      const all = workers.flatMap((some) => Object.values(some));
      if (state.matches({ running: 'serving' })) expect(new Set(all)).toEqual(new Set(['ready']));
      if (state.matches({ running: 'failed' })) expect(new Set(all)).toEqual(new Set(['failed']));
      if (state.matches({ running: 'filling' })) expect(all).toContain('starting');
      if (state.matches({ running: 'degraded' })) {
        expect(all).toContain('ready');
        expect(all).not.toContain('starting');
      }
      if (state.matches({ running: 'unavailable' })) {
        expect(all).not.toContain('ready');
        expect(all).not.toContain('starting');
      }
    }
  });

  test('whenever a worker settles the next may start; when the last is given up calls are refused', () => {
    for (const { from, to, event, actions, taken } of graph.edges) {
      if (!taken || !event.type.startsWith('worker.')) continue;
      if (!nodeAt(graph, from).state.matches('running')) continue;
      expect(actions).toContain('startNextWorkers');
      if (event.type === 'worker.failed') expect(actions).toContain('tellFailed');
      const { state } = nodeAt(graph, to);
      if (event.type === 'worker.revived') expect(actions).toContain('acceptCalls');
      expect(actions.includes('refuseCalls')).toBe(state.matches({ running: 'failed' }));
      expect(actions.includes('tellReady')).toBe(state.matches({ running: 'serving' }));
    }
  });

  test('[R6.1] [I4.4] told to drain, or asked to end, it awaits its calls from every state, and only for some time', () => {
    for (const { key, state } of graph.nodes.values()) {
      const out = graph.edges.filter(({ from, taken }) => from === key && taken);
      const after = (type: string) => {
        const edge = out.find(({ event }) => event.type.startsWith(type));
        return { actions: edge?.actions, state: nodeAt(graph, edge?.to ?? '').state };
      };
      if (state.matches('running')) {
        for (const [type, next] of [
          ['pool.drain', 'draining'],
          ['EXIT', 'ending'],
        ] as const) {
          expect(after(type).actions).toContain('beginDraining');
          expect(after(type).state.matches(next)).toBe(true);
        }
      }
      if (state.matches('draining')) {
        expect(after('xstate.after.').actions).toEqual(
          expect.arrayContaining(['endWorkers', 'tellDrained']),
        );
        expect(after('xstate.after.').state.value).toBe('drained');
      }
      if (state.matches('ending')) {
        expect(after('xstate.after.').actions).toContain('endWorkers');
        expect(after('xstate.after.').state.value).toBe('ended');
      }
      if (state.matches('drained')) expect(after('EXIT').state.value).toBe('ended');
    }
  });
});
