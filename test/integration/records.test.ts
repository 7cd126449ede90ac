import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  defineServer,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
  type ActorSystem,
  type LifeRecord,
  type Pid,
  type ProcessContext,
  type TestClock,
} from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from '@snakepit/supervisor';

// Who processes are across restarts, what happened in their lives, and what is known of one: on real trees.

const member = defineServer({
  name: 'member',
  init: (name: string) => ok(name),
  call: { name: (name: string) => reply(name, name) },
  cast: {
    fail: (name: string): never => {
      throw new Error(`${name} broke`);
    },
    wait: async (name: string) => {
      await new Promise(() => undefined);
      return noreply(name);
    },
  },
});

const child = (id: string) => ({ id, start: [member, id] as const });

interface Scene {
  readonly system: ActorSystem;
  readonly clock: TestClock;
}

async function onATree(work: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = createTestClock();
  const system = createSystem({ logger: silentLogger, clock });
  try {
    await Supervisor.start(system, {
      name: 'root',
      strategy: 'oneForOne',
      children: [
        child('store'),
        {
          id: 'pools',
          start: [
            Supervisor,
            {
              name: 'pools',
              strategy: 'oneForOne',
              maxRestarts: 2,
              maxSeconds: 5,
              children: [child('a/b'), child('w1')],
            },
          ],
        },
      ],
    });
    await work({ system, clock });
  } finally {
    await system.stop();
  }
}

function at(system: ActorSystem, path: string): Pid {
  for (const { pid } of system.processes()) {
    if (system.records.identityOf(pid)?.path === path) return pid;
  }
  throw new Error(`nobody is ${path}`);
}

async function fail({ system, clock }: Scene, path: string): Promise<void> {
  system.cast(at(system, path), { type: 'fail' });
  await clock.advance(0);
}

function told({ what, path, incarnation, reason }: LifeRecord): string {
  const why = reason?.kind === undefined ? '' : ` ${reason.kind}`;
  return `${what} ${path} ${String(incarnation)}${why}`;
}

describe('who a process is', () => {
  test('[I6.6] is the names above it, its child id and which one of that it is; it survives restarts', () =>
    onATree(async (scene) => {
      const { system } = scene;
      const paths = Array.from(
        system.processes(),
        ({ pid }) => system.records.identityOf(pid)?.path,
      );
      expect(paths).toEqual([
        'root',
        'root/store',
        'root/pools',
        'root/pools/a%2Fb',
        'root/pools/w1',
      ]);
      const first = at(system, 'root/pools/w1');
      await fail(scene, 'root/pools/w1');
      const second = at(system, 'root/pools/w1');
      expect(second).not.toBe(first);
      expect(system.records.identityOf(second)).toEqual({ path: 'root/pools/w1', incarnation: 2 });
      expect(system.records.identityOf(first)).toEqual({ path: 'root/pools/w1', incarnation: 1 });
    }));

  test('goes on counting when a supervisor is restarted, while lives are recorded', () =>
    onATree(async (scene) => {
      const { system, clock } = scene;
      const end = system.records.recordLife();
      await fail(scene, 'root/pools/w1');
      system.exit(at(system, 'root/pools'), exitReason.kill);
      await clock.advance(0);
      expect(system.records.identityOf(at(system, 'root/pools'))?.incarnation).toBe(2);
      expect(system.records.identityOf(at(system, 'root/pools/w1'))?.incarnation).toBe(3);
      end();
    }));

  test('of dynamic children is their id, with their place where several have the same', async () => {
    const system = createSystem({ logger: silentLogger });
    const tree = await DynamicSupervisor.start(system, { name: 'rooms' });
    for (const id of ['lobby', 'lobby', 'cellar']) {
      await DynamicSupervisor.startChild(tree, child(id));
    }
    const paths = Array.from(system.processes(), ({ pid }) => system.records.identityOf(pid)?.path);
    expect(paths).toEqual(['rooms', 'rooms/lobby#0', 'rooms/lobby#1', 'rooms/cellar']);
    await system.stop();
  });

  test('of a process that nobody supervises is its name, or its label and pid', async () => {
    const system = createSystem({ logger: silentLogger });
    const parent = defineServer({
      name: 'parent',
      init: (_: undefined, self: ProcessContext) => {
        self.spawn(member, 'x');
        return ok(0);
      },
    });
    await system.start(parent, undefined, { name: 'named' });
    const paths = Array.from(system.processes(), ({ pid }) => system.records.identityOf(pid)?.path);
    expect(paths).toEqual(['named', 'named/member<2>']);
    await system.stop();
  });
});

