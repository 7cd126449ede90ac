import { describe, expect, test } from '@jest/globals';
import {
  createTelemetry,
  createTestClock,
  exitReason,
  silentLogger,
  type HasPid,
  type ProcessContext,
} from './index.ts';
import { probe, quietSystem, reasonOf, settle } from './probe.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('boom');
const forever = (): Promise<never> => new Promise(() => undefined);

describe('what a system is given may fail, and the system goes on', () => {
  test('[SYS-009] a bus of the user’s own that throws harms no process', async () => {
    const warnings: string[] = [];
    const broken = (): never => {
      throw error;
    };
    const system = quietSystem({
      telemetry: { ...createTelemetry(), enabled: () => true, emit: broken },
      logger: { ...silentLogger, warn: (message) => warnings.push(message) },
      longTurnMs: 1e-6,
    });
    const [peer, ref] = [await system.start(probe, { trapExit: true }), await system.start(probe)];
    await peer.call.runNow((self) => {
      self.link(ref.pid);
    });
    const gone = system.awaitExit(ref.pid);
    system.exit(ref.pid, boom);
    await expect(gone).resolves.toEqual(boom);
    await expect(peer.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: ref.pid, reason: boom },
    ]);
    expect(warnings).toContain('the event bus of the system failed');
    await system.stop();
  });

  test('[GEN-015] a clock that cannot limit a call fails that call', async () => {
    const clock = createTestClock();
    let isBroken = false;
    const system = quietSystem({
      clock: {
        ...clock,
        setTimeout: (step, delayMs) => {
          if (isBroken) throw error;
          return clock.setTimeout(step, delayMs);
        },
      },
    });
    const busy = await system.start(probe);
    busy.call.run(forever).catch(() => undefined);
    await settle();
    isBroken = true;
    await expect(reasonOf(busy.call.seen())).resolves.toEqual(exitReason.error(error));
    isBroken = false;
    const other = await system.start(probe);
    await expect(other.call.seen()).resolves.toEqual([]);
    const stopped = system.stop();
    await clock.advance(5_000);
    await stopped;
  });

  test('[GEN-017] [TMR-004] a target that is another one by then', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const [one, other] = [await system.start(probe), await system.start(probe)];
    const slot: { pid: unknown } = { pid: one.pid };
    await other.call.runNow((self) => self.sendAfter(10, 'tick', slot as HasPid));
    const called = system.call(slot as HasPid, { type: 'run', arg: forever });
    slot.pid = undefined;
    await clock.advance(10);
    expect(system.processInfo(one.pid)?.mailboxLength).toBe(1);
    system.exit(one.pid, boom);
    await expect(called).rejects.toThrow(`call run to ${one.pid.toString()}: boom`);
    await expect(other.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('[GEN-024] an answer that cannot be frozen ends who gives it, and the call', async () => {
    const system = quietSystem({ freezeMessages: true });
    const { pid } = await system.start(probe);
    const stiff = new Proxy(
      {},
      {
        preventExtensions: () => {
          throw error;
        },
      },
    );
    const called = system.call(pid, { type: 'runNow', arg: () => stiff });
    await expect(reasonOf(called)).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('[GEN-017] a reason that cannot be read ends the process, and its calls', async () => {
    const reports: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, error: (report) => reports.push(report) },
    });
    const { pid } = await system.start(probe);
    const hostile = {
      kind: 'custom',
      get value(): never {
        throw error;
      },
    } as const;
    const called = system.call(pid, {
      type: 'runNow',
      arg: (self: ProcessContext) => self.exit(hostile),
    });
    await expect(called).rejects.toThrow(`call runNow to ${pid.toString()}: custom`);
    expect(reports).toEqual([expect.stringContaining('ended: custom')]);
    await system.stop();
  });
});
