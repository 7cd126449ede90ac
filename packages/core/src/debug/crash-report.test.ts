import { describe, expect, test } from '@jest/globals';
import {
  createConsoleLogger,
  createSystem,
  defineServer,
  defineStatechart,
  defineTask,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
  stop,
  type CrashFields,
  type ExitReason,
  type LogLevel,
} from '../index.ts';
import { setup } from 'xstate';
import { probe, quietSystem, settle } from '../probe.fixture.ts';

interface Report {
  readonly text: string;
  readonly fields: CrashFields;
}

/** A system that keeps its crash reports. */
function setUp() {
  const reports: Report[] = [];
  const system = createSystem({
    logger: {
      ...silentLogger,
      error: (text: string, fields: object = {}) => {
        reports.push({ text, fields: fields as CrashFields });
      },
    },
  });
  return { system, reports };
}

function withoutTimes(text: string): string {
  return text.replaceAll(/\(\d+ ms ago\)/g, '(… ago)').replaceAll(/^ +at .*$\n?/gm, '');
}

const failing = defineServer({
  name: 'failing',
  init: () => ok('state'),
  call: { get: (state) => reply(state, state) },
  cast: {
    touch: (state) => noreply(state),
    fail: (_state, error: Error) => {
      throw error;
    },
    end: (state, reason: ExitReason) => stop(reason, state),
  },
});

