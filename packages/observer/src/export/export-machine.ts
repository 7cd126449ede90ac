import type { AnyStateMachine } from 'xstate';
import { chartOf } from '../chart/chart.ts';
import { drawChart } from '../chart/draw-chart.ts';
import { layoutChart } from '../chart/layout-chart.ts';
import { chartToDot } from './dot.ts';
import { machineToJson } from './machine-json.ts';
import { chartToMermaid } from './mermaid.ts';
import { machineToScxml } from './scxml.ts';

/** What a machine can be written as. */
export const machineFormats = ['mermaid', 'scxml', 'json', 'svg', 'dot'] as const;

/** One of {@link machineFormats}. */
export type MachineFormat = (typeof machineFormats)[number];

/**
 * Writes a machine for another tool.
 *
 * @param machine - Any XState machine.
 * @param format - As what.
 * @returns The text of a file.
 * @throws Error when an SVG is asked for and ELK finds no layout.
 */
export async function exportMachine(
  machine: AnyStateMachine,
  format: MachineFormat,
): Promise<string> {
  switch (format) {
    case 'mermaid':
      return chartToMermaid(chartOf(machine));
    case 'dot':
      return chartToDot(chartOf(machine));
    case 'scxml':
      return machineToScxml(machine);
    case 'json':
      return machineToJson(machine);
    case 'svg': {
      const chart = chartOf(machine);
      return drawChart(chart, await layoutChart(chart));
    }
  }
}

/**
 * Whether a value is a machine of XState; also of another copy of XState than ours.
 *
 * @param value - Anything.
 * @returns Whether it can be drawn and written.
 */
export function isStateMachine(value: unknown): value is AnyStateMachine {
  if (typeof value !== 'object' || value === null) return false;
  if (!('root' in value && 'id' in value && 'transition' in value)) return false;
  const { root } = value;
  return (
    typeof value.id === 'string' &&
    typeof root === 'object' &&
    root !== null &&
    'states' in root &&
    'transitions' in root
  );
}
