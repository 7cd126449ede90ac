import { describe, expect, test } from '@jest/globals';
import { noreply, ok } from '../behaviours/gen-server-results.ts';
import { defineServer } from '../behaviours/gen-server.ts';
import { createTestClock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import type { ProcessContext } from '../process/process-context.ts';
import type { Pid } from '../process/pid.ts';
import { createSystem } from '../system.ts';
import { counter } from './recorded.fixture.ts';

// Each spawns the next one, and stays.
const link = defineServer({
  name: 'link',
  init: (left: number, self: ProcessContext) => {
    if (left > 0) self.spawn(link, left - 1);
    return ok(left);
  },
  info: (left: number) => noreply(left),
});

function recordedSystem() {
  const clock = createTestClock();
  const system = createSystem({ logger: silentLogger, clock });
  const end = system.records.recordLife();
  return { clock, system, end };
}

describe('an incident', () => {
  test('[I6.6] has what happened in the 2 s after it, too', async () => {
    const { clock, system } = recordedSystem();
    system.records.recordMessages();
    const { pid, cast } = await system.start(counter, 0);
    cast.fail();
    await clock.advance(0);
    const first = system.records.incidents[0];
    expect(first).toMatchObject({ isComplete: false, at: 0 });
    expect(first?.life.map(({ what }) => what)).toEqual(['started', 'exited']);
    expect(first?.messages.map(({ event }) => event)).toEqual(['fail']);
    await clock.advance(1_000);
    const { cast: castNext } = await system.start(counter, 0);
    castNext.add(1);
    await clock.advance(1_000);
    await system.start(counter, 0);
    await clock.advance(10_000);
    const [whole, ...others] = system.records.incidents;
    expect(others).toEqual([]);
    expect(whole).toMatchObject({ id: first?.id, title: first?.title, at: 0, isComplete: true });
    expect(whole?.life.map(({ what, at }) => [what, at])).toEqual([
      ['started', 0],
      ['exited', 0],
      ['started', 1_000],
    ]);
    expect(whole?.messages.map(({ event }) => event)).toEqual(['fail', 'add']);
    expect(system.isAlive(pid)).toBe(false);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('is complete when lives are recorded no longer; nothing waits any more', async () => {
    const { clock, system, end } = recordedSystem();
    const { cast } = await system.start(counter, 0);
    cast.fail();
    await clock.advance(500);
    await system.start(counter, 0);
    end();
    expect(system.records.incidents[0]).toMatchObject({ isComplete: true });
    expect(system.records.incidents[0]?.life).toHaveLength(3);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('has 2,000 records of before and 500 of after at most, those next to it', async () => {
    const { clock, system } = recordedSystem();
    system.records.recordMessages();
    const { cast } = await system.start(counter, 0);
    const other = await system.start(counter, 0);
    for (let by = 1; by < 2_500; by++) other.cast.add(by);
    await other.call.add(0);
    cast.fail();
    await clock.advance(0);
    for (let by = 1; by < 2_500; by++) other.cast.add(by);
    await other.call.add(0);
    await clock.advance(2_000);
    const { messages, isComplete } = system.records.incidents[0] ?? { messages: [] };
    expect(isComplete).toBe(true);
    expect(messages).toHaveLength(2_500);
    expect(messages.findIndex(({ outcome }) => outcome === 'crashed')).toBe(1_999);
    expect(messages.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 2_500 }, (_, index) => 502 + index),
    );
    await system.stop();
  });
});

describe('who a process is', () => {
  test('is told of one at the end of a long chain, in a path that is not as long', async () => {
    const clock = createTestClock();
    const system = createSystem({ logger: silentLogger, clock });
    system.spawn(link, 12_000);
    await clock.advance(0);
    while (Array.from(system.processes()).length < 12_001) await clock.advance(0);
    let last: Pid | undefined;
    for (const { pid } of system.processes()) last = pid;
    const path = last && system.records.describeProcess(last)?.path;
    expect(path?.length).toBeLessThan(1_100);
    expect(path).toMatch(/^<\d+>\/link<\d+>\/.*\/link<12001>$/);
    const paths = Array.from(system.processes(), ({ pid }) => system.records.identityOf(pid)?.path);
    expect(new Set(paths).size).toBe(12_001);
    await system.stop();
  }, 150_000);

  test('is another where names only look alike', async () => {
    const system = createSystem({ logger: silentLogger, clock: createTestClock() });
    const hostile = ['a/b', 'a%2Fb', 'a%252Fb', '../..', ' ', '\n', '<script>', '\u202e', '%'];
    for (const name of hostile) await system.start(counter, 0, { name });
    const paths = Array.from(system.processes(), ({ pid }) => system.records.identityOf(pid)?.path);
    expect(new Set(paths).size).toBe(hostile.length);
    expect(paths.slice(0, 2)).toEqual(['a%2Fb', 'a%252Fb']);
    expect(paths.every((path) => path?.includes('/') === false)).toBe(true);
    await system.stop();
  });
});