describe('the report on a crash', () => {
  test('[RPT-005] [GEN-023] says what died and why, with the stack and its causes, and what it did last', async () => {
    const { system, reports } = setUp();
    const parent = await system.start(probe, { trapExit: true });
    const pid = (await parent.call.runNow((self) =>
      self.spawnLink(failing, undefined, { name: 'worker' }),
    )) as never;
    const root = new RangeError('too deep');
    const middle = new Error('no luck', { cause: root });
    const gone = system.awaitExit(pid);
    system.cast(pid, { type: 'touch' });
    system.cast(pid, { type: 'fail', arg: new TypeError('not a number', { cause: middle }) });
    system.send(pid, 'never handled');
    await gone;
    expect(reports).toHaveLength(1);
    const [{ text, fields } = { text: '', fields: {} }] = reports;
    expect(withoutTimes(text)).toBe(
      [
        'process <2> (worker) ended: error(TypeError: not a number)',
        '  what: genServer failing, started by <1>',
        '  state: {"handling":"fail"}, 1 message waiting',
        '  links: <1>',
        '  last messages:',
        '    cast touch (… ago)',
        '    cast fail (… ago)',
        '  TypeError: not a number',
        '  caused by: Error: no luck',
        '  caused by: RangeError: too deep',
        '',
      ].join('\n'),
    );
    expect(text).toMatch(/TypeError: not a number\n +at .*crash-report\.test\.ts/);
    expect(text).toMatch(/caused by: RangeError: too deep\n +at .*crash-report\.test\.ts/);
    expect(fields).toMatchObject({
      pid: '<2>',
      name: 'worker',
      label: 'failing',
      behaviour: 'genServer',
      parent: '<1>',
      reason: { kind: 'error', error: { message: 'not a number' } },
      stateValue: { handling: 'fail' },
      mailboxLength: 1,
      links: [parent.pid],
      recent: [
        { kind: 'cast', type: 'touch' },
        { kind: 'cast', type: 'fail' },
      ],
    });
  });

  test.each<[ExitReason]>([
    [exitReason.normal],
    [exitReason.shutdown],
    [exitReason.shutdownWith('enough')],
  ])('[RPT-005] [GEN-033] there is none for the clean reason %j', async (reason) => {
    const { system, reports } = setUp();
    const ref = await system.start(failing);
    const gone = system.awaitExit(ref.pid);
    ref.cast.end(reason);
    expect(await gone).toBe(reason);
    expect(reports).toEqual([]);
  });

  test('[RPT-005] [GEN-033] there is one for any other reason, of every kind of process', async () => {
    const { system, reports } = setUp();
    const boom = exitReason.custom({ kind: 'boom' });
    const chart = defineStatechart(
      setup({ actions: { explode: () => undefined } }).createMachine({
        id: 'chart',
        initial: 'on',
        states: { on: { on: { go: { actions: 'explode' } } } },
      }),
      { effects: (self) => ({ explode: () => self.exit(boom) }) },
    );
    const task = defineTask(() => Promise.reject(new Error('task')), { name: 'job' });
    const pids = [
      (await system.start(failing)).pid,
      system.spawn(chart),
      system.spawn(task),
    ] as const;
    const gone = Promise.all(pids.map((pid) => system.awaitExit(pid)));
    system.cast(pids[0], { type: 'end', arg: boom });
    system.send(pids[1], { type: 'go' });
    await gone;
    expect(reports.map(({ text }) => withoutTimes(text)).sort()).toEqual([
      [
        'process <1> (failing) ended: {"kind":"boom"}',
        '  what: genServer failing, started by <0>',
        '  state: {"handling":"end"}, 0 messages waiting',
        '  links: none',
        '  last messages:',
        '    cast end (… ago)',
      ].join('\n'),
      [
        'process <2> (chart) ended: {"kind":"boom"}',
        '  what: statechart chart, started by <0>',
        '  state: on, 0 messages waiting',
        '  links: none',
        '  last messages:',
        '    info go (… ago)',
      ].join('\n'),
      [
        'process <3> (job) ended: error(Error: task)',
        '  what: task job, started by <0>',
        '  state: running, 0 messages waiting',
        '  links: none',
        '  Error: task',
        '',
      ].join('\n'),
    ]);
  });

  test('[RPT-005] who dies of a signal, with or without trapping, has not crashed', async () => {
    const { system, reports } = setUp();
    const one = await system.start(failing);
    const other = await system.start(failing);
    const gone = Promise.all([one, other].map(({ pid }) => system.awaitExit(pid)));
    system.exit(one.pid, exitReason.kill);
    system.exit(other.pid, exitReason.custom('boom'));
    await gone;
    expect(reports).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['a text', 'text', '  text'],
    ['nothing', undefined, ''],
    ['a number', 7, '  7'],
    ['an object', { code: 7 }, '  {"code":7}'],
    [
      'what cannot be looked at',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('hands off');
          },
        },
      ),
      '  [object]',
    ],
  ])('what was thrown may be anything: %s', async (_what, thrown, shown) => {
    const { system, reports } = setUp();
    const ref = await system.start(failing);
    const gone = system.awaitExit(ref.pid);
    ref.cast.fail(thrown as Error);
    await gone;
    await settle();
    expect(reports).toHaveLength(1);
    expect(reports[0]?.text.split('\n').slice(6).join('\n')).toBe(shown);
  });

  test('causes that go round in a circle come to an end', async () => {
    const { system, reports } = setUp();
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    const ref = await system.start(failing);
    const gone = system.awaitExit(ref.pid);
    ref.cast.fail(first);
    await gone;
    expect(reports[0]?.text.match(/caused by/g)).toHaveLength(1);
  });

  test.each<[LogLevel, number]>([
    ['none', 0],
    ['error', 1],
  ])('is not made for a logger of the level %s: %i', async (level, count) => {
    const errors: unknown[] = [];
    let looks = 0;
    const error = new Error('boom');
    Object.defineProperty(error, 'stack', {
      get: () => {
        looks += 1;
        return 'stack';
      },
    });
    const system = quietSystem({
      logger: createConsoleLogger(level, {
        ...console,
        error: (...message: unknown[]) => errors.push(message),
      }),
    });
    const ref = await system.start(failing);
    const gone = system.awaitExit(ref.pid);
    ref.cast.fail(error);
    await gone;
    expect([errors.length, looks]).toEqual([count, count]);
  });
});
