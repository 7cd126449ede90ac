import { describe, expect, test } from '@jest/globals';
import { createActor, createMachine } from 'xstate';
import { defineServer, defineStatechart, defineTask, ok } from '../index.ts';
import { probe, quietSystem } from '../probe.fixture.ts';
import type { ProcessContext } from '../process/process-context.ts';

class Counter {
  n = 0;
}

const machine = createMachine({ id: 'lamp' });
const config = { id: 'lamp', initial: 'on', states: { on: {} } };
const init = (): ReturnType<typeof ok> => ok(0);

/** What is thrown by a caller whom no compiler stops. */
function thrownBy(attempt: () => unknown): { code: string; message: string } {
  try {
    attempt();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('nothing was thrown');
}

/** Both lines of the message of an INVALID_ARGUMENT. */
function refused(attempt: () => unknown): string[] {
  const { code, message } = thrownBy(attempt);
  expect(code).toBe('INVALID_ARGUMENT');
  return message.split('\n');
}

describe('defineServer', () => {
  test.each<[unknown, string, string]>([
    [undefined, 'the options of defineServer() undefined', 'it must be an object'],
    [Counter, 'the options of defineServer() function Counter', 'it must be an object'],
    [{}, 'the option init of defineServer(), undefined', 'a function (input, self) => ok(state)'],
    [{ name: 'c', init: 0 }, 'the option init of the GenServer "c", 0', 'a function (input, self)'],
    [{ name: 5, init }, 'the option name of defineServer(), 5', 'a string that is not empty'],
    [{ name: '', init }, 'the option name of the GenServer "", ""', 'a string that is not empty'],
    [{ trapExit: 'yes', init }, 'the option trapExit of defineServer(), "yes"', 'true or false'],
    [{ init, call: [1] }, 'the option call.0 of defineServer(), 1', 'a function (state, argument'],
    [{ init, call: 1 }, 'the option call of defineServer(), 1', 'an object of functions by name'],
    [{ init, cast: { up: {} } }, 'the option cast.up of defineServer(), {}', 'a function (state,'],
    [{ init, info: null }, 'the option info of defineServer(), null', 'a function (state, message'],
    [{ init, calls: {} }, 'the option calls of defineServer(), {}', 'there is no such option'],
  ])('refuses %p', (definition, what, fault) => {
    const [first] = refused(() => defineServer(definition as never));
    expect(first).toMatch(`${what} cannot be used: `);
    expect(first).toMatch(fault);
  });

  test('says which options there are', () => {
    const [, remedy] = refused(() => defineServer({ init, handleInfo: init } as never));
    expect(remedy).toBe(
      'Remedy: There are: name, trapExit, init, call, cast, info, continue, terminate.',
    );
  });
});

describe('defineStatechart', () => {
  test.each<[unknown, unknown, string, string]>([
    [undefined, {}, 'the machine of defineStatechart() undefined', 'what createMachine() returned'],
    [config, {}, 'the machine of defineStatechart() {"id"', 'the configuration of one'],
    [probe, {}, 'the machine of defineStatechart() {"kind"', 'what createMachine() returned'],
    [machine, { name: 1 }, 'the option name of the statechart "lamp", 1', 'Correct name'],
    [
      machine,
      { effects: {} },
      'the option effects of the statechart "lamp", {}',
      'Correct effects',
    ],
    [
      machine,
      { actions: {} },
      'the option actions of the statechart "lamp", {}',
      'There are: name',
    ],
    [machine, null, 'the options of the statechart "lamp" null', 'Give { name, '],
  ])('refuses %p with %p', (given, options, what, remedy) => {
    const lines = refused(() => defineStatechart(given as never, options as never));
    expect(lines[0]).toMatch(what);
    expect(lines[1]).toMatch(remedy);
  });

  test('refuses a machine of another copy of XState, whose insides it does not know', () => {
    const foreign = Object.assign({}, machine) as never;
    const lines = refused(() => defineStatechart(foreign));
    expect(lines[0]).toMatch('defineStatechart() "lamp" cannot be used: it was made by another');
    expect(lines[1]).toMatch('Install xstate in exactly the version');
  });
});

describe('defineTask', () => {
  test.each<[unknown, unknown, string]>([
    [undefined, undefined, 'the work of a task undefined'],
    [Promise.resolve(), undefined, 'the work of a task {}'],
    [() => 1, { name: Symbol('job') }, 'the option name of defineTask(), Symbol(job)'],
    [() => 1, 'job', 'the options of defineTask() "job"'],
  ])('refuses %p with %p', (work, options, what) => {
    const [first] = refused(() => defineTask(work as never, options as never));
    expect(first).toMatch(`${what} cannot be used: `);
  });
});

describe('what is spawned', () => {
  const nonsense: [name: string, logic: unknown, remedy: string][] = [
    ['nothing', undefined, 'Give what defineServer'],
    ['null', null, 'Give what defineServer'],
    ['a name', 'counter', 'Give what defineServer'],
    ['an empty object', {}, 'Give what defineServer'],
    ['a class', Counter, 'a class is described by defineServer'],
    ['a function', () => 1, 'Give defineTask(fn) to run a function'],
    ['a promise', Promise.resolve(probe), 'It is a promise: await it first.'],
    ['a definition', { init }, 'give defineServer(definition)'],
    ['a configuration', config, 'It is the configuration of a machine'],
    ['an actor', createActor(machine), 'It is an actor that exists already'],
  ];

  test.each(nonsense)('may not be %s', async (_name, logic, remedy) => {
    const system = quietSystem();
    const other = await system.start(probe, {});
    const bySelf = await other.call.runNow((self: ProcessContext) => [
      refused(() => self.spawn(logic as never)),
      refused(() => self.spawnLink(logic as never)),
      refused(() => self.startLink(logic as never, undefined, {}, () => undefined)),
    ]);
    const byStart = await system.start(logic as never).catch((error: unknown) => error);
    const all = [
      refused(() => system.spawn(logic as never, undefined, { name: 'taken' })),
      refused(() => {
        throw byStart as Error;
      }),
      ...(bySelf as string[][]),
    ];
    for (const lines of all) {
      expect(lines[0]).toMatch('it is nothing that can be spawned');
      expect(lines[1]).toMatch(remedy);
    }
    expect([...system.processes()].map(({ pid }) => pid)).toEqual([other.pid]);
    expect(system.whereis('taken')).toBeUndefined();
    await system.stop();
  });

  test('may not be a reference', async () => {
    const system = quietSystem();
    const ref = await system.start(probe, {});
    const [, remedy] = refused(() => system.spawn(ref as never));
    expect(remedy).toMatch('It is a reference to a process that runs');
    await system.stop();
  });
});
