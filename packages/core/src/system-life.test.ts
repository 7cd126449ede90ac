import { describe, expect, test } from '@jest/globals';
import { exitReason, type ActorSystem, type Pid } from './index.ts';
import { probe, quietSystem, reasonOf, sleeper } from './probe.fixture.ts';

describe('a stopped system', () => {
  async function stopped(): Promise<{ system: ActorSystem; pid: Pid }> {
    const system = quietSystem({ name: 'app' });
    const { pid } = await system.start(probe, {}, { name: 'probe' });
    await system.stop();
    return { system, pid };
  }

  test('spawns and starts nothing, and says so', async () => {
    const { system } = await stopped();
    const refusal = { code: 'SYSTEM_STOPPED', details: { system: 'app', attempt: 'spawn' } };
    expect(() => system.spawn(sleeper)).toThrow(expect.objectContaining(refusal));
    await expect(system.start(sleeper)).rejects.toMatchObject({
      code: 'SYSTEM_STOPPED',
      message:
        '[SYSTEM_STOPPED] the system "app" is stopped: it cannot start anything.\n' +
        'Remedy: Make another one by createSystem(); a stopped system stays stopped.',
    });
    expect([...system.processes()]).toEqual([]);
  });

  test('[GEN-016] fails a call with noproc, and says why', async () => {
    const { system, pid } = await stopped();
    const call = system.call(pid, { type: 'seen' });
    await expect(call).rejects.toThrow('call seen in "app", a system that is stopped: noproc');
    await expect(reasonOf(call)).resolves.toEqual(exitReason.noproc);
  });

  test('[MSG-004] drops what is sent, also to a name', async () => {
    const { system, pid } = await stopped();
    system.send(pid, 1);
    system.send('probe', 1);
    system.cast('probe', { type: 'x' });
    system.exit(pid, exitReason.kill);
    expect([system.whereis('probe'), system.isAlive(pid)]).toEqual([undefined, false]);
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.noproc);
  });

  test('stops again without doing anything', async () => {
    const { system } = await stopped();
    await expect(Promise.all([system.stop(), system.stop()])).resolves.toEqual([
      undefined,
      undefined,
    ]);
  });

  test('nothing is spawned when the last process is gone, however soon after', async () => {
    for (let ticks = 0; ticks < 8; ticks++) {
      const system = quietSystem();
      const { pid } = await system.start(sleeper);
      const spawned = (async () => {
        await system.awaitExit(pid);
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        try {
          return system.spawn(sleeper);
        } catch {
          return undefined;
        }
      })();
      await system.stop();
      expect(system.isAlive(await spawned)).toBe(false);
    }
  });

  test('a listener that replaces what ends is stopped too', async () => {
    const system = quietSystem();
    const refusals: unknown[] = [];
    let spawned = 0;
    system.telemetry.on('snakepit.process.exited', () => {
      try {
        spawned += 1;
        if (spawned < 100) system.spawn(sleeper);
      } catch (error) {
        refusals.push(error);
      }
    });
    await system.start(sleeper);
    await system.stop();
    expect(refusals).toEqual([expect.objectContaining({ code: 'SYSTEM_STOPPED' })]);
    expect(spawned).toBe(2);
  });

  test('what is started while it stops is ended with the rest', async () => {
    const system = quietSystem();
    await system.start(probe, {});
    const ended = system.stop();
    const late = await system.start(sleeper);
    const gone = system.awaitExit(late.pid);
    await ended;
    await expect(gone).resolves.toEqual(exitReason.killed);
    expect([...system.processes()]).toEqual([]);
  });
});
