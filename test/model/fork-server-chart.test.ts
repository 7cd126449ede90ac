import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid, type ExitReason } from '@snakepit/core';
import { forkServerMachine } from '@snakepit/python-bridge';
import type { AnyMachineSnapshot } from 'xstate';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = {
  startupTimeoutMs: 5_000,
  // Shorter than a start, so that either can be waited for while a replacement is started.
  settleTimeMs: 3_000,
  // Every pause as long as the first, so that one number says how long is waited.
  backoffMs: 200,
  maxBackoffMs: 200,
  stopTimeoutMs: 2_000,
  killTimeoutMs: 1_000,
  desk: {},
};
const delays = {
  startupTimeout: input.startupTimeoutMs,
  settleTime: input.settleTimeMs,
  backoff: input.backoffMs,
  stopTimeout: input.stopTimeoutMs,
  killTimeout: input.killTimeoutMs,
};
interface Context {
  readonly starts: number;
  readonly serving: number;
  readonly failures: number;
  readonly isReplaceWanted: boolean;
  readonly reason: unknown;
}
const contextOf = ({ context }: AnyMachineSnapshot) => context as Context;
const exitOf = (reason: ExitReason) => ({ type: 'EXIT', from: new Pid(1), reason });
const failed = (start: number, permanent: boolean) => {
  const failure = { reason: 'no module', permanent, code: undefined, cause: undefined };
  return { type: 'next.failed', start, failure };
};
const exits = [
  exitOf(exitReason.shutdown),
  exitOf(exitReason.custom('boom')),
  exitOf(exitReason.custom('heartbeatTimeout(beats)')),
];
const others = [
  { type: 'servers.gone' },
  { type: 'replace.requested', start: 0 },
  { type: 'launch.waiting' },
  // Of servers before those that matter.
  { type: 'next.ready', start: -1 },
  failed(-1, true),
  { type: 'server.exited', start: -1, why: 'ended by SIGKILL' },
  { type: 'server.unreachable', start: -1 },
  { type: 'server.suspected', start: -1 },
  ...exits,
];

describe('fork server', () => {
  const graph = walk(forkServerMachine, {
    input,
    events: (state) => {
      const { starts, serving } = contextOf(state);
      return [
        { type: 'next.ready', start: starts },
        failed(starts, true),
        failed(starts, false),
        { type: 'server.exited', start: serving, why: 'ended by SIGKILL' },
        { type: 'server.unreachable', start: serving },
        { type: 'server.suspected', start: serving },
        { type: 'replace.requested', start: starts + 1 },
        ...others,
      ];
    },
    // How many there were before is of no consequence, but whether one was lost.
    key: (state) => {
      const { failures, isReplaceWanted, reason } = contextOf(state);
      return JSON.stringify([state.status, state.value, failures > 0, isReplaceWanted, reason]);
    },
  });
  const taken = graph.edges.filter((edge) => edge.taken);
  const valueAt = (key: string) => JSON.stringify(nodeAt(graph, key).state.value);

  test('[I7.3] every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(forkServerMachine, graph, { input, delays })]).toEqual([]);
  });

  test('[I7.3] every edge on a real process', async () => {
    await playOnProcesses(forkServerMachine, graph, { input, delays });
  });

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([29, 139]);
  });

  test('[I7.3] whatever is lost while it serves, another one is on its way or will be', () => {
    const serving = [...graph.nodes.values()].filter(({ state }) => state.matches('serving'));
    expect(serving.length).toBeGreaterThan(2);
    for (const { key, state } of serving) {
      const { failures } = contextOf(state);
      const lost = taken.filter(
        ({ from, event }) => from === key && (event.type === 'server.exited' || event === exits[2]),
      );
      expect(lost).toHaveLength(2);
      for (const { to, actions } of lost) {
        expect(actions.some((one) => one === 'reportDeath' || one === 'retireSilent')).toBe(true);
        const isOnItsWay = state.matches({ serving: 'replacing' });
        const waits = failures > 0 && !isOnItsWay;
        expect(valueAt(to)).toBe(waits ? '"backingOff"' : '"starting"');
        expect(actions.includes('startNext')).toBe(!waits && !isOnItsWay);
      }
    }
  });

  test('[I7.3] suspected, it is replaced once, and then not before one has served for long enough', () => {
    const suspected = graph.edges.filter(
      ({ from, event }) =>
        event.type === 'server.suspected' &&
        'start' in event &&
        event['start'] !== -1 &&
        nodeAt(graph, from).state.matches({ serving: 'alone' }),
    );
    expect(new Set(suspected.map(({ taken: isTaken }) => isTaken))).toEqual(new Set([true, false]));
    for (const edge of suspected) {
      const { failures } = contextOf(nodeAt(graph, edge.from).state);
      expect(edge.taken).toBe(failures === 0);
      if (!edge.taken) continue;
      expect(edge.actions).toContain('startNext');
      expect(contextOf(nodeAt(graph, edge.to).state).failures).toBeGreaterThan(0);
    }
  });

  test('[I7.3] a replacement that fails says nothing against the server that there is', () => {
    const failing = taken.filter(
      ({ from, to }) =>
        nodeAt(graph, from).state.matches({ serving: 'replacing' }) &&
        nodeAt(graph, to).state.matches({ serving: 'alone' }),
    );
    const hasFailed = (key: string) => contextOf(nodeAt(graph, key).state).failures > 0;
    expect(new Set(failing.map(({ from }) => hasFailed(from)))).toEqual(new Set([true, false]));
    for (const { from, to } of failing) expect(hasFailed(to)).toBe(hasFailed(from));
  });

  test('[I7.3] a replacement never leaves the pool without the server that it has', () => {
    const replacing = [...graph.nodes.values()].filter(({ state }) =>
      state.matches({ serving: 'replacing' }),
    );
    expect(replacing.length).toBeGreaterThan(0);
    for (const { key } of replacing) {
      const out = taken.filter(
        ({ from, event }) =>
          from === key && /^next\.|^xstate\.after\.startupTimeout/.test(event.type),
      );
      expect(out.length).toBeGreaterThanOrEqual(3);
      for (const { to } of out) expect(valueAt(to)).toContain('serving');
    }
  });

  test('[I7.3] whoever wants another server gets a later start, whenever that was wanted', () => {
    for (const { key, state } of graph.nodes.values()) {
      // The wish waits for one of these to be over, and is never forgotten but by a start.
      if (!contextOf(state).isReplaceWanted || state.status !== 'active') continue;
      const [atRest] = [String(state.value)];
      expect(atRest === 'failed' || state.matches({ serving: 'alone' })).toBe(false);
      for (const { from, to, actions } of taken) {
        if (from !== key || contextOf(nodeAt(graph, to).state).isReplaceWanted) continue;
        expect(actions).toContain('startNext');
      }
    }
  });

  test('[I7.3] only what cannot be helped is not tried again by itself', () => {
    for (const { key, state } of graph.nodes.values()) {
      if (state.status !== 'active' || state.matches('serving')) continue;
      const byTime = taken.some(
        ({ from, event }) => from === key && event.type.startsWith('xstate.after.'),
      );
      expect(byTime).toBe(state.value !== 'failed');
    }
  });
});
