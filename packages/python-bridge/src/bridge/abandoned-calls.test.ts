import { describe, expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import type { Pong } from '../hosts/worker-host.ts';
import { AbandonedCalls } from './abandoned-calls.ts';

function createBench() {
  const clock = createTestClock();
  const asked: number[] = [];
  const released: string[] = [];
  let hear: ((pong: Pong) => void) | undefined;
  let running = 0;
  const calls = new AbandonedCalls({
    clock,
    running: () => running,
    beats: {
      ping: (seq) => void asked.push(seq),
      onPong: (listener) => {
        hear = listener;
        return () => {
          hear = undefined;
        };
      },
    },
  });
  return {
    clock,
    asked,
    released,
    calls,
    giveUp: (name: string) => {
      calls.add({ released: () => void released.push(name) });
    },
    run: (count: number) => {
      running = count;
    },
    pong: (inFlight: number, seq = asked.at(-1) ?? 0) => {
      hear?.({ seq, inFlight, loopLagMs: 0, oldestCallMs: 0 });
    },
    isListening: () => hear !== undefined,
  };
}

describe('calls that were given up', () => {
  test('[I5.2] are over when the worker says that it executes them no more', async () => {
    const bench = createBench();
    const { clock, asked, released, giveUp, pong } = bench;
    bench.run(1);
    giveUp('a');
    expect(asked).toEqual([]);
    await clock.advance(5);
    expect(asked).toHaveLength(1);
    // The other call, and the thread of this one.
    pong(2);
    expect(released).toEqual([]);
    // Asked again, ever more seldom.
    await clock.advance(1_000);
    expect(asked.length).toBeLessThan(12);
    pong(1);
    expect(released).toEqual(['a']);
    expect([clock.pending, bench.isListening()]).toEqual([0, false]);
  });

  test('the oldest first, as many as are over', async () => {
    const { clock, released, giveUp, pong } = createBench();
    for (const name of ['a', 'b', 'c']) giveUp(name);
    await clock.advance(5);
    pong(1);
    expect(released).toEqual(['a', 'b']);
    pong(0);
    expect(released).toEqual(['a', 'b', 'c']);
    expect(clock.pending).toBe(0);
  });

  test('an answer to a question that is older than the call says nothing of it', async () => {
    const { clock, asked, released, giveUp, pong } = createBench();
    giveUp('a');
    await clock.advance(5);
    giveUp('b');
    pong(0, asked[0]);
    // Nor does one to the heartbeat.
    pong(0, 3);
    expect(released).toEqual([]);
    await clock.advance(5);
    pong(0);
    expect(released).toEqual(['a', 'b']);
  });

  test('the end of the worker ends them', async () => {
    const { clock, calls, released, giveUp } = createBench();
    giveUp('a');
    await clock.advance(5);
    calls.close();
    expect(released).toEqual(['a']);
    expect(clock.pending).toBe(0);
    calls.close();
    expect(released).toEqual(['a']);
  });
});
