import { describe, expect, test } from '@jest/globals';
import { assign, createMachine } from 'xstate';
import { compileChart } from '../../packages/core/src/behaviours/chart/compile.ts';
import { differences } from './compiled-chart.ts';
import { walk } from './machine-graph.ts';

/*
 * That compiled charts do what the machines say is shown for every machine of this repository where its edges are
 * taken: `replayAll` asks for the differences. Here it is shown that differences would be found.
 */

const toggle = createMachine({
  id: 'toggle',
  context: { n: 0 },
  initial: 'off',
  states: {
    off: { on: { press: { target: 'on', actions: assign({ n: 1 }) } } },
    on: { entry: 'ring', on: { press: 'off' }, tags: 'lit' },
  },
});

const graph = walk(toggle, { events: () => [{ type: 'press' }] });

describe('the comparison of compiled charts with their machines', () => {
  test('finds nothing where there is nothing', () => {
    expect(differences(toggle, graph)).toEqual([]);
  });

  test.each([
    ['context', { off: { on: { press: { target: 'on', actions: assign({ n: 2 }) } } } }],
    ['actions', { on: { entry: [], on: { press: 'off' }, tags: 'lit' } }],
    ['value', { on: { entry: 'ring', on: { press: 'on' }, tags: 'lit' } }],
    ['tags', { on: { entry: 'ring', on: { press: 'off' } } }],
  ] as const)('finds that %s is not as in the machine', (what, states) => {
    const other = createMachine({
      ...toggle.config,
      states: { ...toggle.config.states, ...states },
    } as never);
    const [first] = differences(toggle, graph, undefined, compileChart(other));
    expect(first?.got[what]).not.toEqual(first?.wanted[what]);
  });
});
