import { describe, expect, test } from '@jest/globals';
import { checkChildSpec } from './child-spec.ts';
import { checkDynamicOptions } from './dynamic-options.ts';
import { backoffDelayMs, backoffPlan } from './restart-backoff.ts';
import { checkSupervisorOptions } from './supervisor-options.ts';

const backoff = { initialMs: 100, maxMs: 1_000 };

describe('backoffDelayMs', () => {
  test('doubles from the first restart in a row on, up to the longest wait', () => {
    const plan = backoffPlan(backoff);
    if (plan === null) throw new Error('there is one');
    expect([1, 2, 3, 4, 5, 6, 5_000].map((inARow) => backoffDelayMs(plan, inARow))).toEqual([
      100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
  });

  test('a factor of 1 waits always the same', () => {
    const plan = backoffPlan({ ...backoff, factor: 1 });
    if (plan === null) throw new Error('there is one');
    expect([1, 2, 50].map((inARow) => backoffDelayMs(plan, inARow))).toEqual([100, 100, 100]);
  });
});

describe('options', () => {
  test('without them nothing waits, and only the intensity counts', () => {
    expect(checkSupervisorOptions({})).toMatchObject({ plan: { backoff: null } });
    expect(checkDynamicOptions({})).toMatchObject({ plan: { backoff: null } });
  });

  test('defaults of a backoff; Infinity never begins anew', () => {
    const plan = { ...backoff, factor: 2, jitter: 0, resetAfterMs: 10_000 };
    expect(backoffPlan(backoff)).toEqual(plan);
    expect(backoffPlan({ ...backoff, resetAfterMs: Infinity })).toEqual({
      ...plan,
      resetAfterMs: null,
    });
  });

  test.each<[string, unknown, string]>([
    ['a word', 'fast', 'backoff must be an object { initialMs, maxMs, … }; got "fast"'],
    ['a list', [], 'backoff must be an object { initialMs, maxMs, … }; got []'],
    ['nothing in it', {}, 'backoff.initialMs must be a number of milliseconds > 0; got undefined'],
    [
      'no wait',
      { initialMs: 0, maxMs: 1 },
      'backoff.initialMs must be a number of milliseconds > 0; got 0',
    ],
    [
      'text for a number',
      { initialMs: '100', maxMs: 1 },
      'backoff.initialMs must be a number of milliseconds > 0; got "100"',
    ],
    [
      'the longest wait below the first',
      { initialMs: 10, maxMs: 9 },
      'backoff.maxMs must be a number of milliseconds, not below backoff.initialMs (10); got 9',
    ],
    [
      'no end',
      { initialMs: 10, maxMs: Infinity },
      'backoff.maxMs must be a number of milliseconds, not below backoff.initialMs (10); got Infinity',
    ],
    [
      'shorter and shorter',
      { ...backoff, factor: 0.5 },
      'backoff.factor must be a number ≥ 1; got 0.5',
    ],
    [
      'too much chance',
      { ...backoff, jitter: 1.1 },
      'backoff.jitter must be a number from 0 to 1; got 1.1',
    ],
    [
      'not a number',
      { ...backoff, resetAfterMs: NaN },
      'backoff.resetAfterMs must be a number of milliseconds ≥ 0, or Infinity; got NaN',
    ],
    [
      'no source of chance',
      { ...backoff, random: 0.5 },
      'backoff.random must be a function that gives numbers from 0 to 1; got 0.5',
    ],
  ])('a backoff that is %s is refused', (_, given, message) => {
    for (const check of [checkSupervisorOptions, checkDynamicOptions]) {
      expect(check({ backoff: given })).toMatchObject({
        ok: false,
        fault: { kind: 'supervisorData', fault: { kind: 'invalidBackoff', message } },
      });
    }
  });

  test.each<[unknown, string]>([
    [3, 'budget must be an object { maxRestarts, maxSeconds }; got 3'],
    [{ maxSeconds: 5 }, 'budget.maxRestarts must be a whole number ≥ 0; got undefined'],
    [{ maxRestarts: -1, maxSeconds: 5 }, 'budget.maxRestarts must be a whole number ≥ 0; got -1'],
    [
      { maxRestarts: 1, maxSeconds: 0 },
      'budget.maxSeconds must be a whole number of seconds ≥ 1; got 0',
    ],
  ])('the budget %j is refused', (budget, message) => {
    for (const check of [checkSupervisorOptions, checkDynamicOptions]) {
      expect(check({ budget })).toMatchObject({
        fault: { fault: { kind: 'invalidBudget', message } },
      });
    }
    expect(checkChildSpec({ id: 'a', start: () => undefined, budget })).toMatchObject({
      fault: { kind: 'invalidBudget', message: `child "a": ${message}` },
    });
  });

  test('a temporary child has no use for a budget of its own; that of the supervisor is not for it', () => {
    const budget = { maxRestarts: 1, maxSeconds: 5 };
    const spec = { id: 'a', start: () => undefined, restart: 'temporary' };
    expect(checkChildSpec({ ...spec, budget })).toMatchObject({
      fault: {
        kind: 'badCombination',
        message: 'child "a": a temporary child is never restarted, so it has no use for a budget',
      },
    });
    const checked = checkChildSpec(spec, 'never', budget);
    expect(checked.ok && checked.spec.budget).toBeUndefined();
  });

  test("a child's own budget goes before the supervisor's", () => {
    const [own, all] = [
      { maxRestarts: 1, maxSeconds: 5 },
      { maxRestarts: 9, maxSeconds: 60 },
    ];
    const spec = { id: 'a', start: () => undefined };
    expect(checkChildSpec(spec, 'never', all)).toMatchObject({ spec: { budget: all } });
    expect(checkChildSpec({ ...spec, budget: own }, 'never', all)).toMatchObject({
      spec: { budget: own },
    });
  });
});
