import { describe, expect, test } from '@jest/globals';
import { chartOf } from '../../src/chart/chart.ts';
import { everyKind } from '../../src/chart/chart.fixture.ts';
import { rowOf, shownRows } from '../live/lines.fixture.ts';
import { machinesOf, medianStay, populationOf } from './population.ts';
import { windowLeftMs, windowSentence } from './restart-window.ts';

describe('windowSentence', () => {
  const entry = (at: number) => ({ at, child: 'w', reason: null });
  const limits = { maxRestarts: 2, maxSeconds: 5 };

  test('[I6.6] says how many more crashes are repaired, and until when one is the last', () => {
    expect(windowSentence({ ...limits, standing: 'below', entries: [entry(1_000)] }, 2_000)).toBe(
      '● below: 1 of 2 restarts within 5 s; 1 more crash would be repaired.',
    );
    const full = { ...limits, standing: 'full', entries: [entry(1_000), entry(3_000)] } as const;
    expect(windowSentence(full, 3_800)).toBe(
      '▲ full: 2 of 2 restarts within 5 s; one more crash within 3.2 s and it gives up.',
    );
    expect(windowSentence({ ...full, standing: 'exceeded' }, 3_800)).toBe(
      '⚠ exceeded: it has given up (2 of 2 restarts within 5 s).',
    );
    expect(windowSentence({ ...limits, maxRestarts: 0, standing: 'full', entries: [] }, 0)).toBe(
      '▲ full: none is allowed; the first crash ends it.',
    );
  });

  test('[I6.6] a restart counts by whole seconds of the clock, as the supervisor counts it', () => {
    expect(windowLeftMs(1_000, 5, 6_999)).toBe(1);
    expect(windowLeftMs(1_900, 5, 7_000)).toBe(0);
  });
});

describe('populationOf', () => {
  test('[I6.6] counts each process in each of its states, and finds the machines', () => {
    const rows = shownRows([
      rowOf({ pid: 1, path: 'a', chart: 'x', value: 'resting', since: 0 }),
      rowOf({ pid: 2, path: 'b', chart: 'x', value: 'resting', since: 400 }),
      rowOf({ pid: 3, path: 'c', chart: 'x', value: 'resting', since: 900 }),
      rowOf({ pid: 4, path: 'd', chart: 'x', value: '{"working":{"left":"one"}}' }),
      rowOf({ pid: 5, path: 'e', chart: 'y', label: 'other', value: 'resting' }),
      rowOf({ pid: 6, path: 'f', value: 'resting' }),
    ]);
    expect(machinesOf(rows).map(({ hash, rows: all }) => [hash, all.length])).toEqual([
      ['x', 4],
      ['y', 1],
    ]);
    const population = populationOf(chartOf(everyKind), machinesOf(rows)[0]?.rows ?? []);
    const pids = Object.fromEntries(
      [...population].map(([id, all]) => [id, all.map(({ pid }) => pid)]),
    );
    expect(pids).toEqual({
      'every.resting': [1, 2, 3],
      'every.working': [4],
      'every.working.left': [4],
      'every.working.left.one': [4],
    });
    expect(medianStay(population.get('every.resting') ?? [], 1_000)).toBe(600);
    expect(medianStay([], 1_000)).toBe(0);
  });
});
