import { isObject, type ProcessInfo } from '@snakepit/core';
import { StateMachine, type AnyStateMachine } from 'xstate';
import { chartHash } from '../chart/chart-hash.ts';
import { chartOf, type Chart } from '../chart/chart.ts';
import { createChartLayouts } from '../chart/layout-chart.ts';
import type { ChartAnswer } from '../protocol.ts';

/** Machines made anew for each process would fill it otherwise. */
const mostCharts = 500;

/** The charts of all machines that were seen, by their hash. */
export class ChartBook {
  readonly #hashes = new WeakMap<AnyStateMachine, string>();
  readonly #charts = new Map<string, Chart>();
  readonly #layouts = createChartLayouts();

  /** Names the chart of a process; `null` of what has none. Arrow, since it is handed on. */
  readonly hashOf = (process: ProcessInfo): string | null => {
    if (process.behaviour !== 'statechart') return null;
    const snapshot = process.state;
    // A snapshot knows its machine, without anybody being asked.
    const machine = isObject(snapshot) ? snapshot['machine'] : undefined;
    return isMachine(machine) ? this.#enter(machine) : null;
  };

  /** Whether a chart was seen. */
  has(hash: string): boolean {
    return this.#charts.has(hash);
  }

  /**
   * A chart and its layout, if it was seen.
   *
   * @throws Error when it cannot be laid out.
   */
  async drawable(hash: string): Promise<ChartAnswer | undefined> {
    const chart = this.#charts.get(hash);
    return chart === undefined ? undefined : { chart, layout: await this.#layouts.layoutOf(chart) };
  }

  /** Nothing is drawn any more. Arrow, since it is handed on. */
  readonly close = (): Promise<void> => this.#layouts.close();

  #enter(machine: AnyStateMachine): string {
    const known = this.#hashes.get(machine);
    if (known !== undefined && this.#charts.has(known)) return known;
    const chart = chartOf(machine);
    const hash = chartHash(chart);
    this.#hashes.set(machine, hash);
    this.#charts.set(hash, chart);
    const oldest = this.#charts.keys().next();
    if (this.#charts.size > mostCharts && oldest.done !== true) this.#charts.delete(oldest.value);
    return hash;
  }
}

function isMachine(value: unknown): value is AnyStateMachine {
  return value instanceof StateMachine;
}
