import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid, type ExitReason } from '@snakepit/core';
import { grpcWorkerMachine } from '@snakepit/python-bridge';
import {
  createMachine,
  initialTransition,
  transition,
  type AnyEventObject,
  type AnyMachineSnapshot,
} from 'xstate';
import { nodeAt, walk, type Edge, type Graph } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { missedByAll, replayAll, takenEdges } from './replay-all.ts';

const sick = exitReason.custom('heartbeatTimeout(serving)');
const boom = exitReason.custom('boom');

function exitOf(reason: ExitReason): AnyEventObject {
  return { type: 'EXIT', from: new Pid(1), reason };
}

const failure = { error: new Error('no') as never, permanent: false };
const done = (confirmed: boolean): AnyEventObject => ({
  type: 'xstate.done.actor.shutdown',
  output: { confirmed, means: 'kill' },
});
const events: readonly AnyEventObject[] = [
  { type: 'worker.reserved', incarnation: '1' },
  { type: 'process.spawned', osPid: 1 },
  { type: 'process.ready', address: 'unix:/a' },
  { type: 'spawn.failed', failure },
  { type: 'start.failed', failure },
  { type: 'start.failed', failure: { ...failure, permanent: true } },
  { type: 'connection.established' },
  { type: 'calls.began' },
  { type: 'calls.ended' },
  { type: 'calls.drained' },
  { type: 'process.died', failure },
  { type: 'connection.lost', failure },
  { type: 'process.gone' },
  { type: 'worker.stop', drainTimeoutMs: 20_000 },
  { type: 'drain.expired' },
  { type: 'worker.announce' },
  { type: 'worker.drain' },
  { type: 'worker.serve' },
  { type: 'worker.start' },
  { type: 'worker.stuck', tool: 'slow' },
  { type: 'shutdown.hurried' },
  { type: 'resources.released' },
  done(true),
  exitOf(exitReason.shutdown),
  exitOf(sick),
  exitOf(boom),
];
const delays = {
  startBackoff: 100,
  startupTimeout: 30_000,
  connectTimeout: 5_000,
  cleanTimeout: 2_000,
};

function inputOf(failedStarts: number, backoffMs: number): object {
  return {
    pool: 'p',
    workerId: 'w1',
    maxRestarts: 3,
    startupTimeoutMs: delays.startupTimeout,
    connectTimeoutMs: delays.connectTimeout,
    drainTimeoutMs: 30_000,
    termTimeoutMs: 3_000,
    killTimeoutMs: delays.cleanTimeout,
    history: { failedStarts, backoffMs: () => backoffMs },
    services: {},
  };
}

/** The shutdown is a machine with paths of its own; here it waits until the test says how it went. */
const machine = grpcWorkerMachine.provide({
  actors: { gracefulShutdown: createMachine({ id: 'waiting' }) as never },
});

interface Context {
  readonly failure: { readonly permanent: boolean } | undefined;
  readonly reason: ExitReason | undefined;
  readonly begin: string;
  readonly startsLeft: number;
  readonly drainTimeoutMs: number;
}

const contextOf = ({ context }: AnyMachineSnapshot): Context => context as Context;

/** What guards ask and the output tells. */
function keyOf(state: AnyMachineSnapshot): string {
  const { failure: why, reason, begin, startsLeft } = contextOf(state);
  return JSON.stringify([state.status, state.value, why?.permanent, reason, begin, startsLeft]);
}

const inputs = [inputOf(0, 0), inputOf(2, 100), inputOf(3, 0)];
const graphs = inputs.map((input) => ({
  input,
  graph: walk(machine, { input, events: () => events, key: keyOf }),
}));

function taken({ graph }: { readonly graph: Graph }): readonly Edge[] {
  return graph.edges.filter((edge) => edge.taken);
}

function valueOf(graph: Graph, key: string): string {
  return JSON.stringify(nodeAt(graph, key).state.value);
}

