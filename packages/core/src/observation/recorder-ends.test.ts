import { describe, expect, test } from '@jest/globals';
import { fromCallback, setup, type AnyEventObject } from 'xstate';
import { noreply, ok, stop } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { defineStatechart } from '../behaviours/statechart.ts';
import { createTestClock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import { exitReason } from '../process/exit-reason.ts';
import { createSystem } from '../system.ts';
import { counter } from './recorded.fixture.ts';

// Where one thing ends and another begins: recordings, watches, turns, processes.

describe('a recording', () => {
  test('keeps as many as the largest that was asked for, and loses none when it grows', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const { pid, cast } = await system.start(counter, 0);
    const seqs = (from: number) => {
      const { records, dropped } = system.records.messagesSince(from);
      return [dropped, ...records.map(({ seq }) => seq)];
    };
    const end = system.records.recordMessages({ size: 2 });
    for (let by = 1; by <= 3; by++) cast.add(by);
    await clock.advance(0);
    const endLarger = system.records.recordMessages({ size: 4 });
    system.records.recordMessages({ size: 1 });
    expect(seqs(0)).toEqual([1, 2, 3]);
    const times = system.records.messagesSince(0).records.map(({ waitedMs }) => waitedMs);
    expect(times).toEqual([0, 0]);
    for (let by = 4; by <= 5; by++) cast.add(by);
    await clock.advance(0);
    expect(seqs(0)).toEqual([1, 2, 3, 4, 5]);
    end();
    endLarger();
    cast.add(6);
    await clock.advance(0);
    expect(seqs(1)).toEqual([2, 3, 4, 5, 6]);
    expect(system.isAlive(pid)).toBe(true);
    await system.stop();
  });

  test('numbers on after a watch that failed', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const { pid, cast } = await system.start(counter, 0);
    system.records.watch(pid, () => {
      throw new Error('bug');
    });
    cast.add(1);
    await clock.advance(0);
    // Nobody watches any more.
    expect(system.runtime.recorder).toBeUndefined();
    const end = system.records.recordMessages();
    cast.add(1);
    await clock.advance(0);
    expect(system.records.messagesSince(0).records.map(({ seq }) => seq)).toEqual([2]);
    end();
    await system.stop();
  });

  test('has no numbers of what concerned nobody', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const watched = await system.start(counter, 0);
    const other = await system.start(counter, 0);
    const seen: number[] = [];
    system.records.watch(watched.pid, ({ seq }) => {
      seen.push(seq);
    });
    watched.cast.add(1);
    await clock.advance(0);
    for (let by = 1; by <= 5; by++) other.cast.add(by);
    system.exit(other.pid, exitReason.kill);
    await clock.advance(0);
    watched.cast.add(1);
    await clock.advance(0);
    expect(seen).toEqual([1, 2]);
    await system.stop();
  });

  test('of messages that wait when it ends opens them all the same', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const one = await system.start(counter, 0);
    const other = await system.start(counter, 0);
    const end = system.records.watch(one.pid, () => undefined);
    const endOther = system.records.watch(other.pid, () => undefined);
    one.cast.add(2);
    end();
    expect(await one.call.add(3)).toBe(5);
    endOther();
    expect(system.runtime.recorder).toBeUndefined();
    await system.stop();
  });
});

test('an event that a chart gets while another process is at work is recorded of that chart', async () => {
  const clock = createTestClock();
  const system = createSystem({ logger: silentLogger, clock });
  let give: (event: AnyEventObject) => void = () => undefined;
  const listener = defineStatechart(
    setup({
      actors: {
        source: fromCallback(({ sendBack }) => {
          give = sendBack;
        }),
      },
    }).createMachine({
      id: 'listener',
      invoke: { src: 'source' },
      initial: 'deaf',
      states: { deaf: { on: { hear: 'hearing' } }, hearing: {} },
    }),
  );
  const speaker = defineServer({
    init: () => ok(0),
    cast: {
      speak: (state: number) => {
        give({ type: 'hear' });
        return noreply(state);
      },
    },
  });
  const heard = await system.start(listener);
  const { pid, cast } = await system.start(speaker);
  system.records.recordMessages();
  cast.speak();
  await clock.advance(0);
  const { records } = system.records.messagesSince(0);
  expect(records.map((one) => [one.pid, one.kind, one.event, one.stateValue])).toEqual([
    [pid.id, 'cast', 'speak', 'waiting'],
    [heard.id, 'own', 'hear', 'hearing'],
  ]);
  await system.stop();
});

describe('the time that a turn took', () => {
  test('has nothing of what was done between two turns, nor of an end', async () => {
    const clock = createTestClock();
    let aheadMs = 0;
    const moving = { ...clock, now: () => clock.now() + aheadMs };
    const system = createSystem({ logger: silentLogger, clock: moving });
    const worker = defineServer({
      init: () => ok(0),
      cast: {
        short: (state: number) => noreply(state),
        work: (state: number) => {
          aheadMs += 5;
          return noreply(state);
        },
        end: (state: number) => stop(exitReason.normal, state),
        // What comes after the await is a step of its own.
        pause: async (state: number) => {
          await Promise.resolve();
          aheadMs += 100;
          return noreply(state);
        },
      },
    });
    const one = await system.start(worker);
    const two = await system.start(worker);
    const three = await system.start(worker);
    // After its last message, in the same turn.
    system.telemetry.on('snakepit.process.exited', () => {
      aheadMs += 1_000;
    });
    system.records.recordMessages();
    one.cast.work();
    two.cast.end();
    three.cast.pause();
    one.cast.short();
    one.cast.work();
    await clock.advance(0);
    const { records } = system.records.messagesSince(0);
    expect(records.map(({ event, tookMs }) => [event, tookMs])).toEqual([
      ['work', 5],
      ['end', 0],
      ['pause', 0],
      ['short', 0],
      ['work', 5],
    ]);
    await system.stop();
  });
});
