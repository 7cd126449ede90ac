import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ordered, segmentsOf } from './canonical.ts';
import { differencesFile, differencesPage } from './differences-page.ts';
import { differences, notPlayed } from './differences.ts';
import { chosen, inherent } from './inherent-differences.ts';
import type { Branch, Scenario, Worker } from './scenario.ts';

const child = { restart: 'permanent', significant: false } as const;
const worker = (id: string): Worker => ({
  ...child,
  kind: 'worker',
  id,
  shutdown: 5_000,
  temper: 'plain',
  by: 'process',
  name: 'none',
  starts: [],
  lastWill: 'none',
});
const inner: Branch = {
  ...child,
  kind: 'supervisor',
  id: 's1',
  shutdown: 'brutalKill',
  strategy: 'oneForOne',
  intensity: 0,
  auto: 'never',
  children: [worker('w1'), worker('w2')],
};
const scenario: Scenario = {
  tree: {
    ...inner,
    id: 's0',
    children: [
      inner,
      worker('w0'),
      {
        ...child,
        kind: 'dynamic',
        id: 's2',
        shutdown: 'infinity',
        intensity: 0,
        template: { restart: 'permanent', shutdown: 0 },
      },
    ],
  },
  steps: [
    { do: 'call', call: 'start_child', on: 's2', kind: 'dynamic', child: worker('x1') },
    { do: 'call', call: 'start_child', on: 's2', kind: 'dynamic', child: worker('x2') },
  ],
};
const starts = ['s0', 's1', 'w1', 'w2', 'w0', 's2', 'x1', 'x2'].map((id) => `start ${id}#1 ok`);

function canonical(...events: string[]): readonly string[] {
  const segments = segmentsOf(['step start', ...starts, 'step 1', ...events]);
  return ordered(segments, scenario)[1]?.events ?? [];
}

describe('ordered', () => {
  test('[SHD-001] keeps the order of a stop', () => {
    const events = ['end w0#1 shutdown', 'end w2#1 shutdown', 'end w1#1 shutdown'];
    expect(canonical(...events)).toEqual(events);
  });

  test('[SHD-011] whose supervisor was killed comes last, by process', () => {
    const main = ['end s1#1 killed', 'start s1#2 ok'];
    const orphans = ['end w1#1 killed', 'term w2#1 killed', 'end w2#1 killed'];
    const [killed = '', again = ''] = main;
    const [first = '', ...second] = orphans;
    expect(canonical(killed, ...second, again, first)).toEqual([...main, ...orphans]);
    expect(canonical(killed, first, again, ...second)).toEqual([...main, ...orphans]);
  });

  test('[SHD-011] an orphan stays one when its grandparent dies later', () => {
    const events = ['end s1#1 killed', 'end w2#1 killed', 'end s0#1 shutdown', 'end w1#1 killed'];
    expect(canonical(...events)).toEqual([
      'end s1#1 killed',
      'end s0#1 shutdown',
      'end w1#1 killed',
      'end w2#1 killed',
    ]);
  });

  test('[DYN-008] [DYN-019] the ends of a dynamic supervisor’s children are sorted', () => {
    expect(canonical('end x2#1 shutdown', 'end x1#1 shutdown', 'end s2#1 shutdown')).toEqual([
      'end x1#1 shutdown',
      'end x2#1 shutdown',
      'end s2#1 shutdown',
    ]);
  });

  test('[DYN-004] [DYN-018] so is its list, but no other', () => {
    const segments = segmentsOf([
      'step 1',
      '> s2 which_children: [ - x2#1 worker; - x1#1 worker; ]',
      '> s0 which_children: [ w0 w0#1 worker; s1 s1#1 supervisor; ]',
    ]);
    expect(ordered(segments, scenario)[0]?.answers).toEqual([
      's2 which_children: [; - x1#1 worker; - x2#1 worker ]',
      's0 which_children: [ w0 w0#1 worker; s1 s1#1 supervisor; ]',
    ]);
  });

  test('[SUP-008] supervisors that work at the same time keep each its own order', () => {
    const own = ['start w1#2 killing w2', 'end w2#1 killed', 'start w2#2 ok'];
    const outer = ['start w0#2 ok', 'end w0#2 boom'];
    const [first = '', second = '', third = ''] = own;
    const expected = canonical(...own, ...outer);
    expect(canonical(first, ...outer, second, third)).toEqual(expected);
    expect(canonical(second, first, third, ...outer)).not.toEqual(expected);
  });

  test('a log that does not begin with a step is refused', () => {
    expect(() => segmentsOf(['start s0#1 ok'])).toThrow('the log begins with: start s0#1 ok');
  });
});

describe('the table of differences', () => {
  test('names each once, with its rules', () => {
    const ids = differences.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { rules } of [...differences, ...notPlayed, ...inherent, ...chosen]) {
      expect(rules.length).toBeGreaterThan(0);
      for (const rule of rules) expect(rule).toMatch(/^[A-Z]{3,4}-\d{3}$/);
    }
  });

  test('has every rule that one thread of JavaScript cannot keep', () => {
    const said = new Set(inherent.flatMap(({ rules }) => rules));
    const wanted = [
      ...['PRC-005', 'PRC-019', 'PRC-021', 'PRC-022', 'PRC-023', 'MSG-002', 'MSG-007'],
      ...['TMR-006', 'TMR-007', 'GEN-001', 'GEN-011', 'SPEC-003', 'SPEC-014', 'SUP-004'],
      ...['SUP-010', 'STR-019', 'SHD-003', 'RGY-004', 'APP-011'],
    ];
    expect(wanted.filter((rule) => !said.has(rule))).toEqual([]);
  });

  test('docs/otp-differences.md is made from it', async () => {
    expect(readFileSync(differencesFile, 'utf8')).toBe(await differencesPage());
  });
});
