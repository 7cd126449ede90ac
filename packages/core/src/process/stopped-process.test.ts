import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  ok,
  Registry,
  type ActorSystem,
  type Pid,
  type Target,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const million = 1_000_000;
/** They are quick, but may share a machine with others that are busy. */
const limitMs = 60_000;

/** Node's collector, which is hidden unless asked for. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Collects until the objects are gone or a few rounds are over; how many are left. */
async function leftOf(refs: readonly WeakRef<object>[]): Promise<number> {
  const collect = collector();
  let left = refs;
  for (let round = 0; round < 100 && left.length > 0; round++) {
    await settle(1);
    collect();
    left = left.filter((ref) => ref.deref() !== undefined);
  }
  return left.length;
}

/** Sends something that only the system can keep then. */
function sendOne(system: ActorSystem, pid: Pid): WeakRef<object> {
  const message = { type: 'one' };
  system.send(pid, message);
  return new WeakRef(message);
}

describe('a process that is gone', () => {
  test(
    '[MSG-004] a million messages to it are kept by nobody',
    async () => {
      const clock = createTestClock();
      const system = quietSystem({ clock });
      await Registry.start(system, { name: 'r', keys: 'unique' });
      const name = { via: ['r', 'x'] } as const;
      const { pid } = await system.start(probe, {}, { name });
      const info = system.processInfo(pid);
      system.exit(pid, exitReason.kill);
      await system.awaitExit(pid);
      const targets: readonly Target[] = [pid, { pid }];
      const sent: WeakRef<object>[] = [];
      for (let n = 0; n < million; n++) {
        const message = { type: 'x', n };
        if (n % (million / 10) === 0) sent.push(new WeakRef(message));
        const target = targets[n % 2] ?? pid;
        if (n % 4 < 2) system.send(target, message);
        else system.cast(n % 4 === 2 ? name : target, message);
      }
      expect(info).toMatchObject({ status: 'dead', mailboxLength: 0 });
      expect([...system.processes()].map(({ mailboxLength }) => mailboxLength)).toEqual([0, 0]);
      await expect(leftOf(sent)).resolves.toBe(0);
      expect(clock.pending).toBe(0);
      await system.stop();
    },
    limitMs,
  );

  test(
    'calls and timers to it leave neither a timer nor a promise behind',
    async () => {
      const clock = createTestClock();
      const system = quietSystem({ clock });
      const { pid } = await system.start(probe, {});
      const caller = await system.start(probe, {});
      system.exit(pid, exitReason.kill);
      await system.awaitExit(pid);
      await expect(reasonOf(system.call(pid, { type: 'x', arg: {} }))).resolves.toEqual(
        exitReason.noproc,
      );
      await caller.call.runNow((self) => {
        for (let n = 0; n < 10_000; n++) {
          self.sendAfter(60_000, { n }, pid);
          void self.call(pid, { type: 'x', arg: n });
        }
      });
      expect(clock.pending).toBe(0);
      await system.stop();
    },
    limitMs,
  );

  test(
    'what waited for it is let go of with it',
    async () => {
      const system = quietSystem();
      const { pid } = await system.start(
        defineServer({ init: () => ok(0), info: () => new Promise<never>(() => undefined) }),
      );
      system.send(pid, 'busy for ever');
      await settle();
      const waiting = sendOne(system, pid);
      for (let n = 1; n < 100_000; n++) system.send(pid, { n });
      const info = system.processInfo(pid);
      expect(info?.mailboxLength).toBe(100_000);
      system.exit(pid, exitReason.kill);
      await system.awaitExit(pid);
      expect(info?.mailboxLength).toBe(0);
      await expect(leftOf([waiting])).resolves.toBe(0);
      await system.stop();
    },
    limitMs,
  );

  test(
    'a stopped system drops a million messages alike',
    async () => {
      const system = quietSystem();
      const { pid } = await system.start(probe, {});
      await system.stop();
      const first = sendOne(system, pid);
      for (let n = 1; n < million; n++) system.send(pid, { n });
      await expect(leftOf([first])).resolves.toBe(0);
      expect([...system.processes()]).toEqual([]);
    },
    limitMs,
  );
});
