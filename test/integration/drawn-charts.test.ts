import { describe, expect, test } from '@jest/globals';
import { activeStates, chartOf, drawChart, layoutChart } from '@snakepit/observer';
import * as bridge from '@snakepit/python-bridge';
import * as supervisor from '@snakepit/supervisor';
import { type AnyStateMachine, StateMachine } from 'xstate';

const machines = Object.values({ ...bridge, ...supervisor })
  .filter((one): one is AnyStateMachine => (one as unknown) instanceof StateMachine)
  .map((machine) => [machine.id, machine] as const);

describe('charts', () => {
  test('there are machines to draw', () => expect(machines.length).toBeGreaterThanOrEqual(11));

  test.each(machines)('[I6.6] %s is drawn whole', async (_, machine) => {
    const chart = chartOf(machine);
    const svg = drawChart(chart, await layoutChart(chart));
    for (const state of chart.states) expect(svg).toContain(`data-state="${state.id}"`);
    const drawn = new Set([...svg.matchAll(/data-edge="([^"]*)"/g)].map(([, id]) => id));
    const crossing = chart.edges.filter(({ targets }) => targets.length > 0);
    expect(crossing.filter(({ id }) => !drawn.has(id))).toEqual([]);
    expect(svg).not.toContain('NaN');
    expect(svg.length).toBeLessThan(200_000);
  });

  test.each(machines)(
    '[I6.6] the places of %s in its chart are found from their values',
    (_, machine) => {
      const chart = chartOf(machine);
      for (const state of chart.states.filter(({ type }) => type === 'atomic')) {
        const node = machine.getStateNodeById(state.id);
        const value = node.path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), {});
        expect(activeStates(chart, value).at(-1)).toBe(state.id);
      }
    },
  );
});
