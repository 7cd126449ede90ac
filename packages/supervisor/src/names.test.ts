import { describe, expect, test } from '@jest/globals';
import {
  Agent,
  createSystem,
  createTestClock,
  defineServer,
  exitReason,
  ok,
  Registry,
  reply,
  silentLogger,
  type ActorSystem,
  type Logger,
  type ViaName,
} from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from './index.ts';

const worker = defineServer({
  name: 'worker',
  init: (n: number) => ok(n),
  call: { get: (n) => reply(n, n) },
});

const first: ViaName = { via: ['names', ['worker', 1]] };
const root: ViaName = { via: ['names', 'root'] };

async function startNames(logger: Logger = silentLogger) {
  const system = createSystem({ logger, clock: createTestClock() });
  await Registry.start(system, { name: 'names', keys: 'unique' });
  return system;
}

/** When somebody else has the name. */
async function successorOf(system: ActorSystem, name: ViaName): Promise<unknown> {
  const before = system.whereis(name);
  const started = new Promise((resolve) => {
    system.telemetry.on('snakepit.supervisor.child.restarted', (_, { pid }) => {
      resolve(pid);
    });
  });
  if (before !== undefined) system.exit(before, exitReason.kill);
  return started;
}

describe('names by a registry', () => {
  test('[NAM-006] [RGY-006] a supervisor and its children are called so, and found after every restart', async () => {
    const system = await startNames();
    const tree = await Supervisor.start(system, {
      name: root,
      children: [{ id: 1, name: first, start: [worker, 7] }],
    });
    expect(system.whereis(root)).toBe(tree.pid);
    expect(system.processInfo(tree.pid)?.name).toBe('names["root"]');
    const again = await successorOf(system, first);
    expect(system.whereis(first)).toBe(again);
    await expect(system.call(first, { type: 'get' })).resolves.toBe(7);
    // By its name, as by its pid.
    const same = Supervisor.at(system, root);
    expect(same.pid).toBe(tree.pid);
    await expect(Supervisor.countChildren(same)).resolves.toMatchObject({ active: 1 });
    await expect(Supervisor.stop(same)).resolves.toEqual(exitReason.shutdown);
    expect([system.whereis(root), system.whereis(first)]).toEqual([undefined, undefined]);
    expect(() => same.pid).toThrow('supervisor {"via":["names","root"]}: noproc');
    await system.stop();
  });

  test('[NAM-004] a taken one fails the child with the holder’s pid', async () => {
    const system = await startNames();
    const holder = await system.start(worker, 1, { name: first });
    const jobs = await DynamicSupervisor.start(system, { name: { via: ['names', 'jobs'] } });
    expect(system.whereis({ via: ['names', 'jobs'] })).toBe(jobs.pid);
    const spec = { id: 1, name: first, start: [worker, 2] } as const;
    await expect(DynamicSupervisor.startChild(jobs, spec)).resolves.toEqual({
      ok: false,
      error: { kind: 'alreadyStarted', pid: holder.pid },
    });
    await expect(Supervisor.start(system, { name: first })).rejects.toMatchObject({
      reason: exitReason.alreadyStarted(holder.pid),
      message: `start of supervisor: alreadyStarted(${holder.pid.toString()})`,
    });
    await system.stop();
  });

  test('a registry that does not run fails the child, and its supervisor says so', async () => {
    const system = await startNames();
    const name: ViaName = { via: ['nowhere', 1] };
    const started = Supervisor.start(system, {
      name: root,
      children: [{ id: 'lost', name, start: [worker, 1] }],
    });
    await expect(started).rejects.toMatchObject({
      message: expect.stringMatching(
        /^supervisor names\["root"\]: child "lost" failed to start: .*the registry "nowhere" cannot be used/s,
      ),
    });
    await system.stop();
  });

  test('reports tell them', async () => {
    const errors: string[] = [];
    const system = await startNames({ ...silentLogger, error: (message) => errors.push(message) });
    await Supervisor.start(system, {
      name: root,
      maxRestarts: 0,
      children: [{ id: 1, name: first, start: [worker, 7] }],
    });
    const pid = system.whereis(root);
    const gone = pid && system.awaitExit(pid);
    const child = system.whereis(first);
    if (child !== undefined) system.exit(child, exitReason.kill);
    await gone;
    expect(errors.filter((message) => message.includes('names["root"]'))).not.toEqual([]);
    await system.stop();
  });

  test.each([{ via: 'names' }, { via: ['names'] }, { via: [1, 2] }, {}, ''])(
    '%j is refused before anything is started',
    async (name) => {
      const system = await startNames();
      const children = [{ id: 1, name: name as string, start: [worker, 7] as const }];
      await expect(Supervisor.start(system, { children })).rejects.toThrow(
        'child 1: name must be a string that is not empty, or { via: [registry, key] }; got',
      );
      await system.stop();
    },
  );
});

describe('a registry and an agent as children', () => {
  test('[RGY-010] are started under their names, and started again like any child', async () => {
    const system = createSystem({ logger: silentLogger });
    const tree = await Supervisor.start(system, {
      strategy: 'restForOne',
      children: [
        { id: 'names', start: [Registry, { name: 'names', keys: 'unique' }], type: 'supervisor' },
        { id: 'count', name: { via: ['names', 'count'] }, start: [Agent, () => 1] },
      ],
    });
    const count = Agent.at<number>(system, { via: ['names', 'count'] });
    await Agent.update(count, (n) => n + 1);
    await expect(Agent.get(count, (n) => n)).resolves.toBe(2);
    const restarted = new Promise<void>((resolve) => {
      system.telemetry.on('snakepit.supervisor.child.restarted', (_, { id }) => {
        if (id === 'count') resolve();
      });
    });
    const registry = system.whereis('names');
    if (registry !== undefined) system.exit(registry, exitReason.kill);
    await restarted;
    expect(system.whereis('names')).not.toBe(registry);
    await expect(Agent.get(count, (n) => n)).resolves.toBe(1);
    await Supervisor.stop(tree);
    expect([...system.processes()]).toEqual([]);
    await system.stop();
  });

  test('a registry with a faulty option fails the start of its supervisor, which names the fault', async () => {
    const system = createSystem({ logger: silentLogger });
    const started = Supervisor.start(system, {
      children: [{ id: 'names', start: [Registry, { name: 'names', keys: 'bag' }] }],
    });
    await expect(started).rejects.toThrow(
      `registry "names": the option keys "bag" cannot be used: it must be 'unique' or 'duplicate'`,
    );
    await system.stop();
  });
});