describe('a recording of lives', () => {
  test('[I6.6] tells of starts, ends with reasons, restarts with what they followed, and giving up', () =>
    onATree(async (scene) => {
      const { system, clock } = scene;
      const end = system.records.recordLife();
      await fail(scene, 'root/pools/w1');
      await clock.advance(100);
      await fail(scene, 'root/pools/w1');
      await fail(scene, 'root/pools/w1');
      const { records, dropped } = system.records.lifeSince(0);
      expect(records.map(told)).toEqual([
        'exited root/pools/w1 1 error',
        'restarted root/pools/w1 2 error',
        'exited root/pools/w1 2 error',
        'restarted root/pools/w1 3 error',
        'exited root/pools/w1 3 error',
        'gaveUp root/pools 1',
        'exited root/pools/a%2Fb 1 shutdown',
        'exited root/pools 1 shutdown',
        'started root/pools/a%2Fb 2',
        'started root/pools/w1 4',
        'restarted root/pools 2 shutdown',
      ]);
      expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
      expect(records[1]).toMatchObject({ at: 0, afterMs: 0, supervisor: 3 });
      expect(dropped).toBe(0);
      expect(system.records.lifeSince(11).records).toHaveLength(1);
      end();
      expect(system.records.lifeSince(0).records).toEqual([]);
      expect(system.telemetry.enabled('snakepit.process.exited')).toBe(false);
    }));

  test('[I6.6] tells of each restart what it followed, not what came after it in the same moment', () =>
    onATree(async (scene) => {
      const { system, clock } = scene;
      const end = system.records.recordLife();
      await fail(scene, 'root/store');
      system.exit(at(system, 'root/store'), exitReason.kill);
      await clock.advance(0);
      expect(system.records.lifeSince(0).records.map(told)).toEqual([
        'exited root/store 1 error',
        'restarted root/store 2 error',
        'exited root/store 2 killed',
        'restarted root/store 3 killed',
      ]);
      end();
    }));

  test('[I6.6] keeps what happened before something went wrong, and announces it', () =>
    onATree(async (scene) => {
      const { system, clock } = scene;
      const announced: unknown[] = [];
      system.telemetry.on('snakepit.observation.incident', (_, metadata) => {
        announced.push(metadata);
      });
      system.records.recordLife();
      system.records.recordMessages();
      await fail(scene, 'root/store');
      await clock.advance(40_000);
      for (let count = 0; count < 3; count++) await fail(scene, 'root/pools/w1');
      expect(announced).toMatchObject([
        { id: 1, path: 'root/store' },
        { id: 2, path: 'root/pools/w1' },
        { id: 3, path: 'root/pools', title: 'supervisor pools gave up: too many restarts' },
      ]);
      const [store, w1, pools] = system.records.incidents;
      expect(store?.title).toMatch(/^<\d+> ended: error\(Error: store broke\)$/);
      expect(store?.life.map(told)[0]).toBe('exited root/store 1 error');
      expect(store?.messages.filter(({ outcome }) => outcome === 'crashed')).toHaveLength(1);
      // What is older than 30 s is not in it.
      expect(w1?.life.map(told)[0]).toBe('exited root/pools/w1 1 error');
      expect(pools?.life.map(({ what }) => what)).toContain('gaveUp');
      const asked = system.records.keepIncident('it looked odd');
      expect(system.records.incidents.at(-1)).toBe(asked);
    }));

  test('keeps 20 incidents, the last ones', async () => {
    const system = createSystem({ logger: silentLogger });
    for (let count = 1; count <= 25; count++) system.records.keepIncident(String(count));
    expect(system.records.incidents.map(({ id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 6),
    );
    await system.stop();
  });
});

describe('the description of a process', () => {
  test('[I6.6] of a supervisor has its children, and the restarts that count, below, full and exceeded', () =>
    onATree(async (scene) => {
      const { system, clock } = scene;
      system.records.recordLife();
      const pools = at(system, 'root/pools');
      const windowOf = () => system.records.describeProcess(pools)?.restartWindow;
      expect(windowOf()).toEqual({ maxRestarts: 2, maxSeconds: 5, standing: 'below', entries: [] });
      await clock.advance(1_500);
      await fail(scene, 'root/pools/w1');
      expect(windowOf()).toMatchObject({
        standing: 'below',
        entries: [{ at: 1_000, childId: 'w1', reason: { kind: 'error' } }],
      });
      await clock.advance(2_000);
      await fail(scene, 'root/pools/a%2Fb');
      expect(windowOf()).toMatchObject({
        standing: 'full',
        entries: [
          { at: 1_000, childId: 'w1' },
          { at: 3_000, childId: 'a/b' },
        ],
      });
      const details = system.records.describeProcess(pools);
      expect(details).toMatchObject({ strategy: 'oneForOne', trapExit: true });
      expect(details?.children.map(({ id, status, starts }) => [id, status, starts])).toEqual([
        ['a/b', 'running', 2],
        ['w1', 'running', 2],
      ]);
      expect(details?.machine?.id).toBe('supervisor');
      expect(details?.activeStates).toContain('supervisor');
      expect(details?.child).toMatchObject({
        id: 'pools',
        type: 'supervisor',
        restart: 'permanent',
      });
    }));

  test('[I6.6] has what waits for it, whom it is bound to, and since when it is busy', () =>
    onATree(async ({ system, clock }) => {
      const store = at(system, 'root/store');
      const root = at(system, 'root');
      system.cast(store, { type: 'wait' });
      await clock.advance(0);
      await clock.advance(2_000);
      const late = { type: 'name' };
      system.cast(store, late);
      const details = system.records.describeProcess(store);
      expect(details).toMatchObject({
        path: 'root/store',
        incarnation: 1,
        context: 'store',
        trapExit: false,
        mailbox: [{ kind: 'cast', event: 'name', message: late }],
        child: { id: 'store', status: 'running', restart: 'permanent', shutdown: 5_000 },
      });
      expect(details?.info.status).toBe('busy');
      expect(details?.info.linkedPids).toEqual([root]);
      expect(details?.lastEvent?.event).toBe('wait');
      expect(details?.busySince).toBe(0);
      system.exit(store, exitReason.kill);
      await clock.advance(0);
      expect(system.records.describeProcess(store)).toBeUndefined();
    }));
});
