import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exitReason, sys } from '@snakepit/core';
import { Supervisor, type SupervisorRef } from '@snakepit/supervisor';
import { consistencyOf, consistent, RacedTree } from './raced-tree.ts';
import { replayable, replayPath } from './replayable.ts';

const boom = exitReason.custom('boom');
const ids = ['a', 'b', 'c'];

/** What a tree is to be: its children in order, up or down; requests are carried out in the order they were made. */
class Model {
  children: { readonly id: string; readonly isUp: boolean }[] = [];
  isSuspended = false;
  readonly answers = new Map<string, string>();

  /** Carries out a request; gives its answer. */
  request(verb: Verb, id: string): string {
    const known = this.children.find((child) => child.id === id);
    const others = this.children.filter((child) => child !== known);
    if (verb === 'start') {
      if (known !== undefined) return known.isUp ? 'alreadyStarted' : 'alreadyPresent';
      this.children.push({ id, isUp: true });
      return 'ok';
    }
    if (known === undefined) return 'notFound';
    if (verb !== 'terminate' && known.isUp) return 'running';
    const isUp = verb === 'restart';
    this.children =
      verb === 'delete' ? others : this.children.map((one) => (one === known ? { id, isUp } : one));
    return 'ok';
  }
}

type Verb = 'start' | 'terminate' | 'restart' | 'delete';

interface Real {
  readonly raced: RacedTree;
  readonly tree: SupervisorRef;
}

type TreeCommand = fc.AsyncCommand<Model, Real>;

function requested(verb: Verb, id: string): TreeCommand {
  return {
    check: () => true,
    run: async (model, { raced, tree }) => {
      const call = {
        start: () => Supervisor.startChild(tree, raced.child(id)),
        terminate: () => Supervisor.terminateChild(tree, id),
        restart: () => Supervisor.restartChild(tree, id),
        delete: () => Supervisor.deleteChild(tree, id),
      }[verb];
      const caller = raced.ask(`${verb} ${id}`, call);
      model.answers.set(caller, model.request(verb, id));
      await agree(model, { raced, tree });
    },
    toString: () => `${verb} ${id}`,
  };
}

/** A child ends by itself, or is killed: permanent as it is, it is there again. */
function ended(id: string, how: 'crash' | 'kill'): TreeCommand {
  return {
    check: () => true,
    run: async (model, real) => {
      const { system } = real.raced;
      const pid = system.whereis(id);
      if (pid !== undefined && how === 'crash') system.send(pid, { endWith: boom });
      if (pid !== undefined && how === 'kill') system.exit(pid, exitReason.kill);
      await agree(model, real);
    },
    toString: () => `${how} ${id}`,
  };
}

function held(isSuspended: boolean): TreeCommand {
  return {
    check: (model) => model.isSuspended !== isSuspended,
    run: async (model, real) => {
      model.isSuspended = isSuspended;
      const { raced, tree } = real;
      await (isSuspended
        ? sys.suspend(raced.system, tree.pid)
        : sys.resume(raced.system, tree.pid));
      await agree(model, real);
    },
    toString: () => (isSuspended ? 'suspend' : 'resume'),
  };
}

/** When all is quiet and nobody is held, the tree is as the model says. */
async function agree(model: Model, { raced, tree }: Real): Promise<void> {
  await raced.rest();
  if (model.isSuspended) return;
  expect([...raced.answers].map(([caller, told]) => [caller, ...told])).toEqual(
    [...model.answers].map(([caller, answer]) => [caller, answer]),
  );
  const list = await Supervisor.whichChildren(tree);
  expect([...list].reverse().map(({ id, pid }) => ({ id, isUp: pid !== undefined }))).toEqual(
    model.children,
  );
  expect(await consistencyOf(tree, raced)).toEqual(consistent);
}

/** After the end: nobody is left, nothing is pending, no name is taken, and every end was told once. */
async function isClean(raced: RacedTree): Promise<void> {
  await raced.rest();
  const once = new Map(raced.began.map((pid) => [pid, 1]));
  expect(new Map([...raced.downs].sort(byPid))).toEqual(new Map([...once].sort(byPid)));
  expect(new Map([...raced.exits].sort(byPid))).toEqual(new Map([...once].sort(byPid)));
  expect(ids.filter((id) => raced.system.whereis(id) !== undefined)).toEqual([]);
  expect([...raced.answers].filter(([, told]) => told.length !== 1)).toEqual([]);
  expect(await raced.close()).toEqual({ processes: 0, timers: 0 });
}

function byPid([a]: readonly [{ id: number }, number], [b]: readonly [{ id: number }, number]) {
  return a.id - b.id;
}

describe('a tree and many callers', () => {
  const verb = fc.constantFrom<Verb[]>('start', 'terminate', 'restart', 'delete', 'start');
  const id = fc.constantFrom(...ids);
  const request = fc.tuple(verb, id).map((one) => requested(...one));
  const end = fc.tuple(id, fc.constantFrom('crash' as const, 'kill' as const));
  const commands = fc.commands(
    [
      request,
      request,
      request,
      end.map((one) => ended(...one)),
      end.map((one) => ended(...one)),
      fc.boolean().map((isSuspended) => held(isSuspended)),
    ],
    { maxCommands: 40, size: 'large', ...replayPath() },
  );

  test('[SUP-010] [SUP-011] [SYS-003] [SYS-004] requests are carried out in order, whoever dies meanwhile, held or not', async () => {
    const run = fc.asyncProperty(commands, async (sequence) => {
      const raced = new RacedTree();
      const tree = await Supervisor.start(raced.system, { maxRestarts: 1_000, children: [] });
      const model = new Model();
      await fc.asyncModelRun(() => ({ model, real: { raced, tree } }), sequence);
      if (model.isSuspended) await held(false).run(model, { raced, tree });
      await Supervisor.stop(tree);
      await isClean(raced);
    });
    await fc.assert(run, replayable(150));
  }, 300_000);
});

