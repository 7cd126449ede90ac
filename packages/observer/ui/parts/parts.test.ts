import { describe, expect, test } from '@jest/globals';
import type { Handled, LifeRecord } from '../../src/protocol.ts';
import { chartOf } from '../../src/chart/chart.ts';
import { everyKind } from '../../src/chart/chart.fixture.ts';
import { hello, rowOf, shownRows, Wire } from '../live/lines.fixture.ts';
import { createStore } from '../live/store.ts';
import { attentionOf, healthLine } from './attention.ts';
import { keysOf } from './keys.ts';
import { lastEdgeOf } from './last-edge.ts';
import { placeOf, processAddress, treeAddress } from './route.ts';
import { standingOf, standings, valueText } from './standing.ts';
import { bytes, duration, shortTime } from './words.ts';

describe('standingOf', () => {
  test.each([
    [{}, 'running'],
    [{ status: 'busy' }, 'busy'],
    [{ status: 'starting' }, 'starting'],
    [{ status: 'starting', inc: 2 }, 'restarting'],
    [{ status: 'suspended' }, 'suspended'],
    [{ status: 'exiting' }, 'stopping'],
    [{ value: '{"starting":"spawning"}' }, 'starting'],
    [{ value: '{"starting":"spawning"}', inc: 3 }, 'restarting'],
    [{ value: 'backingOff' }, 'restarting'],
    [{ value: '{"stopping":{"a":"x","b":"y"}}' }, 'stopping'],
    [{ value: 'exceeded' }, 'gave up'],
    [{ value: 'failed' }, 'failed'],
    [{ value: '{"running":"failed"}' }, 'failed'],
    [{ value: '{"running":"degraded"}' }, 'degraded'],
    [{ value: '{"running":"unavailable"}' }, 'unavailable'],
    [{ value: '{"ready":"draining"}' }, 'draining'],
    [{ value: '{"ready":"drained"}' }, 'drained'],
    [{ value: '{not json' }, 'running'],
  ])('[I6.6] %j is %s', (row, word) => {
    const [shown] = shownRows([rowOf({ pid: 1, path: 'a', ...row })]);
    expect(shown && standingOf(shown).word).toBe(word);
  });

  test.each([
    ['normal', 'finished'],
    ['shutdown', 'stopped'],
    [null, 'stopped'],
    ['error(boom)', 'failed'],
    ['killed', 'failed'],
  ])('[I6.6] one that ended by %s is %s', (reason, word) => {
    const [shown] = shownRows([rowOf({ pid: 1, path: 'a' })]);
    expect(shown && standingOf({ ...shown, ended: { at: 1, reason } }).word).toBe(word);
  });

  test('[I6.6] has a shape, and a word of its own: colour is never all that tells', () => {
    const all = Object.values(standings);
    expect(new Set(all.map(({ word }) => word)).size).toBe(all.length);
    // Who needs help is told from who is well by the shape alone.
    const shapes = (isFailed: boolean): string[] =>
      all.filter(({ tone }) => (tone === 'failed') === isFailed).map(({ glyph }) => glyph);
    expect(shapes(true).filter((glyph) => shapes(false).includes(glyph))).toEqual([]);
  });
});

describe('words', () => {
  test('[I6.6] state values, times and sizes are short', () => {
    expect(valueText('{"ready":{"a":"on","b":{"c":"off"}}}')).toBe('ready (a.on, b.c.off)');
    expect([valueText('idle'), valueText(null)]).toEqual(['idle', '']);
    expect([0.42, 9.9, 12.3, 1_500].map(shortTime)).toEqual(['0.4 ms', '9.9 ms', '12 ms', '1.5 s']);
    expect([0.2, 250, 3_210, 61_000, 3_700_000, 200_000_000].map(duration)).toEqual([
      '0 s',
      '250 ms',
      '3.2 s',
      '1 min 1 s',
      '1 h 1 min',
      '2 d 7 h',
    ]);
    expect([12, 43_614_208, 2e9].map(bytes)).toEqual(['12 B', '43.6 MB', '2.0 GB']);
  });

  test('[I6.6] addresses hold any path', () => {
    const path = 'app/a b?c#d/%/é';
    expect(placeOf(processAddress(path, 'life'))).toMatchObject({ screen: 'process', path });
    expect(placeOf('#/process/%E0%A4%A').path).toBe('%E0%A4%A');
    expect(placeOf(treeAddress({ q: 'state:busy & "x"', sel: '' })).query.get('q')).toBe(
      'state:busy & "x"',
    );
    expect(treeAddress({ q: '', sel: '' })).toBe('#/tree');
    expect([placeOf(''), placeOf('#/nowhere')].map(({ screen }) => screen)).toEqual([
      'overview',
      'unknown',
    ]);
  });
});

