import { describe, expect, test } from '@jest/globals';
import type { IncidentContent } from '../../src/incident/incident-file.ts';
import type { LifeRecord } from '../../src/protocol.ts';
import { pack, toJson } from '../../src/incident/incident-file.ts';
import { hello, rowOf, Wire } from '../live/lines.fixture.ts';
import { lastFailure } from './failures.ts';
import { readIncidentText } from './incident-text.ts';
import { createReplay } from './replay.ts';

/** A worker that dies at 2,000 and is there again at 3,000; it was noticed at 2,010. */
function incident(): IncidentContent {
  const wire = new Wire();
  const worker = rowOf({ pid: 2, path: 'w', chart: 'drawn' });
  return {
    title: 'w died',
    wall: hello.wall + 1_010,
    lines: [
      hello,
      wire.snap(1_000, [worker]),
      wire.delta(2_000, [], [[2, 'error(x)']]),
      wire.delta(3_000, [rowOf({ ...worker, pid: 3, inc: 2 })]),
    ],
    charts: {},
  };
}

describe('the replay of a file', () => {
  test('[I6.6] begins where it was noticed, and goes to any moment', () => {
    const replay = createReplay({ file: incident() });
    let heard = 0;
    const end = replay.subscribe(() => (heard += 1));
    const shown = () => replay.page().store.find('w');
    expect([replay.moment(), shown()?.ended?.reason]).toEqual([2_010, 'error(x)']);
    replay.goTo(1_999);
    expect([shown()?.inc, shown()?.ended]).toEqual([1, null]);
    replay.goTo(99_999);
    expect([replay.moment(), shown()?.inc, shown()?.ended]).toEqual([3_000, 2, null]);
    replay.goTo(-1);
    expect([replay.moment(), replay.page().connection.clock()]).toEqual([1_000, 1_000]);
    expect([replay.live, heard, replay.file()?.title]).toEqual([null, 3, 'w died']);
    end();
  });

  test('[I6.6] asks nobody for anything', async () => {
    const { api } = createReplay({ file: incident() }).page();
    const asked = [api.actor(2), api.panels(), api.incidents(), api.chart('drawn')];
    for (const answer of asked) await expect(answer).rejects.toThrow(/was recorded|does not hold/);
  });

  test('[I6.6] an incident without a picture is refused', () => {
    expect(() => createReplay({ file: { ...incident(), lines: [hello] } })).toThrow('no picture');
  });
});

describe('lastFailure', () => {
  const record = (at: number, what: string, more: Partial<LifeRecord> = {}): LifeRecord => {
    return { seq: at, at, what, path: 'w', pid: 2, inc: 1, ...more };
  };
  const cause = { cause: 'killed' };
  const death = record(5_900, 'osProcessGone', { afterMs: 900, details: cause });
  const life = [
    record(1_000, 'heartbeatFailed'),
    record(3_000, 'exited', { path: 'other', reason: 'error(x)' }),
    record(3_200, 'exited', { path: 'its parent', reason: 'shutdown' }),
    record(3_210, 'gaveUp', { path: 'its parent' }),
    death,
    record(6_000, 'exited', { reason: 'error(gone)' }),
    record(6_100, 'osProcessGone', { path: 'drained', afterMs: 90 }),
    record(6_200, 'exited', { inc: 2, reason: 'normal' }),
  ];

  test('[I6.6] is where its first sign was: the death of a process, however long it was cleaned up after', () => {
    expect(lastFailure(life, 0, 9_000)).toBe(5_000);
    expect(lastFailure(life, 0, 4_999)).toBe(3_000);
    expect(lastFailure(life, 0, 2_999)).toBe(1_000);
    expect(lastFailure(life, 0, 999)).toBeUndefined();
    expect(lastFailure(life, 3_210, 4_999)).toBeUndefined();
  });

  test('[I6.6] of another incarnation it is another one', () => {
    const later = record(8_000, 'exited', { inc: 2, reason: 'error(y)' });
    expect(lastFailure([...life, later], 0, 9_000)).toBe(8_000);
    expect(lastFailure([...life, later], 0, 7_999)).toBe(5_000);
  });
});

describe('readIncidentText', () => {
  test('[I6.6] reads what was saved, as JSON and as a page', async () => {
    const content = incident();
    const page = `<p><script type="text/plain" id="incident">${await pack(content)}</script>`;
    for (const text of [toJson(content), page]) {
      expect(await readIncidentText(text)).toMatchObject(content);
    }
  });

  test('[I6.6] refuses anything else', async () => {
    await expect(readIncidentText('<p>hello')).rejects.toThrow('the file holds no incident');
    await expect(readIncidentText('{"v":2}')).rejects.toThrow('no incident of this version');
  });
});
