import { describe, expect, test } from '@jest/globals';
import {
  Agent,
  createTestClock,
  exitReason,
  Registry,
  type AgentRef,
  type Pid,
  type ProcessContext,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const error = new Error('boom');
const fails = (): never => {
  throw error;
};

async function startCounter(initial = 1) {
  const system = quietSystem();
  const counter = await Agent.start(system, () => initial, { name: 'counter' });
  return { system, counter, gone: system.awaitExit(counter.pid) };
}

describe('an agent', () => {
  test('gives, replaces, and does both in one step', async () => {
    const { system, counter } = await startCounter();
    await expect(Agent.get(counter, (n) => n)).resolves.toBe(1);
    await expect(Agent.update(counter, (n) => n + 1)).resolves.toBeUndefined();
    await expect(Agent.getAndUpdate(counter, (n) => [`was ${n}`, n * 10])).resolves.toBe('was 2');
    Agent.cast(counter, (n) => n + 1);
    await expect(Agent.get(counter, (n) => n)).resolves.toBe(21);
    expect(system.processInfo(counter.pid)).toMatchObject({
      name: 'counter',
      label: 'agent',
      behaviour: 'genServer',
      state: 21,
    });
    await system.stop();
  });

  test('[GEN-001] waits for what is async: the first state, and every function', async () => {
    const system = quietSystem();
    const later = async <T>(value: T): Promise<T> => {
      await settle(1);
      return value;
    };
    const agent = await Agent.start(system, () => later(['a']));
    Agent.cast(agent, (list) => later([...list, 'b']));
    const updated = Agent.update(agent, (list) => later([...list, 'c']));
    const taken = Agent.getAndUpdate(agent, (list) => later([list.length, []] as const));
    await expect(Agent.get(agent, (list) => later(list.length))).resolves.toBe(0);
    await expect(Promise.all([updated, taken])).resolves.toEqual([undefined, 3]);
    await system.stop();
  });

  test('runs the functions in its own process, one at a time', async () => {
    const { system, counter } = await startCounter();
    const turns: unknown[] = [];
    await Agent.get(counter, () => turns.push(system.processInfo(counter.pid)?.status));
    expect(turns).toEqual(['running']);
    await system.stop();
  });

  test.each<[string, (counter: AgentRef<number>) => Promise<unknown>]>([
    ['get', (counter) => Agent.get(counter, fails)],
    ['update', (counter) => Agent.update(counter, fails)],
    ['getAndUpdate', (counter) => Agent.getAndUpdate(counter, fails)],
    ['an async get', (counter) => Agent.get(counter, () => Promise.reject(error))],
  ])('[GEN-023] ends with what a function of %s throws, and so does the call', async (_, ask) => {
    const { system, counter, gone } = await startCounter();
    await expect(reasonOf(ask(counter))).resolves.toEqual(exitReason.error(error));
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('[GEN-023] ends with what a function of a cast throws', async () => {
    const { system, counter, gone } = await startCounter();
    Agent.cast(counter, fails);
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test.each([[undefined], [[1]], [[1, 2, 3]], ['ab']])(
    '[GEN-024] getAndUpdate that gives %p is a bad return value',
    async (junk) => {
      const { system, counter, gone } = await startCounter();
      const bad = exitReason.badReturn(junk);
      await expect(reasonOf(Agent.getAndUpdate(counter, () => junk as never))).resolves.toEqual(
        bad,
      );
      await expect(gone).resolves.toEqual(bad);
      await system.stop();
    },
  );

  test('[GEN-015] a call that takes too long fails; the function runs on', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const agent = await Agent.start(system, () => 'first');
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const update = Agent.update(agent, () => finished.then(() => 'second'), { timeout: 100 });
    const failed = reasonOf(update);
    await clock.advance(100);
    await expect(failed).resolves.toEqual(exitReason.timeout);
    finish();
    await expect(Agent.get(agent, (state) => state)).resolves.toBe('second');
    await system.stop();
  });
});

describe('start', () => {
  test('[GEN-006] fails with what the first function throws; the name is free again', async () => {
    const { system, counter } = await startCounter();
    await expect(reasonOf(Agent.start(system, fails, { name: 'b' }))).resolves.toEqual(
      exitReason.error(error),
    );
    expect(system.whereis('b')).toBeUndefined();
    await expect(reasonOf(Agent.start(system, () => 0, { name: 'counter' }))).resolves.toEqual(
      exitReason.alreadyStarted(counter.pid),
    );
    await system.stop();
  });

  test('links where it is asked to', async () => {
    const { system } = await startCounter();
    const starter = await system.start(probe, {});
    const agent = await Agent.start(system, () => 0, { link: starter.pid });
    system.exit(starter.pid, exitReason.kill);
    await expect(system.awaitExit(agent.pid)).resolves.toEqual(exitReason.killed);
    await system.stop();
  });

  test('as any behaviour, with a reference by name', async () => {
    const system = quietSystem();
    const starter = await system.start(probe, {});
    const pid = (await starter.call.runNow((self) =>
      self.spawnLink(Agent, () => 5, { name: 'five' }),
    )) as Pid;
    const agent = Agent.at<number>(system, 'five');
    expect(agent.pid).toBe(pid);
    await expect(Agent.get(agent, (n) => n)).resolves.toBe(5);
    await system.stop();
  });

  test('[NAM-006] by a key of a registry, and by a reference', async () => {
    const system = quietSystem();
    await Registry.start(system, { name: 'r', keys: 'unique' });
    const name = { via: ['r', 'counter'] } as const;
    const agent = await Agent.start(system, () => 5, { name });
    for (const target of [name, agent, agent.pid]) {
      const same = Agent.at<number>(system, target);
      expect(same.pid).toBe(agent.pid);
      await expect(Agent.get(same, (n) => n)).resolves.toBe(5);
    }
    await system.stop();
  });
});

describe('stop', () => {
  test('[GEN-030] ends when it has done what was asked before; gives the reason', async () => {
    const { system, counter } = await startCounter();
    const seen: unknown[] = [];
    Agent.cast(counter, (n) => n + 1);
    void Agent.get(counter, (n) => seen.push(n));
    await expect(Agent.stop(counter)).resolves.toEqual(exitReason.normal);
    expect(seen).toEqual([2]);
    await expect(Agent.stop(counter)).resolves.toEqual(exitReason.noproc);
    const other = await Agent.start(system, () => 0);
    await expect(Agent.stop(other, exitReason.shutdown)).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });

  test('[GEN-016] who is gone cannot be asked; a cast is dropped', async () => {
    const { system, counter } = await startCounter();
    const byName = Agent.at<number>(system, 'counter');
    await Agent.stop(counter);
    for (const ref of [counter, byName]) {
      await expect(reasonOf(Agent.get(ref, (n) => n))).resolves.toEqual(exitReason.noproc);
      Agent.cast(ref, (n) => n);
      await expect(Agent.stop(ref)).resolves.toEqual(exitReason.noproc);
    }
    expect(() => byName.pid).toThrow('agent counter: noproc');
    await system.stop();
  });
});

describe('what is no function', () => {
  test('is refused where it is given, and harms no agent', async () => {
    const { system, counter } = await startCounter();
    const no = 5 as never;
    const refusal = {
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(
        'what an agent is to do 5 cannot be used: it must be a function',
      ),
    };
    await expect(Agent.get(counter, no)).rejects.toMatchObject(refusal);
    await expect(Agent.update(counter, no)).rejects.toMatchObject(refusal);
    await expect(Agent.getAndUpdate(counter, no)).rejects.toMatchObject(refusal);
    expect(() => {
      Agent.cast(counter, no);
    }).toThrow(expect.objectContaining(refusal));
    await expect(reasonOf(Agent.start(system, no))).resolves.toMatchObject({
      error: { message: expect.stringContaining('the first state of an agent 5') },
    });
    await expect(Agent.get(counter, (n) => n)).resolves.toBe(1);
    await system.stop();
  });
});

test('what is no exit reason is refused where it is given, and ends no agent', async () => {
  const { system, counter } = await startCounter();
  await expect(Agent.stop(counter, 'normal' as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('the exit reason "normal" cannot be used'),
  });
  await expect(Agent.get(counter, (n) => n)).resolves.toBe(1);
  await system.stop();
});

test('[PRC-022] what a process asks an agent and does not wait for is no affair of the host', async () => {
  const { system, counter } = await startCounter();
  const asker = await system.start(probe, {});
  await asker.call
    .runNow((self: ProcessContext) => {
      void Agent.get(counter, fails);
      self.exit(self.pid, exitReason.kill);
    })
    .catch(() => undefined);
  await settle();
  expect([system.isAlive(asker.pid), system.isAlive(counter.pid)]).toEqual([false, false]);
  await system.stop();
});
