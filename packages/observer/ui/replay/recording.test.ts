import { describe, expect, test } from '@jest/globals';
import type { Handled, LiveLine } from '../../src/protocol.ts';
import { hello, rowOf, Wire } from '../live/lines.fixture.ts';
import { createStore, type Store } from '../live/store.ts';
import { pageLimits, Recording, recordingOf } from './recording.ts';

/** A store whose lines are recorded. */
function recorded(limits = pageLimits): {
  readonly recording: Recording;
  readonly store: Store;
  readonly tell: (line: LiveLine) => void;
} {
  const recording = new Recording(limits);
  const store = createStore();
  const tell = (line: LiveLine): void => {
    store.apply(line);
    recording.add(line, store);
  };
  return { recording, store, tell };
}

const picture = (store: Store | undefined): unknown =>
  store && { t: store.t, living: [...store.living], dead: [...store.dead], life: store.life };
const record = (t: number): Handled => ({
  seq: t,
  t,
  waitedMs: 0,
  tookMs: 1,
  actor: 2,
  from: null,
  kind: 'info',
  event: `at ${String(t)}`,
  steps: [],
  actions: [],
  sent: [],
  outcome: 'handled',
  status: 'waiting',
  value: null,
});

describe('Recording', () => {
  test('[I6.6] every moment is what the page showed then, over many pieces and thousands of changes', () => {
    const { recording, store, tell } = recorded();
    const wire = new Wire();
    tell(hello);
    expect(recording.at(0)).toBeUndefined();
    tell(wire.snap(1_000, [rowOf({ pid: 1, path: 'app' })]));
    const shown = new Map<number, unknown>();
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let t = 1_250; t < 200_000; t += 250) {
      const rows = Array.from({ length: 20 }, () => {
        const pid = 2 + random(60);
        return rowOf({ pid, parent: 1, path: `app/${String(pid)}`, mbox: random(9) });
      });
      const gone = 2 + random(60);
      const life = { seq: t, at: t - 1, what: 'exited', path: 'app', pid: gone, inc: 1 };
      tell({ k: 'life', seq: 1, t, list: [life] });
      tell(wire.delta(t, rows, store.living.has(gone) ? [[gone, 'error(x)']] : []));
      shown.set(t, structuredClone(picture(store)));
    }
    for (const t of [1_250, 31_000, 31_250, 90_000, 199_750]) {
      expect(picture(recording.at(t + 249))).toEqual(shown.get(t));
    }
    expect(recording.span).toEqual({ from: 1_000, until: 199_750 });
    expect(picture(store)).toEqual(shown.get(199_750));
  });

  test('[I6.6] forgets the oldest: by age, by weight, and with another run', () => {
    const { recording, tell } = recorded({ ageMs: 60_000, weight: 1_000 });
    const wire = new Wire();
    tell(hello);
    tell(wire.snap(1_000, [rowOf({ pid: 1, path: 'app' })]));
    const rows = Array.from({ length: 50 }, (_, index) =>
      rowOf({ pid: 2 + index, path: String(index) }),
    );
    for (let t = 2_000; t <= 300_000; t += 1_000) tell(wire.delta(t, []));
    expect(recording.span.from).toBeGreaterThanOrEqual(300_000 - 60_000 - 31_000);
    for (let t = 301_000; t <= 400_000; t += 1_000) tell(wire.delta(t, rows));
    expect(recording.span.from).toBeGreaterThan(300_000);
    expect(recording.at(0)?.t).toBe(recording.span.from);
    tell({ ...hello, epoch: 'another' });
    tell(new Wire().snap(5, [rowOf({ pid: 9, path: 'new' })]));
    expect(recording.at(Infinity)?.living.get(9)?.path).toBe('new');
  });

  test('[I6.6] large messages are forgotten sooner than small ones: it is bounded by what it holds', () => {
    const { recording, store, tell } = recorded();
    const wire = new Wire();
    tell(hello);
    tell(wire.snap(1_000, [rowOf({ pid: 2, path: 'app' })]));
    const body = 'x'.repeat(100_000);
    for (let t = 1_001; t <= 3_000; t += 1) {
      const line: LiveLine = { k: 'rec', seq: 1, list: [{ ...record(t), body }], dropped: 0 };
      store.apply(line);
      store.apply(wire.delta(t, []));
      recording.add(line, store, 100_300);
    }
    // 150,000 times 200 characters: 300 of them, and what its pieces round up.
    expect(recording.span.from).toBeGreaterThan(2_500);
    expect(recording.span.from).toBeLessThan(2_750);
  });

  test('[I6.6] messages of a file are told in their time, though the file has them in one piece', () => {
    const wire = new Wire();
    const snap = wire.snap(1_000, [rowOf({ pid: 2, path: 'app' })]);
    const recording = recordingOf([
      hello,
      snap,
      { k: 'rec', seq: 1, list: [record(1_900), record(1_100), record(9_000)], dropped: 0 },
      wire.delta(1_500, []),
      wire.delta(2_000, []),
    ]);
    const events = (t: number): string[] | undefined =>
      recording
        .at(t)
        ?.messagesOf(2)
        .list.map(({ event }) => event);
    expect(events(1_050)).toEqual([]);
    expect(events(1_600)).toEqual(['at 1100']);
    expect(events(2_000)).toEqual(['at 1100', 'at 1900']);
    expect(events(Infinity)).toEqual(['at 1100', 'at 1900', 'at 9000']);
  });
});
