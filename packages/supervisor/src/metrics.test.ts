import { describe, expect, test } from '@jest/globals';
import {
  attachMetrics,
  createSystem,
  createTestClock,
  defineServer,
  noreply,
  ok,
  silentLogger,
  type ActorSystem,
  type Clock,
  type MetricAttributes,
  type MetricSink,
} from '@snakepit/core';
import { Supervisor } from './supervisor.ts';

/** Sums what is pushed, and reads what is polled. */
function collect(system: ActorSystem) {
  const sums = new Map<string, number>();
  const polls = new Map<string, Parameters<MetricSink['poll']>[1]>();
  const keyOf = (name: string, attributes: MetricAttributes): string =>
    `${name} ${Object.values(attributes).join(' ')}`.trimEnd();
  const detach = attachMetrics(system, {
    open: ({ name }) => ({
      series: (attributes) => (value) => {
        const key = keyOf(name, attributes);
        sums.set(key, (sums.get(key) ?? 0) + value);
      },
      close: () => undefined,
    }),
    poll: ({ name }, read) => {
      polls.set(name, read);
      return () => void polls.delete(name);
    },
  });
  return {
    detach,
    now(): Record<string, number> {
      const values = new Map(sums);
      for (const [name, read] of polls) {
        read((value, attributes) => values.set(keyOf(name, attributes), value));
      }
      return Object.fromEntries(
        [...values]
          .filter(([key]) => key.startsWith('snakepit.supervisor'))
          .map(([key, value]) => [key.slice('snakepit.supervisor'.length), value]),
      );
    },
  };
}

const mortal = defineServer({
  init: () => ok(0),
  info: (state: number, message: unknown) => {
    if (message === 'die') throw new RangeError('as it was told to');
    return noreply(state);
  },
});

function systemAt(clock: Clock): ActorSystem {
  return createSystem({ clock, logger: silentLogger });
}

describe('supervisorMetrics', () => {
  test('[I6.2] tells restarts, and how full the window is, as it ages', async () => {
    const clock = createTestClock();
    const system = systemAt(clock);
    const tree = await Supervisor.start(system, {
      ...{ name: 'jobs', strategy: 'oneForOne', maxRestarts: 2, maxSeconds: 5 },
      children: [{ id: 'mortal', start: [mortal], name: 'mortal' }],
    });
    const metrics = collect(system);
    const none = { '.restarts jobs': 0, '.given_up jobs': 0, '.children_given_up jobs': 0 };
    expect(metrics.now()).toEqual({
      ...none,
      ...{ '.window.restarts jobs': 0, '.window.allowed jobs': 2 },
      ...{ 's below': 1, 's full': 0 },
    });
    for (let death = 0; death < 2; death += 1) {
      const pid = system.whereis('mortal');
      if (pid === undefined) throw new Error('it is not there');
      system.send(pid, 'die');
      await clock.advance(0);
    }
    expect(metrics.now()).toEqual({
      ...{ ...none, '.restarts jobs': 2, '.reports jobs childTerminated': 2 },
      ...{ '.window.restarts jobs': 2, '.window.allowed jobs': 2 },
      ...{ 's below': 0, 's full': 1 },
    });
    await clock.advance(6_000);
    expect(metrics.now()).toMatchObject({ '.window.restarts jobs': 0, 's below': 1 });
    metrics.detach();
    await Supervisor.stop(tree);
    await system.stop();
  });

  test('[I6.2] tells who gives up; those without a name are one', async () => {
    const clock = createTestClock();
    const system = systemAt(clock);
    const start = () =>
      Supervisor.start(system, {
        ...{ strategy: 'oneForOne', maxRestarts: 0 },
        children: [{ id: 'mortal', start: [mortal], name: 'mortal' }],
      });
    const tree = await start();
    const metrics = collect(system);
    const pid = system.whereis('mortal');
    if (pid === undefined) throw new Error('it is not there');
    system.send(pid, 'die');
    await clock.advance(0);
    await system.awaitExit(tree.pid);
    expect(metrics.now()).toMatchObject({
      '.given_up unnamed': 1,
      '.reports unnamed shutdown': 1,
      '.restarts unnamed': 0,
      's below': 0,
    });
    metrics.detach();
    await system.stop();
  });
});
