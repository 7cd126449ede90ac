import { describe, expect, test } from '@jest/globals';
import { exitReason, type MonitorRef, type Pid, type ProcessContext } from '../index.ts';
import { probe, quietSystem, reasonOf, settle, sleeper } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');

async function setUp() {
  const system = quietSystem();
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => system.start(probe, { trapExit: true })));
  const plain = await system.start(probe, {});
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
  return { system, a, b, c, plain };
}

describe('links', () => {
  test('[PRC-012] links go both ways and are there once; a link to oneself is none', async () => {
    const { system, a, b } = await setUp();
    await a.call.run((self) => {
      self.link(b.pid);
      self.link(b.pid);
      self.link(self.pid);
    });
    expect(system.processInfo(a.pid)?.linkedPids).toEqual([b.pid]);
    expect(system.processInfo(b.pid)?.linkedPids).toEqual([a.pid]);
    await b.call.run((self) => {
      self.unlink(a.pid);
      self.unlink(a.pid);
    });
    expect(system.processInfo(a.pid)?.linkedPids).toEqual([]);
    expect(system.processInfo(b.pid)?.linkedPids).toEqual([]);
    await system.stop();
  });

  test('[PRC-013] a linked process that ends normal leaves a non-trapping peer alone', async () => {
    const { system, a, b, plain } = await setUp();
    await a.call.run((self) => {
      self.link(b.pid);
      self.link(plain.pid);
      self.trapExit(false);
    });
    const gone = system.awaitExit(a.pid);
    await expect(
      reasonOf(
        a.call.run((self) => {
          self.exit(exitReason.normal);
        }),
      ),
    ).resolves.toEqual(exitReason.normal);
    await gone;
    await expect(b.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: a.pid, reason: exitReason.normal },
    ]);
    expect(system.isAlive(plain.pid)).toBe(true);
    await system.stop();
  });

  test.each([
    boom,
    exitReason.shutdown,
    exitReason.shutdownWith('x'),
    exitReason.error(new Error()),
  ])('[PRC-014] %p passes unchanged along a chain of links', async (reason) => {
    const { system, a, b } = await setUp();
    const chain = await Promise.all([1, 2, 3].map(() => system.start(probe, {})));
    const [first, second, third] = chain.map(({ pid }) => pid) as [Pid, Pid, Pid];
    await chain[0]?.call.run((self) => {
      self.link(second);
    });
    await chain[1]?.call.run((self) => {
      self.link(third);
    });
    await a.call.run((self) => {
      self.link(third);
    });
    const reasons = [first, second, third].map((pid) => system.awaitExit(pid));
    await b.call.run((self) => {
      self.exit(first, reason);
    });
    await expect(Promise.all(reasons)).resolves.toEqual([reason, reason, reason]);
    await expect(a.call.seen()).resolves.toEqual([{ type: 'EXIT', from: third, reason }]);
    await system.stop();
  });

  test('[PRC-015] a link to the dead: EXIT noproc when trapping, else a noproc error', async () => {
    const { system, a, b, plain } = await setUp();
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    await a.call.run((self) => {
      self.link(b.pid);
    });
    await expect(a.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: b.pid, reason: exitReason.noproc },
    ]);
    await plain.call.run((self) => {
      expect(() => {
        self.link(b.pid);
      }).toThrow(/link to <\d+>: noproc/);
    });
    await system.stop();
  });

  test('[PRC-017] unlink stops new signals, and leaves what has arrived', async () => {
    const { system, a, b, c } = await setUp();
    await a.call.run(async (self) => {
      self.link(b.pid);
      self.link(c.pid);
      self.exit(b.pid, exitReason.kill);
      await settle();
      self.unlink(b.pid);
      self.unlink(c.pid);
      self.exit(c.pid, exitReason.kill);
      await settle();
    });
    await expect(a.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: b.pid, reason: exitReason.killed },
    ]);
    await system.stop();
  });
});

describe('unlink with flush', () => {
  test('[PRC-017] takes out the EXIT that has arrived, and gives its reason', async () => {
    const { system, a, b, c } = await setUp();
    const reasons = await a.call.run(async (self) => {
      self.link(b.pid);
      self.link(c.pid);
      self.send(self.pid, 'before');
      self.exit(b.pid, exitReason.kill);
      self.exit(c.pid, exitReason.kill);
      await settle();
      self.send(self.pid, 'after');
      return [
        self.unlink(c.pid, { flush: true }),
        self.unlink(c.pid, { flush: true }),
        self.unlink(b.pid, { flush: false }),
      ];
    });
    expect(reasons).toEqual([exitReason.killed, undefined, undefined]);
    await expect(a.call.seen()).resolves.toEqual([
      'before',
      { type: 'EXIT', from: b.pid, reason: exitReason.killed },
      'after',
    ]);
    await system.stop();
  });

  test('of a peer that lives there is none to take; the link is gone', async () => {
    const { system, a, b } = await setUp();
    const reason = await a.call.run((self) => {
      self.link(b.pid);
      return self.unlink(b.pid, { flush: true });
    });
    expect([reason, system.processInfo(b.pid)?.linkedPids]).toEqual([undefined, []]);
    await system.stop();
  });
});