test('[I6.6] a key is of the thing, not of its place; equal things have keys of their own', () => {
  const keys = (list: readonly string[]): string[] => keysOf(list, (one) => one);
  const before = keys(['a', 'b', 'a']);
  expect(new Set(before).size).toBe(3);
  expect(keys(['new', 'a', 'b', 'a']).slice(1)).toEqual(before);
});

describe('attentionOf', () => {
  test('[I6.6] the worst first, each once, with the reason', () => {
    const store = createStore();
    const wire = new Wire();
    store.apply(hello);
    const busy = rowOf({ pid: 6, path: 'slow', status: 'busy', since: 1_000 });
    store.apply(
      wire.snap(1_000, [
        rowOf({ pid: 1, path: 'fine', kind: 'worker' }),
        rowOf({ pid: 2, path: 'supervisor', window: '2/3' }),
        rowOf({ pid: 3, path: 'again', kind: 'worker', status: 'starting', inc: 4, err: 'killed' }),
        rowOf({ pid: 4, path: 'full', mbox: 30 }),
        rowOf({ pid: 5, path: 'dies' }),
        busy,
      ]),
    );
    store.apply(wire.delta(2_000, [rowOf({ pid: 4, path: 'full', mbox: 90 })], [[5, 'error(x)']]));
    const life = (what: string, path: string, reason?: string): LifeRecord => {
      return {
        seq: 1,
        at: 2_000,
        what,
        path,
        pid: null,
        inc: 1,
        ...(reason !== undefined && { reason }),
      };
    };
    const list = [
      life('gaveUp', 'top', 'too many restarts'),
      life('heartbeatMissed', 'again'),
      life('exited', 'fine'),
    ];
    store.apply({ k: 'life', seq: 3, t: 2_000, list });
    expect(attentionOf(store, 8_000).map(({ path, why }) => `${path} ${why}`)).toEqual([
      'top gave up 6.0 s ago: too many restarts',
      'dies ended 6.0 s ago: error(x)',
      'again is restarting, incarnation 4; its predecessor ended: killed',
      'supervisor has used 2 of 3 restarts before it gives up',
      'full has 90 messages waiting, 30 before',
      'slow handles one message since 7.0 s',
    ]);
    expect(attentionOf(store, 400_000).map(({ path }) => path)).not.toContain('top');
    expect(healthLine(store)).toBe(
      '1 of 2 workers ready, 1 starting, restarting or stopping, 5 processes, 90 messages wait',
    );
  });
});

test('[I6.6] a pool without some of its workers is degraded, one without any unavailable: neither has failed', () => {
  const store = createStore();
  store.apply(hello);
  const pool = (pid: number, state: string) =>
    rowOf({ pid, path: `pool ${state}`, kind: 'pool', value: JSON.stringify({ running: state }) });
  const rows = ['degraded', 'failed', 'unavailable', 'serving'].map((state, pid) =>
    pool(pid, state),
  );
  store.apply(new Wire().snap(1_000, rows));
  const seen = attentionOf(store, 1_000).map(({ path, standing: { glyph, word, tone }, why }) => {
    return [path, `${glyph} ${word}`, tone, why];
  });
  expect(seen).toEqual([
    ['pool failed', '✖ failed', 'failed', 'is in state running.failed'],
    [
      ...['pool unavailable', '◇ unavailable', 'failed'],
      'has nobody who could serve now; what comes waits',
    ],
    [...['pool degraded', '▲ degraded', 'waiting'], 'serves, but not with all that it should have'],
  ]);
});

describe('lastEdgeOf', () => {
  const chart = chartOf(everyKind);
  const record = (steps: Handled['steps']): Handled => ({
    seq: 1,
    t: 1,
    waitedMs: 0,
    tookMs: 0,
    actor: 1,
    from: null,
    kind: 'info',
    event: 'go',
    steps,
    actions: [],
    sent: [],
    outcome: 'handled',
    status: 'waiting',
    value: null,
  });

  test('[I6.6] finds the transition of the last message that moved something', () => {
    const step = { source: 'every.resting', event: 'go', targets: ['every.done'] };
    const guarded = { ...step, guard: '(isReady and isOpen) or isTired' };
    expect(lastEdgeOf(chart, [record([guarded]), record([])])).toBe('every.resting|go|1');
    expect(lastEdgeOf(chart, [record([step])])).toBe('every.resting|go|1');
    const always = {
      source: 'every.working.left.one',
      event: null,
      targets: ['every.working.left.two'],
    };
    expect(lastEdgeOf(chart, [record([always])])).toBe('every.working.left.one||0');
    expect(lastEdgeOf(chart, [record([{ ...step, event: 'unknown' }])])).toBeNull();
    expect(lastEdgeOf(chart, [])).toBeNull();
  });
});
