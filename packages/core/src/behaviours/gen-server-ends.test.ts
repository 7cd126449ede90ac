import { describe, expect, test } from '@jest/globals';
import { defineServer, exitReason, ok, reply, stop, type ExitReason, type Pid } from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';
import { setUpServer } from './instructed-server.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('callback failed');

const throws = (): never => {
  throw error;
};

describe('a callback that fails', () => {
  test.each<[string, () => never, ExitReason]>([
    ['[GEN-023] [GEN-011] throws', throws, exitReason.error(error)],
    ['[GEN-023] rejects', () => Promise.reject(error) as never, exitReason.error(error)],
    ['[GEN-024] returns junk', () => 'junk' as never, exitReason.badReturn('junk')],
    ['[GEN-024] returns nothing', () => undefined as never, exitReason.badReturn(undefined)],
  ])(
    '%s: terminate gets the reason and the state before, and a report is written',
    async (_, step, reason) => {
      const { system, ref, gone, terminated, errors } = await setUpServer();
      await ref.call.become('second');
      await expect(reasonOf(ref.call.do(step))).resolves.toEqual(reason);
      await expect(gone).resolves.toEqual(reason);
      expect(terminated).toEqual([['second', reason]]);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain('(server) ended: ');
      await system.stop();
    },
  );

  test('[GEN-024] a cast has nobody to answer', async () => {
    const { system, ref, gone } = await setUpServer();
    ref.cast.do((state) => reply(1, state));
    await expect(gone).resolves.toMatchObject({ kind: 'badReturn' });
    await system.stop();
  });

  test.each([boom, exitReason.normal])(
    '[GEN-025] one that exits with %j ends the server so, after terminate',
    async (reason) => {
      const { system, ref, gone, terminated, errors } = await setUpServer();
      await expect(reasonOf(ref.call.do((_, self) => self.exit(reason)))).resolves.toEqual(reason);
      await expect(gone).resolves.toEqual(reason);
      expect(terminated).toEqual([['first', reason]]);
      expect(errors).toHaveLength(reason.kind === 'normal' ? 0 : 1);
      await system.stop();
    },
  );

  test.each(['unknown', 'toString', '__proto__'])(
    '[GEN-022] an unknown call or cast, such as %s, crashes the server and says which there are',
    async (type) => {
      for (const ask of ['call', 'cast'] as const) {
        const { system, ref, gone, terminated } = await setUpServer();
        Promise.resolve(system[ask](ref, { type })).catch(() => undefined);
        const reason = await gone;
        expect(reason).toMatchObject({
          kind: 'error',
          error: { message: expect.stringContaining(`has no ${ask} "${type}"; it has: do`) },
        });
        expect(terminated).toHaveLength(1);
        await system.stop();
      }
    },
  );

  test('an unknown call of a server that has none says so; a missing continue handler ends it', async () => {
    const { system } = await setUpServer();
    const bare = await system.start(defineServer({ init: () => ok(0) }));
    const failed = system.call(bare, { type: 'any' });
    await expect(failed).rejects.toThrow('has no call "any"; it has: none');
    const ends: string[] = [];
    const restless = defineServer({
      init: () => ok(0, { continue: 1 }),
      terminate: () => void ends.push('terminated'),
    });
    await expect(system.awaitExit(system.spawn(restless))).resolves.toMatchObject({
      error: { message: expect.stringContaining('has no continue handler') },
    });
    expect(ends).toEqual(['terminated']);
    await system.stop();
  });
});

describe('terminate', () => {
  test('[GEN-026] is not called for a signal that is not trapped, nor for kill', async () => {
    const plain = await setUpServer();
    plain.system.exit(plain.ref.pid, boom);
    await expect(plain.gone).resolves.toEqual(boom);
    const trapping = await setUpServer({ trapExit: true });
    trapping.system.exit(trapping.ref.pid, exitReason.kill);
    await expect(trapping.gone).resolves.toEqual(exitReason.killed);
    expect([plain.terminated, trapping.terminated]).toEqual([[], []]);
    await plain.system.stop();
    await trapping.system.stop();
  });

  test.each<[string, () => void | Promise<void>]>([
    ['throws', throws],
    ['rejects', () => Promise.reject(error)],
  ])('[GEN-027] one that %s replaces the reason', async (_, terminate) => {
    const { system, ref, gone } = await setUpServer({ terminate });
    ref.cast.do((state) => stop(exitReason.normal, state));
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('[GEN-027] what it returns is ignored', async () => {
    const { system, ref, gone } = await setUpServer({ terminate: () => 42 as never });
    ref.cast.do((state) => stop(exitReason.shutdown, state));
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });

  test.each([exitReason.normal, exitReason.shutdown, boom])(
    '[GEN-028] [GEN-030] the parent’s EXIT %j is handled in its place among the messages, and ends a trapping server',
    async (reason) => {
      const { system, ref, gone, terminated } = await setUpServer({ trapExit: true });
      const before = ref.call.become('before');
      system.exit(ref.pid, reason);
      const after = reasonOf(ref.call.become('after'));
      await expect(before).resolves.toBe('done');
      await expect(gone).resolves.toEqual(reason);
      expect(terminated).toEqual([['before', reason]]);
      await expect(after).resolves.toEqual(reason);
      await system.stop();
    },
  );

  test('[GEN-028] EXIT from anybody else is a message', async () => {
    const { system, ref, warnings } = await setUpServer({ trapExit: true });
    const other = await system.start(probe, {});
    await other.call.run((self) => {
      self.exit(ref.pid, boom);
    });
    await ref.call.become('second');
    expect(warnings).toHaveLength(1);
    await system.stop();
  });

  test.each([false, true])(
    '[GEN-029] when its parent ends normal, a server (trapping: %p) stops only if it traps',
    async (trapExit) => {
      const system = quietSystem();
      const server = defineServer({ trapExit, init: () => ok(0) });
      const parent = await system.start(probe, {});
      const child = (await parent.call.run((self) => self.spawnLink(server))) as Pid;
      const gone = system.awaitExit(child);
      await reasonOf(parent.call.run((self) => self.exit(exitReason.normal)));
      await settle();
      expect(system.isAlive(child)).toBe(!trapExit);
      if (trapExit) await expect(gone).resolves.toEqual(exitReason.normal);
      await system.stop();
    },
  );

  test.each<[ExitReason, number]>([
    [exitReason.normal, 0],
    [exitReason.shutdown, 0],
    [exitReason.shutdownWith('idle'), 0],
    [boom, 1],
    [exitReason.timeout, 1],
  ])('[GEN-033] an end with %j writes so many reports: %d', async (reason, count) => {
    const { system, ref, gone, errors } = await setUpServer();
    ref.cast.do((state) => stop(reason, state));
    await gone;
    expect(errors).toHaveLength(count);
    await system.stop();
  });
});
