import { describe, expect, test } from '@jest/globals';
import { heartbeatMonitorMachine } from '@snakepit/python-bridge';
import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import { nodeAt, walk, type Edge } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';

const input = {
  workerId: 'w1',
  pool: 'p',
  pingIntervalMs: 2_000,
  timeoutThresholdMs: 10_000,
  maxMissed: 3,
  busyTimeoutMs: 60_000,
  beatChannel: { ping: () => undefined, onPong: () => () => undefined },
  server: { succeeded: 0, ping: () => new Promise(() => undefined) },
};
/** Without room for rest: an answer to a ping of the next interval but one would come after the threshold. */
const tight = { ...input, timeoutThresholdMs: 5_000 };
/** One miss is enough. */
const strict = { ...input, maxMissed: 1 };

const well = { seq: 1, inFlight: 1, loopLagMs: 1, oldestCallMs: 20_000 };
const pongOf = (changes: object = {}): AnyEventObject => ({
  type: 'pong.received',
  latencyMs: 3,
  atMs: 1,
  pong: { ...well, ...changes },
});
const events: readonly AnyEventObject[] = [
  pongOf(),
  pongOf({ loopLagMs: 10_001 }),
  pongOf({ oldestCallMs: 60_001 }),
  { type: 'probe.answered', latencyMs: 3, atMs: 1, statistics: undefined },
  { type: 'probe.failed', error: new Error('refused') },
  { type: 'retry.due' },
  { type: 'interval.passed', served: false, atMs: 1 },
  { type: 'interval.passed', served: true, atMs: 1 },
  { type: 'interval.excused' },
  { type: 'silence.confirmed', path: 'beats' },
  { type: 'silence.confirmed', path: 'serving' },
];

interface Paths {
  readonly beats: { readonly missed: number };
  readonly serving: { readonly missed: number };
  readonly fault: string | undefined;
}
const contextOf = ({ context }: AnyMachineSnapshot): Paths => context as Paths;
const missedOf = (state: AnyMachineSnapshot): readonly number[] => [
  contextOf(state).beats.missed,
  contextOf(state).serving.missed,
];
const placeOf = ({ value }: AnyMachineSnapshot): { beats?: string; serving?: string } =>
  typeof value === 'object' ? (value as { watching: object }).watching : {};

function graphOf(given: object): ReturnType<typeof walk> {
  return walk(heartbeatMonitorMachine, {
    input: given,
    events: () => events,
    // When, and how long an answer took, is of no consequence.
    key: (state) =>
      JSON.stringify([state.status, state.value, missedOf(state), contextOf(state).fault]),
  });
}

