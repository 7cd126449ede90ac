import { describe, expect, test } from '@jest/globals';
import { compare, rulesFor, sideBySide } from './compare.ts';
import { playOurs } from './ours.ts';
import { readable } from './readable.ts';
import type { Branch, Scenario, Worker } from './scenario.ts';

function worker(id: string, more: Partial<Worker> = {}): Worker {
  return {
    kind: 'worker',
    id,
    restart: 'permanent',
    shutdown: 5_000,
    significant: false,
    temper: 'plain',
    by: 'process',
    name: 'none',
    starts: [],
    lastWill: 'none',
    ...more,
  };
}

function branch(children: Branch['children'], more: Partial<Branch> = {}): Branch {
  return {
    kind: 'supervisor',
    id: 's0',
    restart: 'permanent',
    shutdown: 'infinity',
    significant: false,
    strategy: 'oneForAll',
    intensity: 3,
    auto: 'never',
    children,
    ...more,
  };
}

const scenario: Scenario = {
  tree: branch([worker('w0'), worker('w1', { temper: 'trapping' })]),
  steps: [
    { do: 'finish', id: 'w0', how: 'stop', reason: 'boom' },
    { do: 'call', call: 'restart_child', on: 's0', kind: 'supervisor', id: 'w1' },
  ],
};

/** What Erlang/OTP 25 writes for this scenario. */
const otp = [
  'step start',
  'start s0#1 ok',
  'start w0#1 ok',
  'start w1#1 ok',
  '> ok s0#1',
  'step 1',
  'term w0#1 boom',
  'end w0#1 boom',
  'report s0#1 child_terminated w0 (boom) w0#1',
  'term w1#1 shutdown',
  'end w1#1 shutdown',
  'start w0#2 ok',
  'start w1#2 ok',
  'step 2',
  '> s0 restart_child w1: error running',
  'step end',
  '> s0 which_children: [ w1 w1#2 worker; w0 w0#2 worker; ]',
  '> s0 count_children: specs 2 active 2 supervisors 0 workers 2',
  'term w1#2 shutdown',
  'end w1#2 shutdown',
  'end w0#2 shutdown',
  'end s0#1 shutdown',
];

function swapped(first: string, second: string): string[] {
  return otp.map((line) => (line === first ? second : line === second ? first : line));
}

describe('our side', () => {
  test('[STR-007] [SUP-018] [RPT-002] [SHD-001] writes what Erlang/OTP writes', async () => {
    expect(await playOurs(scenario)).toEqual(otp);
  });

  test('[SUP-010] [STR-016] [STR-017] while a supervisor is held, what comes queues up in order', async () => {
    const tree = branch([worker('w0', { starts: ['ok', ['stop', 'oops']] })], {
      strategy: 'oneForOne',
    });
    const about = { do: 'call', on: 's0', kind: 'supervisor', id: 'w0' } as const;
    const log = await playOurs({
      tree,
      steps: [
        {
          do: 'hold',
          on: 's0',
          kind: 'supervisor',
          steps: [
            { do: 'signal', id: 'w0', reason: 'kill' },
            { ...about, call: 'restart_child' },
            { ...about, call: 'terminate_child' },
            { ...about, call: 'delete_child' },
          ],
        },
      ],
    });
    expect(log.slice(log.indexOf('step 1'), log.indexOf('step end'))).toEqual([
      'step 1',
      'end w0#1 killed',
      'report s0#1 child_terminated w0 (killed) w0#1',
      'start w0#2 stop oops',
      'report s0#1 start_error w0 (oops) w0#1',
      '> s0 hold: ok undefined',
      '> s0 restart_child w0: error restarting',
      '> s0 terminate_child w0: ok',
      '> s0 delete_child w0: ok',
    ]);
  });
});

