import { describe, expect, test } from '@jest/globals';
import { idsIn } from '../../scripts/trace/ids.mjs';
import { testsInPython } from '../../scripts/trace/python-tests.mjs';
import { formatTrace, holdsEveryRule, traceOf } from '../../scripts/trace/report.mjs';
import { ruleIds } from '../../scripts/trace/rules.mjs';
import { taskIds } from '../../scripts/trace/tasks.mjs';
import { testsInTypeScript } from '../../scripts/trace/typescript-tests.mjs';

describe('idsIn', () => {
  test.each([
    ['[R1.3] ends', ['R1.3']],
    ['[SUP-017] [I2.2] both', ['SUP-017', 'I2.2']],
    ['[R1.3, R2.1] in one pair', ['R1.3', 'R2.1']],
    ['[WH-6] [T4.1] other kinds', ['WH-6', 'T4.1']],
    ['index [0], list [a, b], [R1.3 and more words]', []],
  ])('reads %j', (text, ids) => {
    expect(idsIn(text)).toEqual(ids);
  });
});

describe('testsInTypeScript', () => {
  test('reads plain, nested and templated tests, each once, with their lines', () => {
    const found = testsInTypeScript(`
describe('[R1.1] group', () => {
  test('[SUP-001] one (with a bracket', () => { f(/it's \\(/, "[R9.9]"); });
  it.each([
    ['a)', 1],
  ])('[R1.2] %s', () => {});
});
// test('[R5.5] not a test')
test.each\`
  a | b
\`('[R1.3] table', () => {});
test(\`no id\`, () => {});
`);
    expect(found).toEqual([
      { title: '[SUP-001] one (with a bracket', ids: ['R1.1', 'SUP-001'], line: 3 },
      { title: '[R1.2] %s', ids: ['R1.1', 'R1.2'], line: 4 },
      { title: '[R1.3] table', ids: ['R1.3'], line: 9 },
      { title: 'no id', ids: [], line: 12 },
    ]);
  });

  test('reads the ids that the rows of a table put into titles', () => {
    const found = testsInTypeScript(`
const rows: Row[] = [
  ['[WH-92] throws', () => [1], 'x'],
  ['[WH-93] exits', (a) => ['[R9.9] no title'], 'y'],
];
test.each(rows)('an init that %s', () => {});
test.each<[string, (a: A<B>) => C]>([
  ['WH-94', f],
])('[%s] is refused', () => {});
test.each(rows)('their number is no part of it', () => {});
`);
    expect(found).toEqual([
      { title: 'an init that %s', ids: ['WH-92', 'WH-93'], line: 6 },
      { title: '[%s] is refused', ids: ['WH-94'], line: 7 },
      { title: 'their number is no part of it', ids: [], line: 10 },
    ]);
  });

  test('does not take a method called test for one', () => {
    expect(testsInTypeScript(`/x/.test(value); pattern.test('[R1.1]');`)).toEqual([]);
  });
});

describe('testsInPython', () => {
  test('reads docstrings and comments, of the class as well', () => {
    const found = testsInPython(`
def helper():
    """[R9.9] not a test"""

def test_plain(tmp_path: Path) -> None:
    """[R3.1] ends with code 0."""

async def test_comment(
    a: int,
) -> None:
    # [R3.2]
    await a

class TestGroup:
    """[R3.3] all of them"""

    def test_inner(self) -> None:
        assert "[R9.9]"
`);
    expect(found).toEqual([
      { title: 'test_plain', ids: ['R3.1'], line: 5 },
      { title: 'test_comment', ids: ['R3.2'], line: 8 },
      { title: 'test_inner', ids: ['R3.3'], line: 17 },
    ]);
  });
});

describe('traceOf', () => {
  test('lists the tests of each id in order, and the criteria without one', () => {
    const trace = traceOf([
      { title: 'b', ids: ['SUP-010', 'R1.2'], line: 2, file: 'b.ts' },
      { title: 'a', ids: ['R1.2', 'SUP-9'], line: 1, file: 'a.ts' },
    ]);
    expect(Object.entries(trace.ids)).toEqual([
      ['R1.2', ['b.ts:2 b', 'a.ts:1 a']],
      ['SUP-9', ['a.ts:1 a']],
      ['SUP-010', ['b.ts:2 b']],
    ]);
    expect(trace.untested).toHaveLength(59);
    expect(formatTrace(trace)).toContain(
      '1 of 60 requirement criteria, 0 of 17 tasks and 1 of 260 rules of Erlang/OTP have a test.',
    );
  });

  test('lists the rules without a test, and ids that are no rule’s', () => {
    const trace = traceOf([
      { title: 'a', ids: ruleIds.filter((id) => id !== 'STR-004'), line: 1, file: 'a.ts' },
      { title: 'b', ids: ['STR-099', 'SUP-9', 'WH-6', 'R1.1'], line: 2, file: 'a.ts' },
    ]);
    expect(trace.untestedRules).toEqual(['STR-004']);
    expect(trace.unknown).toEqual(['STR-099', 'SUP-9']);
    expect(formatTrace(trace)).toContain('Rules without one: STR-004');
    expect(formatTrace(trace)).toContain('On a test, but of nothing: STR-099 SUP-9');
    expect(holdsEveryRule(trace)).toBe(false);
  });

  test('lists the criteria and the tasks without a test, and ids that are of neither', () => {
    const trace = traceOf([
      { title: 'a', ids: ['R1.1', 'R13.1', 'R2.6', 'T1.1'], line: 1, file: 'a.ts' },
      { title: 'b', ids: ['T5.3', 'T1.5', 'T6.1', 'I4.3', 'I4.9'], line: 2, file: 'a.ts' },
    ]);
    expect(trace.untested.slice(0, 2)).toEqual(['R1.2', 'R1.3']);
    expect(trace.untestedTasks).toEqual(taskIds.filter((id) => id !== 'T1.1' && id !== 'T5.3'));
    expect(trace.unknown).toEqual(['R2.6', 'R13.1', 'T1.5', 'T6.1']);
    expect(trace.ids['I4.3']).toEqual(['a.ts:2 b']);
    expect(formatTrace(trace)).toContain('Tasks without one: T1.2 T1.3 T1.4 T2.1');
    expect(holdsEveryRule(trace)).toBe(false);
  });

  test('holds every rule when each has a test and no other id is carried', () => {
    const all = { title: 'a', ids: ruleIds, line: 1, file: 'a.ts' };
    expect(holdsEveryRule(traceOf([all]))).toBe(true);
    expect(holdsEveryRule(traceOf([all, { ...all, ids: ['GEN-034'] }]))).toBe(false);
  });
});

test('rules are numbered without a gap', () => {
  expect(ruleIds).toHaveLength(260);
  expect(new Set(ruleIds).size).toBe(260);
  expect(ruleIds.slice(0, 2)).toEqual(['PRC-001', 'PRC-002']);
  expect(ruleIds.at(-1)).toBe('SYS-009');
});

test('tasks are those of five phases', () => {
  expect(taskIds).toHaveLength(17);
  expect([taskIds[0], taskIds.at(-1)]).toEqual(['T1.1', 'T5.3']);
});
