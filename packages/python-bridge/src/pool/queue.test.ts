import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CallQueue, Flow, rank, type Lane, type Line, type Rank, type Waiting } from './queue.ts';

class Entry implements Waiting<Entry> {
  readonly name: string;
  readonly flow: Flow<Entry> | undefined;
  rank: Rank;
  line: Line<Entry> | undefined;
  turn = 0;
  ahead: Entry | undefined;
  behind: Entry | undefined;

  constructor(name: string, flow?: Flow<Entry>, of: Rank = rank.normal) {
    this.name = name;
    this.flow = flow;
    this.rank = of;
  }
}

function emptied(queue: CallQueue<Entry>, lane: Lane<Entry>): string[] {
  const names: string[] = [];
  for (let next = queue.take(lane); next !== undefined; next = queue.take(lane)) {
    names.push(next.name);
  }
  return names;
}

function filled(...entries: readonly Entry[]): {
  readonly queue: CallQueue<Entry>;
  readonly lane: Lane<Entry>;
} {
  const queue = new CallQueue<Entry>();
  for (const entry of entries) queue.add(entry);
  return { queue, lane: queue.open() };
}

describe('order', () => {
  test('[I5.1] without sessions and priorities it is first come, first served', () => {
    const { queue, lane } = filled(...['a', 'b', 'c'].map((name) => new Entry(name)));
    expect(emptied(queue, lane)).toEqual(['a', 'b', 'c']);
    expect(queue.size).toBe(0);
  });

  test('[I5.1] a session with a thousand calls delays the only call of another by one', () => {
    const flood = new Flow<Entry>();
    const entries = Array.from({ length: 1000 }, (_, i) => new Entry(`flood ${String(i)}`, flood));
    const { queue, lane } = filled(...entries, new Entry('other', new Flow()), new Entry('alone'));
    expect(emptied(queue, lane).slice(0, 4)).toEqual(['flood 0', 'other', 'alone', 'flood 1']);
  });

  test('[I5.1] higher priorities go first, but nobody is passed over more than eight times in a row', () => {
    const high = Array.from(
      { length: 20 },
      (_, i) => new Entry(`h${String(i)}`, undefined, rank.high),
    );
    const { queue, lane } = filled(
      new Entry('low', undefined, rank.low),
      new Entry('normal 0'),
      new Entry('normal 1'),
      ...high,
      new Entry('again', undefined, rank.again),
    );
    const order = emptied(queue, lane);
    expect(order[0]).toBe('again');
    expect(order.slice(1, 8)).toEqual(high.slice(0, 7).map(({ name }) => name));
    expect(order[8]).toBe('low');
    expect(order[9]).toBe('normal 0');
    expect(order[18]).toBe('normal 1');
  });

  test('of a session whose first call leaves, the next takes its place', () => {
    const flow = new Flow<Entry>();
    const [first, second] = [new Entry('first', flow), new Entry('second', flow)];
    const { queue, lane } = filled(first, second, new Entry('other'));
    expect([queue.remove(first), queue.remove(first), queue.size]).toEqual([true, false, 2]);
    expect(emptied(queue, lane)).toEqual(['second', 'other']);
    const own = queue.open();
    queue.move(flow, own);
    for (const entry of [first, new Entry('shared'), second]) queue.add(entry);
    queue.remove(first);
    expect(emptied(queue, own)).toEqual(['second', 'shared']);
  });

  test('what waits for one worker is not given to another, and does not hold up others', () => {
    const flow = new Flow<Entry>();
    const { queue, lane } = filled();
    const own = queue.open();
    queue.move(flow, own);
    for (const entry of [new Entry('own', flow), new Entry('own 2', flow), new Entry('any')]) {
      queue.add(entry);
    }
    expect(emptied(queue, lane)).toEqual(['any']);
    queue.add(new Entry('later'));
    expect(emptied(queue, own)).toEqual(['own', 'later', 'own 2']);
  });

  test('a flow that moves takes with it what waits', () => {
    const flow = new Flow<Entry>();
    const { queue, lane } = filled(new Entry('a', flow), new Entry('b', flow), new Entry('c'));
    const own = queue.open();
    queue.move(flow, own);
    expect(emptied(queue, lane)).toEqual(['c']);
    queue.move(flow, undefined);
    queue.close(own);
    expect(emptied(queue, lane)).toEqual(['a', 'b']);
  });

  test('all of a flow, and all there is, can be taken out', () => {
    const flow = new Flow<Entry>();
    const urgent = new Entry('urgent', flow, rank.high);
    const { queue } = filled(new Entry('a', flow), new Entry('b', flow), urgent, new Entry('c'));
    expect(queue.clear(flow).map(({ name }) => name)).toEqual(['urgent', 'a', 'b']);
    queue.move(flow, queue.open());
    queue.add(new Entry('d', flow));
    queue.add(new Entry('e', flow));
    expect(queue.drain().map(({ name }) => name)).toEqual(['c', 'd', 'e']);
    expect(queue.size).toBe(0);
  });
});

test('[I5.1] nothing is lost, doubled or overtaken in its session, whatever comes and goes', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      flow: fc.nat(3),
      of: fc.constantFrom(0, 1, 2, 3),
    }),
    fc.record({ kind: fc.constant('take' as const), lane: fc.nat(1) }),
    fc.record({ kind: fc.constant('remove' as const), index: fc.nat(30) }),
    fc.record({ kind: fc.constant('move' as const), flow: fc.nat(2), to: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new CallQueue<Entry>();
      const lanes = [queue.open(), queue.open()];
      const flows = [new Flow<Entry>(), new Flow<Entry>(), new Flow<Entry>()];
      const waiting = new Set<Entry>();
      const laneOf = new Map<Flow<Entry>, Lane<Entry>>();
      let made = 0;
      for (const each of steps) {
        if (each.kind === 'add') {
          made += 1;
          const entry = new Entry(String(made), flows[each.flow], each.of);
          queue.add(entry);
          waiting.add(entry);
        } else if (each.kind === 'remove') {
          const entry = [...waiting][each.index];
          if (entry === undefined) continue;
          expect(queue.remove(entry)).toBe(true);
          waiting.delete(entry);
        } else if (each.kind === 'move') {
          const flow = flows[each.flow] ?? new Flow();
          const lane = lanes[each.to];
          queue.move(flow, lane);
          if (lane === undefined) laneOf.delete(flow);
          else laneOf.set(flow, lane);
        } else {
          const lane = lanes[each.lane] ?? queue.open();
          const fits = (entry: Entry): boolean => {
            const own = entry.flow === undefined ? undefined : laneOf.get(entry.flow);
            return own === undefined || own === lane;
          };
          const entry = queue.take(lane);
          if (entry === undefined) expect([...waiting].filter(fits)).toEqual([]);
          else {
            expect([waiting.delete(entry), fits(entry)]).toEqual([true, true]);
            const earlier = [...waiting].filter(
              (other) => Number(other.name) < Number(entry.name) && other.rank === entry.rank,
            );
            expect(earlier.filter(({ flow }) => flow !== undefined && flow === entry.flow)).toEqual(
              [],
            );
          }
        }
        expect(queue.size).toBe(waiting.size);
      }
      expect(new Set(queue.drain())).toEqual(waiting);
    }),
  );
});
