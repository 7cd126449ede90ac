import { describe, expect, test } from '@jest/globals';
import { heartbeatMonitorMachine } from '@snakepit/python-bridge';
import type { AnyMachineSnapshot } from 'xstate';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';
import { withoutDelay } from './without-delay.ts';

const input = {
  workerId: 'w1',
  pool: 'p',
  pingIntervalMs: 2_000,
  timeoutThresholdMs: 10_000,
  maxMissed: 3,
  beats: { ping: () => undefined, onPong: () => () => undefined },
};
const events = [
  { type: 'pong.received', seq: 1, latencyMs: 3 },
  { type: 'miss.confirmed' },
  { type: 'miss.excused' },
  { type: 'silence.confirmed' },
  { type: 'silence.excused' },
];
const missedOf = ({ context }: AnyMachineSnapshot): number =>
  (context as { missed: number }).missed;

describe('heartbeatMonitor', () => {
  const graph = walk(heartbeatMonitorMachine, {
    input,
    events: () => events,
    // How many pings were sent, and how long the last answer took, is of no consequence.
    key: (state) => JSON.stringify([state.status, state.value, missedOf(state)]),
  });

  // Of two delays only the shorter one comes: each is taken where the other is long.
  const shortPings = { pingInterval: 2_000, timeoutThreshold: 10_000 };
  const longPings = { pingInterval: 100_000, timeoutThreshold: 10_000 };
  const halves = [
    { graph: withoutDelay(graph, 'timeoutThreshold'), input, delays: shortPings },
    {
      graph: withoutDelay(graph, 'pingInterval'),
      input: { ...input, pingIntervalMs: longPings.pingInterval },
      delays: longPings,
    },
  ];

  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = halves.map((half) => replayAll(heartbeatMonitorMachine, half.graph, half));
    expect(missedByAll(missed)).toEqual([]);
  });

  test('every edge on a real process', async () => {
    for (const half of halves) await playOnProcesses(heartbeatMonitorMachine, half.graph, half);
  });

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([16, 39]);
  });

  test('[R2.2] unhealthy is entered by the last allowed miss or by silence, and reported', () => {
    const ways = graph.edges.filter(({ from, to }) => {
      const isEnd = nodeAt(graph, to).state.value === 'unhealthy';
      return isEnd && nodeAt(graph, from).state.value !== 'unhealthy';
    });
    for (const { from, event, actions } of ways) {
      expect(actions).toContain('reportUnhealthy');
      const before = missedOf(nodeAt(graph, from).state);
      if (event.type === 'miss.confirmed') expect(before).toBe(input.maxMissed - 1);
      else expect(event.type).toBe('silence.confirmed');
    }
    expect(ways.length).toBeGreaterThan(1);
  });

  test('[R2.2] a pong in any state begins anew, an excuse gives a fresh ping, and neither is a miss', () => {
    for (const edge of graph.edges.filter(({ taken }) => taken)) {
      const { state } = nodeAt(graph, edge.to);
      if (edge.event.type === 'pong.received') {
        expect([state.value, missedOf(state)]).toEqual([{ watching: 'healthy' }, 0]);
      }
      if (edge.event.type.endsWith('.excused')) {
        expect(state.value).toEqual({ watching: 'pinging' });
        expect(edge.actions).toContain('sendPing');
        expect(missedOf(state)).toBe(missedOf(nodeAt(graph, edge.from).state));
      }
    }
  });

  test('every state that waits has a way out by time, or waits for a verdict that it asked for', () => {
    for (const { key, state } of graph.nodes.values()) {
      if (state.status !== 'active') continue;
      const out = graph.edges.filter(({ from, taken }) => from === key && taken);
      const isJudging = JSON.stringify(state.value).includes('judging');
      const way = isJudging ? '.confirmed' : 'xstate.after.';
      expect(out.some(({ event }) => event.type.includes(way))).toBe(true);
    }
  });
});
