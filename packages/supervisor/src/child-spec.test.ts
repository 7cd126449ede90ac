import { describe, expect, test } from '@jest/globals';
import { defineServer, ok } from '@snakepit/core';
import { fromPromise } from 'xstate';
import { keyOfId } from './child-id.ts';
import { checkChildSpec, checkStartList } from './child-spec.ts';
import { checkSupervisorOptions } from './supervisor-options.ts';

const server = defineServer({ init: () => ok(0) });
const good = { id: 'a', start: [server] } as const;

function faultOf(spec: unknown, autoShutdown: 'never' | 'anySignificant' = 'never') {
  const checked = checkChildSpec(spec, autoShutdown);
  return checked.ok ? undefined : checked.fault;
}

function optionsFault(options: unknown) {
  const checked = checkSupervisorOptions(options);
  return checked.ok ? undefined : checked.fault;
}

describe('flags', () => {
  test('[SPEC-001] defaults: oneForOne, 3 restarts (as in Elixir) in 5 seconds, never', () => {
    expect(checkSupervisorOptions({})).toMatchObject({
      ok: true,
      plan: { strategy: 'oneForOne', intensity: 3, period: 5, autoShutdown: 'never', list: [] },
    });
  });

  test.each(['oneForOne', 'oneForAll', 'restForOne'])(
    '[SPEC-002] strategy %s is valid',
    (strategy) => {
      expect(checkSupervisorOptions({ strategy }).ok).toBe(true);
    },
  );

  test.each<[string, unknown, string, string]>([
    [
      'SPEC-002',
      { strategy: 'oneForTwo' },
      'invalidStrategy',
      `strategy must be 'oneForOne', 'oneForAll', 'restForOne'; got "oneForTwo"`,
    ],
    [
      'SPEC-003',
      { maxRestarts: -1 },
      'invalidIntensity',
      'maxRestarts must be a whole number ≥ 0; got -1',
    ],
    ['SPEC-003', { maxRestarts: 1.5 }, 'invalidIntensity', 'got 1.5'],
    ['SPEC-003', { maxRestarts: 'infinity' }, 'invalidIntensity', 'got "infinity"'],
    [
      'SPEC-004',
      { maxSeconds: 0 },
      'invalidPeriod',
      'maxSeconds must be a whole number of seconds ≥ 1; got 0',
    ],
    ['SPEC-004', { maxSeconds: -5 }, 'invalidPeriod', 'got -5'],
    ['SPEC-004', { maxSeconds: 1.5 }, 'invalidPeriod', 'got 1.5'],
    ['SPEC-004', { maxSeconds: Infinity }, 'invalidPeriod', 'got Infinity'],
    [
      'SPEC-005',
      { autoShutdown: 'always' },
      'invalidAutoShutdown',
      `autoShutdown must be 'never', 'anySignificant', 'allSignificant'; got "always"`,
    ],
    ['SPEC-005', 'options', 'invalidType', 'supervisor options are an object'],
    ['SPEC-005', { children: {} }, 'invalidChildren', 'children must be a list'],
  ])('[%s] %j is refused as %s', (_rule, options, kind, message) => {
    const fault = optionsFault(options);
    expect(fault).toMatchObject({ kind: 'supervisorData', fault: { kind } });
    expect(fault?.fault.message).toContain(message);
  });

  test('[SPEC-003] 0 and 2.0 are fine', () => {
    expect(checkSupervisorOptions({ maxRestarts: 0 }).ok).toBe(true);
    expect(checkSupervisorOptions({ maxRestarts: 2.0 }).ok).toBe(true);
  });

  test('[SPEC-005] unknown keys are ignored', () => {
    expect(checkSupervisorOptions({ maxRestart: 'typo' }).ok).toBe(true);
  });

  test('[SPEC-006] the first fault counts: strategy, intensity, period, autoShutdown, then children', () => {
    const given = Object.entries({
      strategy: 'x',
      maxRestarts: -1,
      maxSeconds: 0,
      autoShutdown: 'x',
      children: [{}],
    });
    // Each time the fault that was found is taken away.
    const kinds = given.map(
      (_, at) => optionsFault(Object.fromEntries(given.slice(at)))?.fault.kind,
    );
    expect(kinds).toEqual([
      'invalidStrategy',
      'invalidIntensity',
      'invalidPeriod',
      'invalidAutoShutdown',
      'missingId',
    ]);
  });
});

