import { describe, expect, test } from '@jest/globals';
import {
  defineServer,
  defineTask,
  exitReason,
  Pid,
  type ExitReason,
  type ProcessContext,
} from '../index.ts';
import { settle, sleeper, startThree } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
describe('spawn', () => {
  test('[PRC-001] the pid is there at once, the body runs in a later turn, no pid comes twice', async () => {
    const { system, plain } = await startThree();
    const events: string[] = [];
    const pids = (await plain.call.runNow((self) => {
      const pids = [1, 2].map((n) =>
        self.spawn(defineTask(() => events.push(`body ${String(n)}`))),
      );
      events.push('spawned');
      return pids;
    })) as Pid[];
    expect(pids.every((pid) => pid instanceof Pid)).toBe(true);
    await settle();
    expect(events).toEqual(['spawned', 'body 1', 'body 2']);
    const more = [system.spawn(sleeper), system.spawn(sleeper)];
    expect(new Set([...pids, ...more].map((pid) => pid.id)).size).toBe(4);
    await system.stop();
  });

  test('[PRC-002] a body that returns ends normal', async () => {
    const { system } = await startThree();
    await expect(system.awaitExit(system.spawn(defineTask(() => 1)))).resolves.toEqual(
      exitReason.normal,
    );
    await system.stop();
  });

  test('[PRC-003] a process that exits itself ends with exactly that reason, may catch it, and cleans up', async () => {
    const { system } = await startThree();
    const steps: string[] = [];
    const exiting = defineTask((_: undefined, self) => {
      try {
        self.exit(boom);
      } finally {
        steps.push('cleaned up');
      }
    });
    await expect(system.awaitExit(system.spawn(exiting))).resolves.toBe(boom);
    const catching = defineTask((_: undefined, self) => {
      try {
        self.exit(boom);
      } catch {
        steps.push('caught');
      }
    });
    await expect(system.awaitExit(system.spawn(catching))).resolves.toEqual(exitReason.normal);
    expect(steps).toEqual(['cleaned up', 'caught']);
    await system.stop();
  });

  test('[PRC-004] [PRC-005] an uncaught throw or rejection ends it with the thrown value', async () => {
    const { system } = await startThree();
    const error = new Error('thrown');
    const works = [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ];
    for (const work of works) {
      const reason = await system.awaitExit(system.spawn(defineTask(work)));
      expect(reason).toEqual(exitReason.error(error));
      expect((reason as { error: Error }).error.stack).toContain('process.test.ts');
    }
    await system.stop();
  });

  test('[PRC-016] a linked child that dies in its first instruction still signals its parent', async () => {
    const { system, trapping } = await startThree();
    const dying = defineServer({
      init: (_: undefined, self) => self.exit(boom),
    });
    const child = (await trapping.call.run((self) => self.spawnLink(dying))) as Pid;
    await settle();
    await expect(trapping.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: child, reason: boom },
    ]);
    await system.stop();
  });

  test('[PRC-020] the spawner’s death does not touch what it spawned without a link', async () => {
    const { system, plain } = await startThree();
    const child = (await plain.call.run((self) => self.spawn(sleeper))) as Pid;
    system.exit(plain.pid, boom);
    await system.awaitExit(plain.pid);
    await settle();
    expect(system.isAlive(child)).toBe(true);
    await system.stop();
  });
});

describe('the options of spawn', () => {
  test('[PRC-016] [MON-001] link and monitor bind the new process to who spawns it, before its first turn', async () => {
    const { system, trapping } = await startThree();
    const dying = defineServer({ init: (_: undefined, self) => self.exit(boom) });
    const child = (await trapping.call.runNow((self) =>
      self.spawn(dying, undefined, { link: true, monitor: true }),
    )) as Pid;
    await settle();
    await expect(trapping.call.seen()).resolves.toMatchObject([
      { type: 'EXIT', from: child, reason: boom },
      { type: 'DOWN', pid: child, reason: boom },
    ]);
    await system.stop();
  });

  test('a pid binds it to that process, also from outside', async () => {
    const { system, plain, other } = await startThree();
    const child = system.spawn(sleeper, undefined, { link: plain.pid, monitor: other.pid });
    expect(system.processInfo(child)).toMatchObject({ linkedPids: [plain.pid], monitorCount: 1 });
    expect(system.processInfo(child)?.parent.id).toBe(0);
    const gone = system.awaitExit(plain.pid);
    system.exit(child, boom);
    await expect(gone).resolves.toEqual(boom);
    await expect(other.call.seen()).resolves.toMatchObject([{ type: 'DOWN', pid: child }]);
    await system.stop();
  });

  test('false binds nobody; true needs a process, and a pid one that lives', async () => {
    const { system, plain } = await startThree();
    const child = system.spawn(sleeper, undefined, { link: false, monitor: false });
    expect(system.processInfo(child)).toMatchObject({ linkedPids: [], monitorCount: 0 });
    const before = [...system.processes()].length;
    expect(() => system.spawn(sleeper, undefined, { link: true })).toThrow(
      'the option link true cannot be used: there is no process that spawns.',
    );
    system.exit(plain.pid, exitReason.kill);
    await system.awaitExit(plain.pid);
    expect(() => system.spawn(sleeper, undefined, { monitor: plain.pid })).toThrow(
      `monitor by ${plain.pid.toString()}: noproc`,
    );
    expect([...system.processes()]).toHaveLength(before - 1);
    await system.stop();
  });
});

