import { describe, expect, test } from '@jest/globals';
import {
  defineServer,
  exitReason,
  ok,
  silentLogger,
  type ActorSystem,
  type ExitReason,
} from './index.ts';
import { probe, reasonOf, settle } from './probe.fixture.ts';
import { createSystemOn } from './system.ts';
import { isolatedOn, TestHost } from './test-host.fixture.ts';

const error = new Error('boom');

/** Has a process fail in a timer of its own; says what came of it for the host, and with which reason it ended. */
async function failIn(
  system: ActorSystem,
  fail: () => string,
): Promise<readonly [string, ExitReason | undefined]> {
  const { pid, call } = await system.start(probe, {});
  const outcome = new Promise<string>((resolve) => {
    void call.runNow(() => {
      setTimeout(() => {
        resolve(fail());
      });
    });
  });
  const gone = system.awaitExit(pid);
  const told = await outcome;
  await settle(2);
  return [told, system.isAlive(pid) ? undefined : await gone];
}

describe("crashIsolation: 'async'", () => {
  test('[PRC-004] an error thrown in a timer of a process ends that process, and no handler hears of it', async () => {
    const host = new TestHost();
    const heard: unknown[] = [];
    host.on('uncaughtException', (thrown) => heard.push(thrown));
    const system = isolatedOn(host);
    const neighbour = await system.start(probe, {});
    await expect(failIn(system, () => host.throws(error))).resolves.toEqual([
      'captured',
      exitReason.error(error),
    ]);
    expect(heard).toEqual([]);
    expect(host.hasUncaughtExceptionCaptureCallback()).toBe(false);
    expect(system.isAlive(neighbour.pid)).toBe(true);
    await system.stop();
  });

  test('[PRC-005] a rejection that nobody handles ends the process it is of', async () => {
    const host = new TestHost();
    const system = isolatedOn(host);
    const outcome = await failIn(system, () => host.rejects(error));
    expect(outcome).toEqual(['captured', exitReason.error(error)]);
    await system.stop();
  });

  test('a listener of the program for rejections hears of it as well, after the process ended', async () => {
    const host = new TestHost();
    const before: unknown[] = [];
    const once: unknown[] = [];
    host.on('unhandledRejection', (reason) => before.push(reason));
    const system = isolatedOn(host);
    host.once('unhandledRejection', (reason) => once.push(reason));
    for (const count of [1, 2]) {
      const outcome = await failIn(system, () => host.rejects(error));
      expect(outcome).toEqual(['listened', exitReason.error(error)]);
      expect([before.length, once.length]).toEqual([count, 1]);
    }
    await system.stop();
  });

  test('the listener for rejections is there only while the program has one, and is the first', async () => {
    const host = new TestHost();
    const system = isolatedOn(host);
    expect(host.listening).toEqual([1, 0, 0, 1, 1]);
    const own = [() => undefined, () => undefined];
    for (const listener of own) host.on('unhandledRejection', listener);
    expect(host.listeners('unhandledRejection').slice(1)).toEqual(own);
    for (const listener of own) host.off('unhandledRejection', listener);
    expect(host.listening).toEqual([1, 0, 0, 1, 1]);
    await system.stop();
    expect(host.listening).toEqual([0, 0, 0, 0, 0]);
  });

  test('what is of no process takes the way that it takes without', async () => {
    const host = new TestHost();
    const system = isolatedOn(host);
    await system.start(probe, {});
    expect([host.throws(error), host.rejects(error)]).toEqual(['died', 'died']);
    const heard: unknown[] = [];
    host.on('uncaughtException', (thrown) => heard.push(thrown));
    expect([host.throws(error), host.rejects(error)]).toEqual(['listened', 'listened']);
    host.on('unhandledRejection', (thrown) => heard.push(thrown));
    expect(host.rejects(error)).toBe('listened');
    expect(heard).toEqual([error, error, error]);
    await system.stop();
  });

  test('where the module domain is loaded, the handlers hear of it and the host lives on all the same', async () => {
    const host = new TestHost();
    host.isDomainLoaded = true;
    const system = isolatedOn(host);
    const outcome = await failIn(system, () => host.throws(error));
    expect(outcome).toEqual(['listened', exitReason.error(error)]);
    expect(host.throws(error)).toBe('died');
    await system.stop();
  });

  test('who has asked for every error gets it too', async () => {
    const host = new TestHost();
    const captured: unknown[] = [];
    host.setUncaughtExceptionCaptureCallback((thrown) => captured.push(thrown));
    const system = isolatedOn(host);
    const outcome = await failIn(system, () => host.throws(error));
    expect(outcome).toEqual(['captured', exitReason.error(error)]);
    expect(captured).toEqual([error]);
    await system.stop();
  });

  test('[PRC-003] exit() in a continuation that nobody waits for ends the process with that reason', async () => {
    const host = new TestHost();
    const system = isolatedOn(host);
    const { pid, call } = await system.start(probe, {});
    const gone = system.awaitExit(pid);
    await call.runNow((self) => {
      setTimeout(() => {
        try {
          self.exit(exitReason.shutdown);
        } catch (thrown) {
          host.throws(thrown as Error);
        }
      });
    });
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });

  test('[PRC-022] what a dead process left behind is logged for developers, and no crash of the host', async () => {
    const host = new TestHost();
    const logged: string[] = [];
    const system = isolatedOn(host, {
      logger: { ...silentLogger, debug: (message) => logged.push(message) },
    });
    const { pid, call } = await system.start(probe, {});
    const told = new Promise<string>((resolve) => {
      void call.runNow(() => {
        setTimeout(() => {
          resolve(host.throws(error));
        }, 5);
      });
    });
    await settle(1);
    system.exit(pid, exitReason.kill);
    await expect(told).resolves.toBe('captured');
    expect(logged).toEqual([
      `something that probe ${pid.toString()} left behind failed: error(Error: boom)`,
    ]);
    await system.stop();
  });
});

