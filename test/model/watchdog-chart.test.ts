import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid, type ExitReason } from '@snakepit/core';
import { watchdogMachine } from '@snakepit/python-bridge';
import type { AnyMachineSnapshot } from 'xstate';
import { nodeAt, walk } from './machine-graph.ts';
import { playOnProcesses } from './on-process.ts';
import { replayAll, takenEdges } from './replay-all.ts';

const input = {
  startTimeoutMs: 5_000,
  settleTimeMs: 10_000,
  // Every pause as long as the first, so that one number says how long is waited.
  backoffMs: 200,
  maxBackoffMs: 200,
  byeTimeoutMs: 2_000,
  killTimeoutMs: 1_000,
  runId: 'r',
  marker: 'SNAKEPIT_RUN_r=1',
  groups: {} as never,
  command: ['sh'] as const,
};
const delays = {
  startTimeout: input.startTimeoutMs,
  settleTime: input.settleTimeMs,
  backoff: input.backoffMs,
  byeTimeout: input.byeTimeoutMs,
  killTimeout: input.killTimeoutMs,
};
const exitOf = (reason: ExitReason) => ({ type: 'EXIT', from: new Pid(1), reason });
const events = [
  { type: 'watchdog.ready', osPid: 77 },
  { type: 'watchdog.faulted', fault: 'no groups' },
  { type: 'watchdog.exited', why: 'ended by SIGKILL' },
  exitOf(exitReason.shutdown),
  exitOf(exitReason.custom('boom')),
];
const contextOf = ({ context }: AnyMachineSnapshot) =>
  context as { reason: unknown; failures: number };

describe('watchdog', () => {
  const graph = walk(watchdogMachine, {
    input,
    events: () => events,
    // How many were lost before is of no consequence, but whether one was.
    key: (state) => {
      const { failures, reason } = contextOf(state);
      return JSON.stringify([state.status, state.value, failures > 0, reason]);
    },
  });

  test('[T3.2] every edge of the reachable graph, on a real actor; no declared transition is left out', () => {
    expect([...replayAll(watchdogMachine, graph, { input, delays })]).toEqual([]);
  });

  test('[T3.2] every edge on a real process', async () => {
    await playOnProcesses(watchdogMachine, graph, { input, delays });
  });

  test('size of the model (change it on purpose)', () => {
    expect([graph.nodes.size, takenEdges(graph)]).toEqual([14, 43]);
  });

  test('[T3.2] a lost watchdog is replaced at once, the next one after a pause, and each loss is told', () => {
    const losses = graph.edges.filter(
      ({ from, event }) =>
        event.type === 'watchdog.exited' && nodeAt(graph, from).state.value === 'guarding',
    );
    expect(losses.length).toBeGreaterThan(1);
    for (const { from, to, actions } of losses) {
      const hadFailures = contextOf(nodeAt(graph, from).state).failures > 0;
      expect(nodeAt(graph, to).state.value).toBe(hadFailures ? 'backingOff' : 'starting');
      expect(actions).toContain('reportDied');
      expect(actions.includes('startWatchdog')).toBe(!hadFailures);
    }
  });

  test('[R4.5] [T3.2] told to stop it says bye first, and kills only one that does not leave', () => {
    for (const { key, state } of graph.nodes.values()) {
      if (state.status !== 'active') continue;
      const out = graph.edges.filter(({ from, taken }) => from === key && taken);
      // Every state but the one at rest has a way out by time.
      if (state.value !== 'guarding') {
        expect(out.some(({ event }) => event.type.startsWith('xstate.after.'))).toBe(true);
      }
      const stop = out.find(({ event }) => event === events[3]);
      if (state.value === 'starting' || state.value === 'guarding') {
        expect(stop?.actions).toContain('sayBye');
      }
    }
    const kills = graph.edges.filter(
      ({ taken, actions }) => taken && actions.includes('killWatchdog'),
    );
    const before = kills.map(({ from }) => String(nodeAt(graph, from).state.value));
    expect([...new Set(before)].sort()).toEqual(['discarding', 'starting', 'stopping']);
  });
});