describe('compare', () => {
  test('equal logs are the same', () => {
    expect(compare(scenario, otp, otp)).toMatchObject({ same: true });
  });

  const planted: readonly (readonly [string, readonly string[]])[] = [
    ['a sibling that is not restarted', otp.filter((line) => line !== 'start w1#2 ok')],
    ['starts in the wrong order', swapped('start w0#2 ok', 'start w1#2 ok')],
    ['stops in the wrong order', swapped('end w1#2 shutdown', 'end w0#2 shutdown')],
    ['another reason', otp.map((line) => line.replace('end w1#1 shutdown', 'end w1#1 killed'))],
    ['a report that is missing', otp.filter((line) => !line.startsWith('report '))],
    ['a terminate callback too few', otp.filter((line) => line !== 'term w1#2 shutdown')],
    ['another answer', otp.map((line) => line.replace('error running', 'ok w1#2'))],
    ['another count', otp.map((line) => line.replace('active 2', 'active 1'))],
    ['a log that ends early', otp.slice(0, -1)],
  ];
  test.each(planted)('finds %s', (_, log) => {
    const verdict = compare(scenario, otp, log);
    expect(verdict.same).toBe(false);
    expect(rulesFor(verdict.otp, verdict.ours)).not.toEqual([]);
    expect(sideBySide(verdict.otp, verdict.ours)).toMatch(/ \| ?/);
  });

  test('[SUP-014] [SUP-004] what is in the table is written alike, and counted', () => {
    const met = new Map<string, number>();
    const theirs = [
      'step 1',
      '> s0 start_child x: error start_failed already_started w0#1',
      '> s0 start_child y: error start_failed EXIT error crash',
    ];
    const ours = [
      'step 1',
      '> s0 start_child x: error already_started w0#1',
      '> s0 start_child y: error start_failed error crash',
    ];
    expect(compare(scenario, theirs, ours, met).same).toBe(true);
    expect([...met]).toEqual([
      ['taken-name-unwrapped', 1],
      ['start-function-raises', 1],
    ]);
  });

  test('[MSG-002] an excuse is taken only where two supervisors are at work at the same time', () => {
    const tree = branch([branch([worker('w1')], { id: 's1' }), worker('w0')]);
    const nested: Scenario = { tree, steps: [] };
    const above = 'report s0#1 child_terminated w0 (boom) w0#1';
    const below = 'report s1#1 start_error w1 (boom) w1#1';
    const both = ['step 1', above, 'start w1#2 thenStop normal', below];
    expect(compare(nested, both, ['step 1'])).toMatchObject({ excuse: 'retry-overtaken' });
    for (const left of [above, 'start w1#2 thenStop normal', below]) {
      const log = both.filter((line) => line !== left);
      expect(compare(nested, log, ['step 1'])).toMatchObject({ same: false, excuse: undefined });
    }
    const reversed = [
      'step 1',
      'report s1#1 child_terminated w1 (boom) w1#1',
      'start w1#2 thenStop normal',
      'report s0#1 start_error w0 (boom) w0#1',
    ];
    expect(compare(nested, reversed, ['step 1'])).toMatchObject({ excuse: 'retry-overtaken' });
  });
});

test('a scenario can be read', () => {
  const tree = branch([
    worker('w0', { starts: ['ok', ['stop', 'boom']], name: 'shared', lastWill: 'w1' }),
    worker('w1', { by: 'function', temper: ['contrary', 'oops'], significant: true }),
  ]);
  const hold = { do: 'hold', on: 's0', kind: 'supervisor' } as const;
  const call = { do: 'call', on: 's0', kind: 'supervisor' } as const;
  const text = readable({
    tree,
    steps: [
      { ...hold, steps: [{ do: 'unlink', id: 'w0' }] },
      { do: 'junk', id: 's0', how: 'call' },
      { ...call, call: 'which_children' },
    ],
  });
  expect(text.split('\n')).toEqual([
    's0: oneForAll, intensity 3, autoShutdown never (permanent, shutdown infinity)',
    '  w0: permanent, shutdown 5000, plain, named shared, kills w1 when stopped, starts: ok, stop boom',
    '  w1: permanent, shutdown 5000, significant, contrary oops, by a start function, starts: ',
    '1. while s0 is held:',
    '   -. w0 removes its link',
    '2. s0 gets an unknown call',
    '3. s0 which_children',
  ]);
});
