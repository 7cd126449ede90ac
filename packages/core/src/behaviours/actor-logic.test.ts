import { afterEach, describe, expect, test } from '@jest/globals';
import { createMachine, fromCallback, fromObservable, fromPromise, fromTransition } from 'xstate';
import { exitReason, silentLogger } from '../index.ts';
import { quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('boom');

afterEach(async () => {
  // XState reports to the host process what it cannot place, in a timeout of 0 ms; Jest fails a test by that.
  await new Promise<void>((resolve) => setTimeout(resolve, 2));
});

describe('any XState logic as a process', () => {
  test('a promise: ends normal when it resolves, with the reason that its output names, or with its error', async () => {
    const system = quietSystem();
    const logic = fromPromise(async ({ input }: { input: unknown }) => {
      await settle(1);
      if (input === 'fail') throw error;
      return input;
    });
    const ends = [1, { reason: boom }, 'fail'].map((input) =>
      system.awaitExit(system.spawn(logic, input)),
    );
    await expect(Promise.all(ends)).resolves.toEqual([
      exitReason.normal,
      boom,
      exitReason.error(error),
    ]);
    await system.stop();
  });

  test('[PRC-022] a promise whose process was killed is aborted, and what it brings is ignored', async () => {
    const system = quietSystem();
    const steps: string[] = [];
    const logic = fromPromise(async ({ signal }) => {
      signal.addEventListener('abort', () => steps.push('aborted'));
      await settle(3);
      throw error;
    });
    const pid = await system.start(logic);
    expect(system.processInfo(pid)).toMatchObject({ behaviour: 'actor', stateValue: 'active' });
    const gone = system.awaitExit(pid);
    system.exit(pid, exitReason.kill);
    await expect(gone).resolves.toEqual(exitReason.killed);
    await settle(6);
    expect(steps).toEqual(['aborted']);
    await system.stop();
  });

  test('a callback: receives messages as events, is released at the end; its errors are its own', async () => {
    const debug: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, debug: (message) => debug.push(message) },
    });
    const steps: unknown[] = [];
    const logic = fromCallback(({ receive }) => {
      receive((event) => {
        if (event.type === 'fail') throw error;
        steps.push(event);
      });
      return () => {
        steps.push('released');
      };
    });
    const pid = await system.start(logic);
    system.send(pid, { type: 'hello' });
    system.cast(pid, { type: 'cast' });
    system.send(pid, 'no event');
    await settle();
    expect(steps).toEqual([{ type: 'hello' }, { type: 'cast' }]);
    expect(debug).toEqual([`actor ${pid.toString()} dropped a message that is no event`]);
    const gone = system.awaitExit(pid);
    system.exit(pid, exitReason.shutdown);
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    expect(steps.at(-1)).toBe('released');

    const other = await system.start(logic);
    const failed = system.awaitExit(other);
    system.send(other, { type: 'fail' });
    await expect(failed).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('a callback that throws when it starts fails the start', async () => {
    const system = quietSystem();
    const failing = fromCallback(() => {
      throw error;
    });
    await expect(reasonOf(system.start(failing))).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('a callback whose release throws harms nobody', async () => {
    const system = quietSystem();
    const logic = fromCallback(() => () => {
      throw error;
    });
    const pid = await system.start(logic);
    const gone = system.awaitExit(pid);
    system.exit(pid, boom);
    await expect(gone).resolves.toEqual(boom);
    await system.stop();
  });

  test('a transition: keeps a state, and its error ends it', async () => {
    const system = quietSystem();
    const logic = fromTransition((sum: number, event: { type: string; by: number }) => {
      if (event.by === 0) throw error;
      return sum + event.by;
    }, 0);
    const pid = await system.start(logic);
    for (const by of [1, 2]) system.send(pid, { type: 'add', by });
    await settle();
    expect(system.processInfo(pid)?.state).toMatchObject({ context: 3 });
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'add', by: 0 });
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('an observable that is complete at once started, and ended normal', async () => {
    const system = quietSystem();
    const empty = {
      subscribe: (observer: { complete?: () => void }) => {
        observer.complete?.();
        return { unsubscribe: () => undefined };
      },
    };
    const logic = fromObservable(() => empty as never);
    const pid = system.spawn(logic);
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.normal);
    await expect(system.start(logic)).resolves.toBeDefined();
    await system.stop();
  });

  test('a machine: a statechart process, prepared once a system', async () => {
    const system = quietSystem();
    const machine = createMachine({
      id: 'bare',
      initial: 'on',
      states: { on: { on: { toggle: 'off' } }, off: { type: 'final' } },
    });
    const pids = [await system.start(machine), await system.start(machine)];
    expect(pids.map((pid) => system.processInfo(pid)?.label)).toEqual(['bare', 'bare']);
    const [first, second] = pids;
    if (first === undefined || second === undefined) throw new Error('two were started');
    const gone = system.awaitExit(first);
    system.send(first, { type: 'toggle' });
    await expect(gone).resolves.toEqual(exitReason.normal);
    expect(system.processInfo(second)?.stateValue).toBe('on');
    await system.stop();
  });
});
