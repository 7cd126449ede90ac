import { describe, expect, test } from '@jest/globals';
import { setup } from 'xstate';
import {
  defineServer,
  defineStatechart,
  defineTask,
  exitReason,
  formatExitReason,
  noreply,
  ok,
  type ProcessContext,
} from './index.ts';
import { missing } from './behaviours/missing-effect.fixture.ts';
import { probe, settle } from './probe.fixture.ts';
import { isolatedOn, TestHost } from './test-host.fixture.ts';

const error = new Error('boom');

describe('whose code it is', () => {
  /** Runs a step in a process's turn; the failure that comes of it is of the process that is returned. */
  async function ownerOf(
    begin: (fail: () => void, self: ProcessContext, other: ProcessContext) => void,
  ): Promise<string> {
    const host = new TestHost();
    const system = isolatedOn(host);
    const refs = { a: await system.start(probe, {}), b: await system.start(probe, {}) };
    const other = (await refs.b.call.runNow((self) => self)) as ProcessContext;
    let fail: () => void = () => undefined;
    const failed = new Promise<void>((resolve) => {
      fail = () => {
        host.throws(error);
        resolve();
      };
    });
    await refs.a.call.runNow((self) => {
      begin(fail, self, other);
    });
    await failed;
    await settle(2);
    const dead = Object.entries(refs).filter(([, { pid }]) => !system.isAlive(pid));
    await system.stop();
    return dead.map(([name]) => name).join(' ');
  }

  test('of the process whose turn it was begun in', async () => {
    await expect(ownerOf((fail) => setTimeout(fail))).resolves.toBe('a');
  });

  test('a message carries nothing over: the receiver begins things of its own', async () => {
    const owner = ownerOf((fail, self, other) => {
      void self.call(other.pid, { type: 'runNow', arg: () => setTimeout(fail) });
    });
    await expect(owner).resolves.toBe('b');
  });

  test('nor does one that a continuation sends, in a timer or after an await', async () => {
    const owner = ownerOf((fail, self, other) => {
      setTimeout(() => {
        void Promise.resolve().then(() =>
          self.call(other.pid, { type: 'runNow', arg: () => setTimeout(fail) }),
        );
      });
    });
    await expect(owner).resolves.toBe('b');
  });

  test('what a process spawns is not of the spawner', async () => {
    const owner = ownerOf((fail, self) => {
      self.spawn(defineTask(() => new Promise<void>((resolve) => setTimeout(resolve, 20))));
      self.spawn(defineTask(() => void setTimeout(fail)));
    });
    await expect(owner).resolves.toBe('');
  });

  test('what the world outside begins after an answer is its own', async () => {
    const host = new TestHost();
    const system = isolatedOn(host);
    const { pid, call } = await system.start(probe, {});
    await call.seen();
    const told = await new Promise<string>((resolve) => {
      setTimeout(() => {
        resolve(host.throws(error));
      });
    });
    expect([told, system.isAlive(pid)]).toEqual(['died', true]);
    await system.stop();
  });

  test.each(['effect', 'task', 'init', 'terminate'] as const)(
    'code of a process is also: %s',
    async (where) => {
      const host = new TestHost();
      const system = isolatedOn(host);
      const told: string[] = [];
      const failLater = (): void => {
        setTimeout(() => told.push(host.throws(error)));
      };
      const forever = (): Promise<never> => new Promise(() => undefined);
      const machine = setup({ actions: { work: missing('work') } }).createMachine({
        entry: 'work',
      });
      const logic = {
        effect: defineStatechart(machine, { effects: () => ({ work: failLater }) }),
        task: defineTask(() => (failLater(), forever())),
        init: defineServer({ init: () => (failLater(), forever()) }),
        terminate: defineServer({
          trapExit: true,
          init: () => ok(0),
          info: (state) => noreply(state),
          terminate: () => (failLater(), forever()),
        }),
      }[where];
      const pid = system.spawn(logic);
      const gone = system.awaitExit(pid);
      if (where === 'terminate') {
        await settle(1);
        system.exit(pid, exitReason.shutdown);
      }
      expect(formatExitReason(await gone)).toBe('error(Error: boom)');
      expect(told).toEqual(['captured']);
      await system.stop();
    },
  );
});
