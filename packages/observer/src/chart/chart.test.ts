import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { activeStates, openEdges } from './active-states.ts';
import { everyKind, hostileMachine, hostileNames } from './chart.fixture.ts';
import { chartHash } from './chart-hash.ts';
import { chartOf, edgeLabel } from './chart.ts';

describe('chartOf', () => {
  const chart = chartOf(everyKind);
  const edge = (label: string) => chart.edges.find((one) => edgeLabel(one) === label);
  const state = (id: string) => chart.states.find((one) => one.id === id);

  test('[I6.6] reads every kind of state, outer ones first', () => {
    expect(chart.states.map(({ id, type, parent }) => [id, type, parent])).toEqual([
      ['every', 'compound', null],
      ['every.resting', 'atomic', 'every'],
      ['every.working', 'parallel', 'every'],
      ['every.working.left', 'compound', 'every.working'],
      ['every.working.left.one', 'atomic', 'every.working.left'],
      ['every.working.left.two', 'final', 'every.working.left'],
      ['every.working.right', 'atomic', 'every.working'],
      ['every.working.memory', 'history', 'every.working'],
      ['every.again', 'history', 'every'],
      ['every.done', 'final', 'every'],
    ]);
    expect(state('every.resting')).toMatchObject({
      description: 'Nothing to do.',
      tags: ['calm'],
      entry: ['greet'],
      exit: ['leave'],
    });
    expect(state('every')?.initial).toEqual(['every.resting']);
    expect(state('every.working.memory')?.history).toBe('deep');
    expect(state('every.again')?.history).toBe('shallow');
    expect(state('every.working.right')?.invoke).toEqual([{ id: 'fetch', src: 'fetching' }]);
  });

  test('[I6.6] reads every kind of transition, with guards that machine.toJSON() loses', () => {
    expect(chart.edges.map((one) => [one.kind, edgeLabel(one)])).toEqual([
      ['wildcard', '*'],
      ['event', 'go [isReady and not isTired]'],
      ['event', 'go [(isReady and isOpen) or isTired]'],
      ['event', 'note'],
      ['after', 'after 5000'],
      ['after', 'after patience'],
      ['event', 'stop'],
      ['event', 'back'],
      ['done', 'done every.working'],
      ['always', 'always [isOpen]'],
      ['done', 'done fetch'],
      ['error', 'error fetch'],
    ]);
    expect(edge('after patience')).toMatchObject({
      event: 'xstate.after.patience.every.resting',
      targets: ['every.working'],
    });
    expect(edge('note')).toMatchObject({ targets: [], actions: ['write'] });
    expect(edge('error fetch')?.actions).toEqual(['actions']);
    expect(edge('back')).toMatchObject({ reenter: true, targets: ['every.working'] });
    expect(new Set(chart.edges.map(({ id }) => id)).size).toBe(chart.edges.length);
  });

  test('[I6.6] is data: JSON does not change it, and its hash names it', () => {
    expect(JSON.parse(JSON.stringify(chart))).toEqual(chart);
    expect(chartHash(chartOf(everyKind))).toBe(chartHash(chart));
    expect(chartHash(chart)).toMatch(/^[0-9a-f]{64}$/);
    expect(chartHash(chartOf(hostileMachine()))).not.toBe(chartHash(chart));
  });

  test('[I6.6] keeps hostile names as they are', () => {
    const hostile = chartOf(hostileMachine());
    expect(
      hostile.states
        .slice(1)
        .map(({ key }) => key)
        .sort(),
    ).toEqual([...hostileNames].sort());
  });
});

describe('activeStates and openEdges', () => {
  const chart = chartOf(everyKind);

  test('[I6.6] finds the states that XState says are active', () => {
    const actor = createActor(everyKind).start();
    expect(activeStates(chart, actor.getSnapshot().value)).toEqual(['every', 'every.resting']);
    actor.send({ type: 'go' });
    const snapshot = actor.getSnapshot();
    expect(snapshot.value).toEqual({ working: { left: 'two', right: {} } });
    expect(new Set(activeStates(chart, snapshot.value))).toEqual(
      new Set(snapshot._nodes.map(({ id }) => id)),
    );
    actor.stop();
  });

  test.each([['nowhere'], [{ nowhere: 'x' }], [null], [7], [undefined], [{}]])(
    'a value that is not of this machine (%j) means no state',
    (value) => expect(activeStates(chart, value)).toEqual([]),
  );

  test('[I6.6] the transitions that are open are those of the active states', () => {
    const open = openEdges(chart, activeStates(chart, 'done'));
    expect([...open]).toEqual(['every|*|0']);
    expect(openEdges(chart, activeStates(chart, 'resting')).size).toBe(6);
  });
});