describe('child specs', () => {
  test('[SPEC-008] defaults', () => {
    expect(checkChildSpec(good)).toMatchObject({
      ok: true,
      spec: { restart: 'permanent', type: 'worker', significant: false, shutdown: 5_000 },
    });
    expect(checkChildSpec({ ...good, type: 'supervisor' })).toMatchObject({
      spec: { shutdown: 'infinity' },
    });
  });

  test.each<[string, unknown, string, string]>([
    ['SPEC-007', { start: [server] }, 'missingId', 'a child spec needs an id'],
    ['SPEC-007', { id: 'a' }, 'missingStart', 'child "a" needs start'],
    ['SPEC-007', 'spec', 'invalidChildSpec', 'a child spec is an object'],
    ['SPEC-007', ['a', server], 'invalidChildSpec', 'a child spec is an object'],
    [
      'SPEC-009',
      { ...good, restart: 'always' },
      'invalidRestartType',
      `restart must be 'permanent', 'transient' or 'temporary'; got "always"`,
    ],
    [
      'SPEC-009',
      { ...good, type: 'boss' },
      'invalidChildType',
      `type must be 'worker' or 'supervisor'; got "boss"`,
    ],
    ['SPEC-010', { ...good, shutdown: -1 }, 'invalidShutdown', 'got -1'],
    ['SPEC-010', { ...good, shutdown: 1.5 }, 'invalidShutdown', 'got 1.5'],
    ['SPEC-010', { ...good, shutdown: 'kill' }, 'invalidShutdown', `'infinity' or 'brutalKill'`],
    [
      'SPEC-011',
      { id: 'a', start: 'server' },
      'invalidStart',
      'start must be [behaviour, input] or a function',
    ],
    ['SPEC-011', { id: 'a', start: [] }, 'invalidStart', 'got []'],
    ['SPEC-011', { id: 'a', start: [server, 1, 2] }, 'invalidStart', 'start must be'],
    ['SPEC-011', { id: 'a', start: [{}] }, 'invalidStart', 'start must be'],
    [
      'SPEC-012',
      { ...good, significant: 'yes' },
      'invalidSignificant',
      'significant must be true or false; got "yes"',
    ],
    ['SPEC-014', { ...good, id: () => 0 }, 'invalidId', 'id must be a string'],
    ['SPEC-014', { ...good, id: [Symbol('x')] }, 'invalidId', 'id must be'],
    ['SPEC-007', { ...good, name: '' }, 'invalidName', 'name must be a string that is not empty'],
  ])('[%s] %p is refused as %s', (_rule, spec, kind, message) => {
    const fault = faultOf(spec);
    expect(fault?.kind).toBe(kind);
    expect(fault?.message).toContain(message);
  });

  test.each([0, 1, 'infinity', 'brutalKill'])(
    '[SPEC-010] shutdown %s is fine for both types',
    (shutdown) => {
      for (const type of ['worker', 'supervisor']) {
        expect(faultOf({ ...good, shutdown, type })).toBeUndefined();
      }
    },
  );

  test('[SPEC-011] bare XState logic and a function can be started', () => {
    expect(faultOf({ id: 'a', start: [fromPromise(() => Promise.resolve(1))] })).toBeUndefined();
    expect(faultOf({ id: 'a', start: () => ({ ok: true, pid: undefined }) })).toBeUndefined();
  });

  test('[SPEC-012] significant needs an autoShutdown, and a child that is not permanent', () => {
    const significant = { ...good, significant: true };
    expect(faultOf(significant)).toMatchObject({
      kind: 'badCombination',
      value: { autoShutdown: 'never', significant: true },
    });
    expect(faultOf(significant, 'anySignificant')).toMatchObject({
      kind: 'badCombination',
      value: { restart: 'permanent', significant: true },
    });
    expect(faultOf({ ...significant, restart: 'transient' }, 'anySignificant')).toBeUndefined();
  });

  test('the first fault counts: id, start, restart, significant, type, shutdown', () => {
    const all: Record<string, unknown> = { restart: 'x', significant: 1, type: 'x', shutdown: 'x' };
    const repairs: [string, unknown][] = [
      ['id', 'a'],
      ['start', [server]],
      ['restart', 'temporary'],
      ['significant', false],
      ['type', 'worker'],
      ['shutdown', 0],
    ];
    const kinds = repairs.map(([key, value]) => {
      const kind = faultOf(all)?.kind;
      all[key] = value;
      return kind;
    });
    expect(kinds).toEqual([
      'missingId',
      'missingStart',
      'invalidRestartType',
      'invalidSignificant',
      'invalidChildType',
      'invalidShutdown',
    ]);
    expect(faultOf(all)).toBeUndefined();
  });

  test('[SPEC-013] two equal ids are a fault of the list', () => {
    const list = [good, { ...good, id: ['x', 1] }, { ...good, id: ['x', 1] }];
    expect(checkStartList(list, 'never')).toMatchObject({
      ok: false,
      fault: { kind: 'duplicateChildName', value: ['x', 1] },
    });
  });

  test('a value that cannot be shown is named by its type', () => {
    expect(faultOf({ ...good, shutdown: 10n })?.message).toContain('got [object BigInt]');
  });
});

describe('keyOfId', () => {
  test('[SPEC-014] equal structure, equal key; 1 is not "1"', () => {
    expect(keyOfId({ b: 1, a: [2] })).toBe(keyOfId({ a: [2], b: 1 }));
    const keys = [1, '1', null, 'null', true, 'true', [1], ['1'], { a: 1 }, [], {}].map(keyOfId);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