describe('exit signals', () => {
  test('[PRC-006] [PRC-007] a signal ends who does not trap, unless it is normal; who traps gets a message', async () => {
    const { system, plain, trapping, other } = await startThree();
    await other.call.run((self) => {
      self.exit(plain.pid, exitReason.normal);
      self.exit(trapping.pid, exitReason.normal);
      self.exit(trapping.pid, boom);
    });
    await expect(trapping.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: other.pid, reason: exitReason.normal },
      { type: 'EXIT', from: other.pid, reason: boom },
    ]);
    expect(system.isAlive(plain.pid)).toBe(true);
    const gone = system.awaitExit(plain.pid);
    await other.call.run((self) => {
      self.exit(plain.pid, boom);
    });
    await expect(gone).resolves.toBe(boom);
    await system.stop();
  });

  test('[PRC-008] a signal normal to oneself ends who does not trap', async () => {
    const { system, plain, trapping } = await startThree();
    const gone = system.awaitExit(plain.pid);
    const toItself = (self: ProcessContext): void => {
      self.exit(self.pid, exitReason.normal);
    };
    await trapping.call.run(toItself);
    plain.call.run(toItself).catch(() => undefined);
    await expect(gone).resolves.toEqual(exitReason.normal);
    await expect(trapping.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: trapping.pid, reason: exitReason.normal },
    ]);
    await system.stop();
  });

  test('[PRC-009] kill cannot be trapped; the reason is killed, for those linked too', async () => {
    const { system, plain, trapping, other } = await startThree();
    await trapping.call.run((self) => {
      self.link(plain.pid);
      self.link(other.pid);
    });
    const reasons = [trapping.pid, plain.pid].map((pid) => system.awaitExit(pid));
    system.exit(trapping.pid, exitReason.kill);
    await expect(Promise.all(reasons)).resolves.toEqual([exitReason.killed, exitReason.killed]);
    await expect(other.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: trapping.pid, reason: exitReason.killed },
    ]);
    await system.stop();
  });

  test('[PRC-010] who exits itself with kill ends with kill, and a link carries it as any reason', async () => {
    const { system, plain, trapping } = await startThree();
    const child = (await trapping.call.run((self) =>
      self.spawnLink(
        defineTask(async (_: undefined, own) => {
          own.link(plain.pid);
          await settle(1);
          own.exit(exitReason.kill);
        }),
      ),
    )) as Pid;
    await expect(system.awaitExit(plain.pid)).resolves.toEqual(exitReason.kill);
    await expect(trapping.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: child, reason: exitReason.kill },
    ]);
    await system.stop();
  });

  test('[PRC-011] a signal to the dead does nothing; death comes after the call returned', async () => {
    const { system, plain } = await startThree();
    system.exit(plain.pid, boom);
    expect(system.isAlive(plain.pid)).toBe(true);
    await system.awaitExit(plain.pid);
    system.exit(plain.pid, exitReason.kill);
    system.exit(new Pid(4711), boom);
    await system.stop();
  });

  test('[PRC-018] trapping is looked at when the signal arrives', async () => {
    const { system, trapping, other } = await startThree();
    const signal = (reason: ExitReason) =>
      other.call.run((self) => {
        self.exit(trapping.pid, reason);
      });
    const busy = trapping.call.run(async (self) => {
      await settle();
      self.trapExit(false);
    });
    await signal(boom);
    await busy;
    await expect(trapping.call.seen()).resolves.toHaveLength(1);
    const gone = system.awaitExit(trapping.pid);
    await signal(exitReason.shutdown);
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });

  test('the first of two signals counts', async () => {
    const { system, plain } = await startThree();
    const gone = system.awaitExit(plain.pid);
    system.exit(plain.pid, exitReason.shutdown);
    system.exit(plain.pid, exitReason.kill);
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });
});