describe('heartbeatMonitor', () => {
  const graph = graphOf(input);
  const worlds = [input, tight, strict].map((given) => ({ given, graph: graphOf(given) }));
  const taken = (type: string): Edge[] =>
    graph.edges.filter((edge) => edge.taken && edge.event.type === type);
  const stateAt = (key: string): AnyMachineSnapshot => nodeAt(graph, key).state;

  test('[I4.3] every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = worlds.map(({ given, graph: each }) =>
      replayAll(heartbeatMonitorMachine, each, { input: given }),
    );
    expect(missedByAll(missed)).toEqual([]);
  });

  test('[I4.3] every edge on a real process', async () => {
    for (const { given, graph: each } of worlds) {
      await playOnProcesses(heartbeatMonitorMachine, each, { input: given });
    }
  });

  test('size of the models (change it on purpose)', () => {
    expect(worlds.map(({ graph: each }) => [each.nodes.size, takenEdges(each)])).toEqual([
      [56, 272],
      [52, 236],
      [12, 56],
    ]);
  });

  test('[R2.2] [T1.1] unhealthy is entered by the last allowed miss of a path, by its silence, or by a call that takes too long', () => {
    const ways = graph.edges.filter(
      ({ from, to }) => stateAt(to).value === 'unhealthy' && stateAt(from).value !== 'unhealthy',
    );
    for (const { from, to, event, actions } of ways) {
      expect(actions).toContain('reportUnhealthy');
      const before = contextOf(stateAt(from));
      const { fault } = contextOf(stateAt(to));
      switch (event.type) {
        case 'silence.confirmed':
          expect(fault).toBe(event['path']);
          break;
        case 'pong.received':
          expect(fault).toBe('busy');
          break;
        default:
          expect(['beats', 'serving']).toContain(fault);
          expect(before[fault as 'beats' | 'serving'].missed).toBe(input.maxMissed - 1);
      }
    }
    expect(new Set(ways.map(({ to }) => contextOf(stateAt(to)).fault))).toEqual(
      new Set(['beats', 'serving', 'busy']),
    );
    expect(new Set(ways.map(({ event }) => event.type))).toEqual(
      new Set(['interval.passed', 'probe.failed', 'silence.confirmed', 'pong.received']),
    );
  });

  test('[R2.2] an answer on a path begins it anew and does nothing for the other', () => {
    for (const { from, to } of taken('probe.answered')) {
      expect(placeOf(stateAt(to))).toEqual({ ...placeOf(stateAt(from)), serving: 'proven' });
      expect(missedOf(stateAt(to))).toEqual([missedOf(stateAt(from))[0], 0]);
    }
    for (const { from, to, event } of taken('pong.received')) {
      if (JSON.stringify(event) !== JSON.stringify(pongOf())) continue;
      expect(placeOf(stateAt(to))).toEqual({ ...placeOf(stateAt(from)), beats: 'answered' });
      expect(missedOf(stateAt(to))).toEqual([0, missedOf(stateAt(from))[1]]);
    }
  });

  test('[R2.2] an excuse gives both paths a fresh ping, and neither is a miss', () => {
    expect(taken('interval.excused').length).toBeGreaterThan(10);
    for (const { from, to, actions } of taken('interval.excused')) {
      expect(placeOf(stateAt(to))).toEqual({ beats: 'asking', serving: 'asking' });
      expect(actions).toEqual(expect.arrayContaining(['sendBeat', 'sendProbe']));
      expect(missedOf(stateAt(to))).toEqual(missedOf(stateAt(from)));
    }
  });

  test('[R10.1] a refused ping waits before it is tried again, and counts as one miss', () => {
    for (const { from, to, actions } of taken('probe.failed')) {
      if (stateAt(to).value === 'unhealthy') continue;
      expect(placeOf(stateAt(to)).serving).toBe('backingOff');
      expect(actions).toEqual(['reportMiss', 'scheduleRetry']);
      expect(missedOf(stateAt(to))[1]).toBe((missedOf(stateAt(from))[1] ?? 0) + 1);
    }
    for (const { to, actions } of taken('retry.due')) {
      expect([placeOf(stateAt(to)).serving, actions]).toEqual(['asking', ['sendProbe']]);
    }
  });

  test('calls that succeed show that the server serves: no ping is needed, and misses are forgotten', () => {
    for (const { from, to, event, actions } of taken('interval.passed')) {
      const { serving } = placeOf(stateAt(from));
      if (event['served'] !== true || stateAt(to).value === 'unhealthy') continue;
      if (serving === 'proven' || serving === 'backingOff') continue;
      expect(actions).not.toContain('sendProbe');
      expect(placeOf(stateAt(to)).serving).toBe('resting');
      expect(missedOf(stateAt(to))[1]).toBe(0);
    }
  });

  test('a stuck event loop counts where no ping is on its way, and never besides one', () => {
    for (const { from, to, event } of taken('pong.received')) {
      if (JSON.stringify(event) !== JSON.stringify(pongOf({ loopLagMs: 10_001 }))) continue;
      const before = missedOf(stateAt(from))[1] ?? 0;
      const isIdle = ['proven', 'resting'].includes(placeOf(stateAt(from)).serving ?? '');
      expect(missedOf(stateAt(to))[1]).toBe(isIdle ? before + 1 : before);
      if (isIdle) expect(placeOf(stateAt(to)).serving).toBe('asking');
    }
  });

  test('every state is left by the end of an interval, and at the latest by a confirmed silence', () => {
    for (const { key, state } of graph.nodes.values()) {
      if (state.status !== 'active') continue;
      const out = graph.edges.filter(({ from, taken: isTaken }) => from === key && isTaken);
      const types = new Set(out.map(({ event }) => event.type));
      expect([...types]).toEqual(expect.arrayContaining(['interval.passed', 'silence.confirmed']));
    }
  });
});
