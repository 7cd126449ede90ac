import { describe, expect, test } from '@jest/globals';
import { defineTask, exitReason, type ProcessContext } from '../index.ts';
import { settle, sleeper, startThree } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const forever = (): Promise<never> => new Promise(() => undefined);
describe('dying', () => {
  test('[PRC-019] [PRC-021] who is killed while a callback awaits is gone at once; its cleanup changes nothing', async () => {
    const { system, plain, other } = await startThree();
    let finishLate: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (finishLate = resolve));
    const aborted: string[] = [];
    const stuck = plain.call.run(async (self) => {
      self.signal.addEventListener('abort', () => aborted.push('aborted'));
      try {
        await late;
      } finally {
        self.send(other.pid, 'from the grave');
      }
    });
    await settle();
    expect(system.processInfo(plain.pid)?.status).toBe('busy');
    system.exit(plain.pid, exitReason.kill);
    await expect(stuck).rejects.toMatchObject({ reason: exitReason.killed });
    expect(aborted).toEqual(['aborted']);
    finishLate();
    await settle();
    await expect(other.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('what it held is let go of when it is gone, and at once when it is gone already', async () => {
    const { system, plain } = await startThree();
    const gone: unknown[] = [];
    let context: ProcessContext | undefined;
    plain.call
      .run((self) => {
        context = self;
        self.onExit(() => {
          throw new Error('the first fails');
        });
        self.onExit((reason) => gone.push(reason));
        return forever();
      })
      .catch(() => undefined);
    await settle();
    expect(gone).toEqual([]);
    system.exit(plain.pid, exitReason.kill);
    await system.awaitExit(plain.pid);
    expect(gone).toEqual([exitReason.killed]);
    context?.onExit((reason) => gone.push(reason));
    expect(gone).toEqual([exitReason.killed, exitReason.killed]);
    await system.stop();
  });

  test('[PRC-021] a kill inside a synchronous callback takes effect when it returns', async () => {
    const { system, plain, other } = await startThree();
    const steps: unknown[] = [];
    const killed = plain.call.runNow((self) => {
      self.send(other.pid, 'before');
      self.exit(self.pid, exitReason.kill);
      steps.push(self.alive);
      self.send(other.pid, 'after');
    });
    await expect(killed).rejects.toMatchObject({ reason: exitReason.killed });
    expect(steps).toEqual([false]);
    await expect(other.call.seen()).resolves.toEqual(['before']);
    await system.stop();
  });

  test('[PRC-022] a continuation that outlived its process has no effect at all', async () => {
    const { system, plain, trapping, other } = await startThree();
    let context: ProcessContext | undefined;
    plain.call.run((self) => ((context = self), forever())).catch(() => undefined);
    await settle();
    system.exit(plain.pid, boom);
    await system.awaitExit(plain.pid);
    if (context === undefined) throw new Error('it did not run');
    const self: ProcessContext = context;
    await other.call.run((own) => {
      own.register('taken');
    });
    const before = [...system.processes()].length;

    expect(self.alive).toBe(false);
    expect(self.signal.aborted).toBe(true);
    self.send(other.pid, 'message');
    self.send('nobody', 'message');
    self.cast(other.pid, { type: 'run' });
    self.reply({ pid: undefined, resolve: () => void fail(), reject: () => void fail() }, 1);
    await expect(self.call(other.pid, { type: 'seen' })).rejects.toMatchObject({
      reason: exitReason.noproc,
    });
    const children = [
      self.spawn(sleeper, undefined, { name: 'child' }),
      self.spawnLink(sleeper),
      self.startLink(sleeper, undefined, { timeoutMs: 5 }, fail),
    ];
    self.register('mine');
    self.unregister('taken');
    self.sendAfter(0, 'late', other.pid);
    self.link(trapping.pid);
    self.unlink(trapping.pid);
    self.monitor(trapping.pid);
    self.exit(other.pid, exitReason.kill);
    await settle();

    expect(children.some((pid) => system.isAlive(pid))).toBe(false);
    expect([...system.processes()]).toHaveLength(before);
    expect(system.whereis('child')).toBeUndefined();
    expect(system.whereis('mine')).toBeUndefined();
    expect(system.whereis('taken')).toBe(other.pid);
    expect(system.processInfo(trapping.pid)).toMatchObject({ linkedPids: [], monitorCount: 0 });
    await expect(other.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('a process ended before its first turn never runs', async () => {
    const { system } = await startThree();
    const ran: string[] = [];
    const pid = system.spawn(defineTask(() => ran.push('ran')));
    expect(system.processInfo(pid)).toMatchObject({ status: 'starting', stateValue: undefined });
    system.exit(pid, boom);
    await expect(system.awaitExit(pid)).resolves.toBe(boom);
    expect(ran).toEqual([]);
    await system.stop();
  });

  test('what a dead process got is dropped, and its view says that it is dead', async () => {
    const { system, plain } = await startThree();
    const view = system.processInfo(plain.pid);
    system.exit(plain.pid, boom);
    system.send(plain.pid, 'late');
    await system.awaitExit(plain.pid);
    expect(view).toMatchObject({
      status: 'dead',
      reason: boom,
      mailboxLength: 0,
      state: undefined,
    });
    await system.stop();
  });
});

function fail(): never {
  throw new Error('a dead process had an effect');
}