describe('several systems on one host', () => {
  test('are isolated by one set of listeners, which goes with the last of them', async () => {
    const host = new TestHost();
    const systems = [isolatedOn(host), isolatedOn(host)] as const;
    expect(host.listening).toEqual([1, 0, 0, 1, 1]);
    await systems[0].stop();
    const outcome = await failIn(systems[1], () => host.throws(error));
    expect(outcome).toEqual(['captured', exitReason.error(error)]);
    await systems[1].stop();
    expect(host.listening).toEqual([0, 0, 0, 0, 0]);
    const third = isolatedOn(host);
    const again = await failIn(third, () => host.throws(error));
    expect(again).toEqual(['captured', exitReason.error(error)]);
    await third.stop();
  });

  test('by default nothing is listened to, and such an error is of the host', async () => {
    const host = new TestHost();
    const system = createSystemOn(host, { logger: silentLogger });
    expect(host.listening).toEqual([0, 0, 0, 0, 0]);
    const outcome = await failIn(system, () => host.throws(error));
    expect(outcome).toEqual(['died', undefined]);
    await system.stop();
  });
});

describe('answers that nobody waits for', () => {
  test('a call and a start from outside fail as without, for those who wait', async () => {
    const system = isolatedOn(new TestHost());
    const server = defineServer({
      init: () => ok(0),
      call: {
        fail: () => {
          throw error;
        },
      },
    });
    const { pid, call } = await system.start(server);
    await expect(reasonOf(call.fail())).resolves.toEqual(exitReason.error(error));
    await expect(reasonOf(system.call(pid, { type: 'fail' }))).resolves.toEqual(exitReason.noproc);
    const failing = defineServer({
      init: () => {
        throw error;
      },
    });
    await expect(reasonOf(system.start(failing))).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });
});
