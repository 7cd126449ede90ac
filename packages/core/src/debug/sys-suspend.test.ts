import { describe, expect, test } from '@jest/globals';
import { createTestClock, defineServer, exitReason, noreply, ok, sys, type Pid } from '../index.ts';
import { probe, quietSystem, reasonOf, settle, sleeper } from '../probe.fixture.ts';
import { counter, gate } from './counter.fixture.ts';

describe('sys.suspend and sys.resume', () => {
  test('[SYS-003] ordinary messages wait, and are handled in order after resume', async () => {
    const system = quietSystem();
    const { pid, call } = await system.start(probe);
    await sys.suspend(system, pid);
    for (const message of ['first', 'second', 'third']) system.send(pid, message);
    await settle();
    expect(await sys.getState(system, pid)).toEqual([]);
    expect(system.processInfo(pid)).toMatchObject({ status: 'suspended', mailboxLength: 3 });
    await sys.resume(system, pid);
    expect(await call.seen()).toEqual(['first', 'second', 'third']);
  });

  test('[SYS-003] a system message that waits is handled after what came before it', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const suspended = sys.suspend(system, ref);
    ref.cast.set(2);
    const resumed = sys.resume(system, ref);
    const state = sys.getState(system, ref);
    ref.cast.set(3);
    await Promise.all([suspended, resumed]);
    expect(await state).toBe(2);
    expect(await ref.call.get()).toBe(3);
  });

  test('[SYS-003] a call to a suspended server times out and is carried out later all the same', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const ref = await system.start(counter, 1);
    await sys.suspend(system, ref);
    const reason = reasonOf(ref.call.add(5, { timeout: 100 }));
    await clock.advance(100);
    expect(await reason).toEqual(exitReason.timeout);
    await sys.resume(system, ref);
    expect(await ref.call.get()).toBe(6);
  });

  test('[SYS-003] twice suspended or resumed is once', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    for (let time = 0; time < 2; time++) await sys.suspend(system, ref);
    const answer = ref.call.get();
    for (let time = 0; time < 2; time++) await sys.resume(system, ref);
    expect(await answer).toBe(1);
    expect(system.processInfo(ref.pid)).toMatchObject({ status: 'waiting', stateValue: 'waiting' });
  });

  test("[SYS-003] a parent's EXIT is handled while suspended, another's waits", async () => {
    const system = quietSystem();
    const ended: unknown[] = [];
    const server = defineServer({
      trapExit: true,
      init: () => ok<readonly string[]>([]),
      info: (seen, message) => noreply([...seen, (message as { readonly type: string }).type]),
      terminate: (seen, reason) => {
        ended.push([seen, reason]);
      },
    });
    const parent = await system.start(probe, { trapExit: true });
    const stranger = await system.start(probe);
    const pid = (await parent.call.runNow((self) => self.spawnLink(server))) as Pid;
    await sys.suspend(system, pid);
    await stranger.call.runNow((self) => {
      self.exit(pid, exitReason.shutdown);
    });
    await settle();
    expect(await sys.getStatus(system, pid)).toMatchObject({ state: [], mailboxLength: 1 });
    const gone = system.awaitExit(pid);
    const reason = exitReason.custom('enough');
    await parent.call.runNow((self) => {
      self.exit(pid, reason);
    });
    expect(await gone).toBe(reason);
    expect(ended).toEqual([[[], reason]]);
  });

  test("[SYS-003] a parent's EXIT that came before it was suspended is handled too", async () => {
    const system = quietSystem();
    const { opened, open } = gate();
    const trapping = await system.start(probe, { trapExit: true });
    const gone = system.awaitExit(trapping.pid);
    void trapping.call.run(() => opened).catch(() => undefined);
    const suspended = sys.suspend(system, trapping);
    system.exit(trapping.pid, exitReason.shutdown);
    open();
    await suspended;
    expect(await gone).toEqual(exitReason.shutdown);
  });

  test('[SYS-003] a suspended process can be killed, and one that does not trap dies of a signal', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const other = await system.start(sleeper);
    await sys.suspend(system, ref);
    await sys.suspend(system, other);
    const reasons = Promise.all([system.awaitExit(ref.pid), system.awaitExit(other.pid)]);
    system.exit(ref.pid, exitReason.kill);
    system.exit(other.pid, exitReason.shutdown);
    expect(await reasons).toEqual([exitReason.killed, exitReason.shutdown]);
  });

  test('[SYS-003] a suspended system can be stopped', async () => {
    const system = quietSystem();
    const { pid } = await system.start(probe, { trapExit: true });
    await sys.suspend(system, pid);
    await system.stop();
    expect([...system.processes()]).toEqual([]);
  });
});