describe('monitors', () => {
  test('[MON-001] a fresh reference each, one DOWN, the same reason that links report', async () => {
    const { system, a, b } = await setUp();
    const child = (await a.call.run((self) => self.spawnLink(sleeper))) as Pid;
    const ref = await b.call.run((self) => self.monitor(child));
    const error = exitReason.error(new Error('boom'));
    await b.call.run((self) => {
      self.exit(child, error);
    });
    await settle();
    await expect(b.call.seen()).resolves.toEqual([
      { type: 'DOWN', ref, pid: child, reason: error },
    ]);
    const [exit] = (await a.call.seen()) as [{ reason: unknown }];
    const [down] = (await b.call.seen()) as [{ reason: unknown }];
    expect(down.reason).toBe(exit.reason);
    await system.stop();
  });

  test('[MON-001] also for normal', async () => {
    const { system, a, b } = await setUp();
    await a.call.run((self) => self.monitor(b.pid));
    b.call.run((self) => self.exit(exitReason.normal)).catch(() => undefined);
    await system.awaitExit(b.pid);
    await expect(a.call.seen()).resolves.toMatchObject([{ reason: exitReason.normal }]);
    await system.stop();
  });

  test('[MON-002] a dead pid or an unknown name gives DOWN noproc at once', async () => {
    const { system, a, b } = await setUp();
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    const refs = (await a.call.run((self) => [
      self.monitor(b.pid),
      self.monitor('nobody'),
      self.monitor(b),
    ])) as MonitorRef[];
    const { noproc: reason } = exitReason;
    await expect(a.call.seen()).resolves.toEqual([
      { type: 'DOWN', ref: refs[0], pid: b.pid, reason },
      { type: 'DOWN', ref: refs[1], pid: undefined, reason },
      { type: 'DOWN', ref: refs[2], pid: b.pid, reason },
    ]);
    await system.stop();
  });

  test('[MON-003] two monitors of one process are two references and two messages', async () => {
    const { system, a, b } = await setUp();
    const refs = (await a.call.run((self) => [
      self.monitor(b.pid),
      self.monitor(b.pid),
    ])) as MonitorRef[];
    expect(system.processInfo(b.pid)?.monitorCount).toBe(2);
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    const seen = (await a.call.seen()) as { ref: MonitorRef }[];
    expect(seen.map(({ ref }) => ref)).toEqual(refs);
    expect(refs[0]).not.toBe(refs[1]);
    await system.stop();
  });

  test('[MON-004] the watcher’s death does nothing to the watched', async () => {
    const { system, a, b } = await setUp();
    await a.call.run((self) => self.monitor(b.pid));
    system.exit(a.pid, exitReason.kill);
    await system.awaitExit(a.pid);
    await settle();
    expect(system.processInfo(b.pid)?.monitorCount).toBe(0);
    await expect(b.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('[MON-005] demonitor stops later DOWNs; one that has arrived stays unless it is flushed', async () => {
    const { system, a, b, c } = await setUp();
    const down = async (self: ProcessContext, pid: Pid): Promise<MonitorRef> => {
      const ref = self.monitor(pid);
      self.exit(pid, exitReason.kill);
      await settle();
      return ref;
    };
    const kept = await a.call.run(async (self) => {
      self.send(self.pid, { type: 'DOWN', ref: 'not one' });
      self.send(self.pid, null);
      const ref = await down(self, b.pid);
      const flushed = await down(self, c.pid);
      self.demonitor(ref);
      self.demonitor(flushed, { flush: true });
      const unheard = self.monitor(self.spawn(sleeper));
      self.demonitor(unheard);
      if (unheard.pid !== undefined) self.exit(unheard.pid, exitReason.kill);
      await settle();
      return ref;
    });
    await expect(a.call.seen()).resolves.toEqual([
      { type: 'DOWN', ref: 'not one' },
      null,
      { type: 'DOWN', ref: kept, pid: b.pid, reason: exitReason.killed },
    ]);
    await system.stop();
  });
});
