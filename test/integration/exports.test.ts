import { describe, expect, test } from '@jest/globals';
import { Graphviz } from '@hpcc-js/wasm-graphviz';
import * as observer from '@snakepit/observer';
import * as bridge from '@snakepit/python-bridge';
import * as supervisor from '@snakepit/supervisor';
import { createMachine, type AnyStateMachine } from 'xstate';

const { chartOf, chartToDot, chartToMermaid, isStateMachine, machineToJson } = observer;
const machines = Object.values({ ...bridge, ...supervisor, ...observer })
  .filter((one): one is AnyStateMachine => isStateMachine(one))
  .map((machine) => [machine.id, machine] as const);

describe('every machine of the packages', () => {
  test('there are machines', () => expect(machines.length).toBeGreaterThanOrEqual(12));

  test.each(machines)('[I6.8] %s: its JSON makes a machine with the same chart', (_, machine) => {
    const config = JSON.parse(machineToJson(machine)) as Parameters<typeof createMachine>[0];
    expect(chartOf(createMachine(config))).toEqual(chartOf(machine));
  });

  test.each(machines)('[I6.8] %s: Graphviz and Mermaid have all its states', async (_, machine) => {
    const chart = chartOf(machine);
    const graphviz = await Graphviz.load();
    const svg = graphviz.dot(chartToDot(chart));
    const inner = chart.states.filter(({ id }) => id !== chart.root);
    const drawn = svg.match(/class="(?:cluster|node)"/g) ?? [];
    const initials = chart.states.flatMap(({ initial }) => initial);
    expect(drawn).toHaveLength(inner.length + initials.length);
    expect(chartToMermaid(chart).match(/^ *state "/gm)).toHaveLength(inner.length);
  });
});