type Blow =
  | { readonly what: Verb | 'crash' | 'kill' | 'list'; readonly id: string }
  | { readonly what: 'tick' | 'suspend' | 'resume'; readonly id: string };

describe('whatever settles first', () => {
  const blows = fc.array(
    fc.record({
      what: fc.constantFrom<Blow['what'][]>(
        ...(['start', 'start', 'terminate', 'restart', 'delete', 'crash', 'kill'] as const),
        ...(['crash', 'list', 'tick', 'suspend', 'resume'] as const),
      ),
      id: fc.constantFrom(...ids),
    }),
    { maxLength: 12, size: 'max' },
  );
  const strategy = fc.constantFrom(
    'oneForOne' as const,
    'oneForAll' as const,
    'restForOne' as const,
  );
  const ending = fc.constantFrom('stop' as const, 'parent' as const, 'kill' as const);

  function strike({ what, id }: Blow, raced: RacedTree, tree: SupervisorRef): void {
    const { system } = raced;
    switch (what) {
      case 'crash':
      case 'kill': {
        const pid = system.whereis(id);
        if (pid === undefined) return;
        if (what === 'kill') system.exit(pid, exitReason.kill);
        else system.send(pid, { endWith: boom });
        return;
      }
      case 'list':
        raced.ask(what, () => Supervisor.whichChildren(tree));
        return;
      case 'tick':
        void raced.clock.advance(5_000);
        return;
      case 'suspend':
      case 'resume':
        raced.ask(what, () => sys[what](system, tree.pid, { timeout: Infinity }));
        return;
      case 'start':
        raced.ask(what, () => Supervisor.startChild(tree, raced.child(id)));
        return;
      case 'terminate':
        raced.ask(what, () => Supervisor.terminateChild(tree, id));
        return;
      case 'restart':
        raced.ask(what, () => Supervisor.restartChild(tree, id));
        return;
      case 'delete':
        raced.ask(what, () => Supervisor.deleteChild(tree, id));
    }
  }

  test('[SHD-001] [PRC-022] nobody is left, every caller has one answer, every end is told once', async () => {
    const run = fc.asyncProperty(
      fc.scheduler(),
      blows,
      strategy,
      ending,
      async (scheduler, struck, how, end) => {
        const raced = new RacedTree((label) => scheduler.schedule(Promise.resolve(), label));
        const started = Supervisor.start(raced.system, {
          strategy: how,
          maxRestarts: 3,
          children: [raced.child('a'), raced.child('b', { restart: 'transient' })],
        });
        const tree = await settled(scheduler, raced, started);
        raced.begun(tree.pid);
        scheduler.scheduleSequence(
          struck.map((blow) => ({
            label: `${blow.what} ${blow.id}`,
            builder: async () => {
              if (raced.system.isAlive(tree.pid)) strike(blow, raced, tree);
              await raced.rest();
            },
          })),
        );
        await quiet(scheduler, raced);
        if (raced.system.isAlive(tree.pid)) {
          await settled(scheduler, raced, sys.resume(raced.system, tree.pid));
          await quiet(scheduler, raced);
          if (raced.system.isAlive(tree.pid)) {
            expect(await consistencyOf(tree, raced)).toEqual(consistent);
          }
        }
        const gone = raced.system.awaitExit(tree.pid);
        if (end === 'stop') void Supervisor.stop(tree);
        else raced.system.exit(tree.pid, end === 'kill' ? exitReason.kill : boom);
        // Who comes too late learns of the end.
        strike({ what: 'list', id: '' }, raced, tree);
        strike({ what: 'start', id: 'c' }, raced, tree);
        await settled(scheduler, raced, gone);
        await quiet(scheduler, raced);
        await isClean(raced);
      },
    );
    await fc.assert(run, replayable(150));
  }, 300_000);

  /** Lets the scheduler settle all there is, in its order, until nothing more comes. */
  async function quiet(scheduler: fc.Scheduler, raced: RacedTree): Promise<void> {
    do {
      await scheduler.waitIdle();
      await raced.rest();
    } while (scheduler.count() > 0);
  }

  /** What a promise brings; the scheduler settles what it waits for. */
  async function settled<T>(scheduler: fc.Scheduler, raced: RacedTree, promise: Promise<T>) {
    await raced.rest();
    await quiet(scheduler, raced);
    return promise;
  }
});

describe('replayable', () => {
  test('a failure is repeated by its seed and path', () => {
    const env = { FC_SEED: '5', FC_PATH: '1:0', FC_RUNS: '7' };
    expect(replayable(9, env)).toEqual({ numRuns: 7, seed: 5, path: '1:0', endOnFailure: true });
    expect(replayable(9, {})).toMatchObject({ numRuns: 9 });
    expect(replayPath({ FC_REPLAY: 'AB:C' })).toEqual({ replayPath: 'AB:C' });
    expect(() => replayable(9, { FC_SEED: 'x' })).toThrow('FC_SEED and FC_RUNS must be whole');
  });
});