describe('grpcWorker', () => {
  test('every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    const missed = graphs.map(({ input, graph }) => replayAll(machine, graph, { input, delays }));
    expect(missedByAll(missed)).toEqual([]);
  });

  test('every edge on a real process', async () => {
    for (const { input, graph } of graphs) await playOnProcesses(machine, graph, { input, delays });
  }, 300_000);

  test('size of the model (change it on purpose)', () => {
    expect(graphs.map(({ graph }) => [graph.nodes.size, takenEdges(graph)])).toEqual([
      [44, 206],
      [59, 268],
      [58, 262],
    ]);
  });

  test('an order to end and the end of the supervisor lead out of every state', () => {
    for (const { graph } of graphs) {
      for (const { key, state } of graph.nodes.values()) {
        if (state.status !== 'active') continue;
        for (const reason of [exitReason.shutdown, boom]) {
          const edge = graph.edges.find(
            ({ from, event }) => from === key && event['reason'] === reason,
          );
          expect([state.value, edge?.taken]).toEqual([state.value, true]);
          const { state: next } = nodeAt(graph, edge?.to ?? '');
          const value: unknown = next.value;
          if (reason === boom) expect([state.value, value]).toEqual([state.value, 'terminated']);
          else if (next.status === 'active') expect(['stopping', 'cleaning']).toContain(value);
        }
      }
    }
  });

  test('every state ends by time or by what it asked for', () => {
    const asked: Record<string, string> = {
      reserving: 'worker.reserved',
      stopping: 'xstate.done.actor.shutdown',
      ready: 'EXIT',
    };
    for (const { graph } of graphs) {
      for (const { key, state } of graph.nodes.values()) {
        if (state.status !== 'active') continue;
        const value = state.value as string | object;
        const top = typeof value === 'string' ? value : Object.keys(value)[0];
        const way = asked[top ?? ''] ?? 'xstate.after.';
        const out = graph.edges.filter((edge) => edge.from === key && edge.taken);
        const found = out.some(({ event }) => event.type.startsWith(way));
        expect([state.value, found]).toEqual([state.value, true]);
      }
    }
  });

  test('[R6.5] once a process may be there, the end is reached only through the shutdown', () => {
    for (const one of graphs) {
      for (const { from, to, event } of taken(one)) {
        const [before, after] = [valueOf(one.graph, from), valueOf(one.graph, to)];
        const had = before.includes('awaitingReady') || before.includes('connecting');
        if (!had && !before.includes('ready')) continue;
        // Its supervisor has died: the effects kill the process.
        if (event['reason'] === boom) continue;
        expect(after).toMatch(/starting|ready|stopping/);
      }
    }
  });

  test('only the shutdown itself leads on from stopping; a start that failed confirms nothing', () => {
    for (const one of graphs) {
      for (const { from, to, event, actions } of taken(one)) {
        if (valueOf(one.graph, from) !== '"stopping"') continue;
        const isDone = event.type.startsWith('xstate.done');
        if (!isDone && event['reason'] !== boom) expect(valueOf(one.graph, to)).toBe('"stopping"');
        if (event.type === 'start.failed') expect(actions).toEqual([]);
      }
    }
  });

  test('whoever was ready is withdrawn, and no heartbeat goes on', () => {
    for (const one of graphs) {
      for (const { from, to, actions } of taken(one)) {
        const [before, after] = [valueOf(one.graph, from), valueOf(one.graph, to)];
        if (!before.startsWith('{"ready') && after.startsWith('{"ready')) {
          expect(actions).toEqual(expect.arrayContaining(['announceReady', 'startHeartbeat']));
        }
        if (before.startsWith('{"ready') && !after.startsWith('{"ready')) {
          expect(actions).toEqual(expect.arrayContaining(['stopHeartbeat', 'withdraw']));
        }
      }
    }
  });

  test('[I6.6] drained by somebody it is withdrawn at once, stays, and serves again only without calls', () => {
    for (const one of graphs) {
      for (const { from, to, event, actions } of taken(one)) {
        const [before, after] = [valueOf(one.graph, from), valueOf(one.graph, to)];
        const isHeld = (value: string): boolean => /"ready":"(draining|drained)"/.test(value);
        if (!isHeld(before) && isHeld(after)) {
          expect([event.type, actions]).toEqual(['worker.drain', ['reportDraining', 'withdraw']]);
          expect(after).toBe(`{"ready":"${before.includes('idle') ? 'drained' : 'draining'}"}`);
        }
        if (!isHeld(before)) continue;
        if (event.type === 'worker.announce') expect([after, actions]).toEqual([before, []]);
        if (!after.startsWith('{"ready') || isHeld(after)) continue;
        expect([before, event.type, after]).toEqual([
          ...['{"ready":"drained"}', 'worker.serve', '{"ready":"idle"}'],
        ]);
        expect(actions).toEqual(['announceAgain']);
      }
    }
  });

  test('[I6.6] whose end begins with a drain has said so, whoever was sick or asked later has not', () => {
    for (const one of graphs) {
      for (const { from, to, actions } of taken(one)) {
        const isFromReady = valueOf(one.graph, from).startsWith('{"ready');
        if (!isFromReady || valueOf(one.graph, to) !== '"stopping"') continue;
        const { begin } = contextOf(nodeAt(one.graph, to).state);
        expect([begin, actions.includes('reportDraining')]).toEqual([begin, begin === 'drain']);
      }
    }
  });

  test('[R6.1] who serves is drained, who is sick is killed, who starts is asked', () => {
    for (const one of graphs) {
      for (const { from, to, event } of taken(one)) {
        const { begin } = contextOf(nodeAt(one.graph, to).state);
        if (valueOf(one.graph, to) !== '"stopping"') continue;
        const before = valueOf(one.graph, from);
        if (before.startsWith('{"ready')) {
          const isAsked = event.type === 'worker.stop' || event['reason'] === exitReason.shutdown;
          if (isAsked) expect(begin).toBe('drain');
          else expect(begin).toBe(event.type === 'drain.expired' ? 'ask' : 'kill');
        }
        if (before.startsWith('{"starting') && event.type === 'worker.stop') {
          expect(begin).toBe('ask');
        }
      }
    }
  });

  test('[R6.2] [I4.4] who is asked to end may say for how long it drains; otherwise as always', () => {
    const events: AnyEventObject[] = [
      { type: 'worker.reserved', incarnation: '1' },
      { type: 'process.spawned', osPid: 1 },
      { type: 'process.ready', address: 'unix:/a' },
      { type: 'connection.established' },
    ];
    const drainTimes = [{ drainTimeoutMs: 20_000 }, { drainTimeoutMs: 0 }, {}].map((how) => {
      let [state] = initialTransition(machine, inputs[0] as never);
      for (const event of [...events, { type: 'worker.stop', ...how }]) {
        [state] = transition(machine, state, event as never);
      }
      return [state.value, contextOf(state).begin, contextOf(state).drainTimeoutMs];
    });
    expect(drainTimes).toEqual([
      ['stopping', 'drain', 20_000],
      ['stopping', 'drain', 0],
      ['stopping', 'drain', 30_000],
    ]);
  });

  test('[R10.2] abnormal is who is to be restarted, clean who was asked or is given up', () => {
    const [fresh, , last] = graphs.map(({ graph }) =>
      [...graph.nodes.values()].flatMap(({ state }) => {
        const { failure: why, reason } = contextOf(state);
        const { output } = state as { readonly output?: { readonly reason: ExitReason } };
        if (state.status !== 'done' || output === undefined) return [];
        const value: unknown = state.value;
        return [{ value, why, reason, kind: output.reason.kind }];
      }),
    );
    const failed = (ends: typeof fresh = []) => ends.filter(({ value }) => value === 'failed');
    expect(new Set(failed(fresh).map(({ why }) => why?.permanent))).toEqual(new Set([true]));
    expect(new Set(failed(last).map(({ why }) => why?.permanent))).toEqual(new Set([true, false]));
    for (const { kind } of [...failed(fresh), ...failed(last)]) expect(kind).toBe('shutdownWith');
    for (const { value, why, reason, kind } of fresh ?? []) {
      if (value === 'failed') continue;
      const wasAsked = reason === undefined || reason.kind === 'shutdown';
      const isClean = why === undefined && wasAsked;
      if (isClean) expect(['normal', 'shutdown']).toContain(kind);
    }
  });
});
