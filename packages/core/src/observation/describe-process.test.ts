import { describe, expect, test } from '@jest/globals';
import { createMachine, setup } from 'xstate';
import { noreply, ok } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { defineStatechart } from '../behaviours/statechart.ts';
import { createTestClock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import type { ProcessContext } from '../process/process-context.ts';
import { createSystem } from '../system.ts';
import { door } from './recorded.fixture.ts';

const waiting = defineStatechart(
  setup({ types: { events: {} as { readonly type: 'go' | 'stay' } } }).createMachine({
    id: 'oven',
    type: 'parallel',
    states: {
      heat: {
        initial: 'on',
        states: { on: { after: { 500: 'off', 800: 'off' } }, off: { on: { go: 'on' } } },
      },
      light: { initial: 'on', states: { on: { after: { 500: 'off' } }, off: {} } },
    },
  }),
);

const patient = defineServer({
  name: 'patient',
  init: (_: undefined, self: ProcessContext) => {
    self.sendAfter(900, { type: 'remind' });
    return ok(0, { timeout: 400 });
  },
  info: (state: number) => noreply(state),
});

describe('the timers of a process', () => {
  test('[I6.6] are the delays of its chart with the time that they have left, next first', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    await clock.advance(10_000);
    const pid = system.spawn(waiting);
    await clock.advance(0);
    const timers = () => system.records.describeProcess(pid)?.timers;
    expect(timers()).toEqual([
      {
        kind: 'after',
        event: 'xstate.after.500.oven.heat.on',
        state: 'oven.heat.on',
        delayMs: 500,
        leftMs: 500,
      },
      {
        kind: 'after',
        event: 'xstate.after.500.oven.light.on',
        state: 'oven.light.on',
        delayMs: 500,
        leftMs: 500,
      },
      {
        kind: 'after',
        event: 'xstate.after.800.oven.heat.on',
        state: 'oven.heat.on',
        delayMs: 800,
        leftMs: 800,
      },
    ]);
    await clock.advance(120);
    expect(timers()?.map(({ leftMs }) => leftMs)).toEqual([380, 380, 680]);
    await clock.advance(400);
    // The state is left: its other delay is cancelled.
    expect(timers()).toEqual([]);
    system.send(pid, { type: 'go' });
    await clock.advance(100);
    expect(timers()?.map(({ delayMs, leftMs }) => [delayMs, leftMs])).toEqual([
      [500, 400],
      [800, 700],
    ]);
    expect(system.records.describeProcess(pid)?.activeStates).toEqual([
      'oven',
      'oven.heat',
      'oven.light',
      'oven.light.off',
      'oven.heat.on',
    ]);
    await system.stop();
  });

  test('stay listed when one between them is cancelled', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const states = (delay: number, event: string) => ({
      initial: 'on',
      states: { on: { after: { [delay]: 'off' }, on: { [event]: 'off' } }, off: {} },
    });
    const pid = system.spawn(
      createMachine({
        id: 'rings',
        type: 'parallel',
        states: { a: states(300, 'a'), b: states(200, 'b'), c: states(100, 'c') },
      }),
    );
    await clock.advance(10);
    const left = () => system.records.describeProcess(pid)?.timers.map(({ leftMs }) => leftMs);
    expect(left()).toEqual([90, 190, 290]);
    system.send(pid, { type: 'b' });
    await clock.advance(0);
    expect(left()).toEqual([90, 290]);
    system.send(pid, { type: 'c' });
    await clock.advance(0);
    expect(left()).toEqual([290]);
    await system.stop();
  });

  test('[I6.6] are what a server waits for, and what somebody sends it later', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const { pid } = await system.start(patient);
    await clock.advance(100);
    const timers = () => system.records.describeProcess(pid)?.timers;
    expect(timers()).toEqual([
      { kind: 'timeout', event: 'timeout', state: undefined, delayMs: 400, leftMs: 300 },
      { kind: 'sendAfter', event: 'remind', state: undefined, delayMs: 900, leftMs: 800 },
    ]);
    await clock.advance(300);
    expect(timers()?.map(({ event }) => event)).toEqual(['remind']);
    await system.stop();
  });
});

describe('what waits for a process', () => {
  test('[I6.6] is told apart from what waits for another state, bodies by reference', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    const pid = await system.start(door);
    const paint = { type: 'paint', colour: 'green' };
    system.send(pid, paint);
    await clock.advance(0);
    system.send(pid, { type: 'knock' });
    system.send(pid, paint);
    const details = system.records.describeProcess(pid);
    expect(details?.postponed).toEqual([
      { kind: 'info', event: 'paint', from: undefined, message: paint },
      { kind: 'info', event: 'paint', from: undefined, message: paint },
    ]);
    expect(details?.postponed[0]?.message).toBe(paint);
    expect(details?.mailbox.map(({ event }) => event)).toEqual(['knock']);
    expect(details?.machine?.id).toBe('door');
    expect(details?.child).toBeUndefined();
    expect(details?.restartWindow).toBeUndefined();
    await system.stop();
  });

  test('is listed the same while messages are recorded', async () => {
    const system = createSystem({ logger: silentLogger, clock: createTestClock() });
    const pid = await system.start(door);
    system.records.recordMessages();
    const knock = { type: 'knock' };
    system.send(pid, knock);
    expect(system.records.describeProcess(pid)?.mailbox).toEqual([
      { kind: 'info', event: 'knock', from: undefined, message: knock },
    ]);
    await system.stop();
  });
});

test('monitors are told both ways', async () => {
  const clock = createTestClock();
  const system = createSystem({ logger: silentLogger, clock });
  const watched = await system.start(door);
  const watcher = defineServer({
    init: (_: undefined, self: ProcessContext) => {
      self.monitor(watched);
      return ok(0);
    },
  });
  const { pid } = await system.start(watcher);
  expect(system.records.describeProcess(watched)?.monitoredBy).toEqual([pid]);
  expect(system.records.describeProcess(pid)?.monitoring).toEqual([watched]);
  await system.stop();
});
