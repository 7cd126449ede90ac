import { describe, expect, test } from '@jest/globals';
import { defineServer, defineTask, ok, Registry } from '@snakepit/core';
import { checkChildSpec } from './child-spec.ts';
import { DynamicSupervisor } from './dynamic-supervisor.ts';
import { Supervisor } from './supervisor.ts';

const task = defineTask(() => 1);

describe('what a behaviour brings along for its child specs', () => {
  test('[TSK-009] a task is temporary, unless its spec says otherwise', () => {
    expect(checkChildSpec({ id: 1, start: [task] })).toMatchObject({
      spec: { restart: 'temporary', type: 'worker', shutdown: 5_000 },
    });
    expect(checkChildSpec({ id: 1, start: [task], restart: 'transient' })).toMatchObject({
      spec: { restart: 'transient' },
    });
  });

  test('[TSK-009] so it may be significant, which a permanent child may not', () => {
    const significant = { id: 1, start: [task], significant: true };
    expect(checkChildSpec(significant, 'anySignificant')).toMatchObject({ ok: true });
    expect(
      checkChildSpec({ ...significant, restart: 'permanent' }, 'anySignificant'),
    ).toMatchObject({ ok: false, fault: { kind: 'badCombination' } });
  });

  test.each([
    ['Supervisor', Supervisor],
    ['DynamicSupervisor', DynamicSupervisor],
    ['Registry', Registry],
  ])('%s is of the type supervisor, and has all the time it needs', (_, logic) => {
    expect(checkChildSpec({ id: 1, start: [logic] })).toMatchObject({
      spec: { restart: 'permanent', type: 'supervisor', shutdown: 'infinity' },
    });
    expect(checkChildSpec({ id: 1, start: [logic], type: 'worker' })).toMatchObject({
      spec: { type: 'worker', shutdown: 5_000 },
    });
  });

  test('[SPEC-008] others bring nothing', () => {
    const server = defineServer({ init: () => ok(0) });
    for (const start of [[server], () => undefined]) {
      expect(checkChildSpec({ id: 1, start })).toMatchObject({
        spec: { restart: 'permanent', type: 'worker', shutdown: 5_000, significant: false },
      });
    }
  });
});
