import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createOomKills, type OomKills } from './oom-kills.ts';

// The files of a kernel that the tests write; a real kill is in test/integration/worker-deaths.test.ts.

let base: string;
let atMs: number;
let kills: OomKills;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'oom-'));
  atMs = 5_000;
  kills = createOomKills({ proc: join(base, 'proc'), cgroups: join(base, 'cg'), now: () => atMs });
});
afterEach(() => rmSync(base, { recursive: true }));

function write(path: string, text: string): void {
  const file = join(base, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
}

const v2 = '0::/app/one\n';
const v1 = '5:devices:/\n4:cpu,memory:/app/one\n0::/\n';
const events = (count: number): string =>
  `low 0\nhigh 0\nmax 9\noom 9\noom_kill ${String(count)}\noom_group_kill 7\n`;
const control = (count: number): string =>
  `oom_kill_disable 0\nunder_oom 0\noom_kill ${String(count)}\n`;

describe('createOomKills', () => {
  test.each([
    ['v2', v2, 'cg/app/one/memory.events', events],
    ['v2 on a hybrid machine', v2, 'cg/unified/app/one/memory.events', events],
    ['v2, seen from a container', v2, 'cg/memory.events', events],
    ['v1', v1, 'cg/memory/app/one/memory.oom_control', control],
    ['v1, seen from a container', v1, 'cg/memory/memory.oom_control', control],
  ])('[I4.2] cgroup %s: a kill since the last one is told', (_, cgroup, file, text) => {
    write('proc/42/cgroup', cgroup);
    write(file, text(3));
    const watch = kills.watch(42, true);
    expect(watch.wasKilled()).toBe(false);
    write(file, text(4));
    expect(watch.wasKilled()).toBe(true);
    atMs += 1_000;
    expect(watch.wasKilled()).toBe(false);
  });

  test('[I4.2] several that one lack of memory ended are all told, and later ones are not', () => {
    write('proc/1/cgroup', v2);
    write('proc/2/cgroup', v2);
    write('cg/app/one/memory.events', events(0));
    const [one, two] = [kills.watch(1, true), kills.watch(2, true)];
    write('cg/app/one/memory.events', events(1));
    expect(one.wasKilled()).toBe(true);
    one.release();
    atMs += 999;
    expect(two.wasKilled()).toBe(true);
    atMs += 1;
    expect(two.wasKilled()).toBe(false);
  });

  test('[I7.4] where somebody is watched already nothing is read again for another one that starts', () => {
    write('proc/1/cgroup', v2);
    write('proc/2/cgroup', v2);
    write('cg/app/one/memory.events', events(0));
    const one = kills.watch(1, false);
    rmSync(join(base, 'cg/app/one/memory.events'));
    const two = kills.watch(2, false);
    two.settle();
    write('cg/app/one/memory.events', events(1));
    expect(two.wasKilled()).toBe(true);
    two.release();
    one.release();
  });

  test('what was killed there before it came is not its own', () => {
    write('proc/1/cgroup', v2);
    write('cg/app/one/memory.events', events(1));
    kills.watch(1, true).release();
    write('cg/app/one/memory.events', events(2));
    expect(kills.watch(1, true).wasKilled()).toBe(false);
  });

  test('looked at again, it is found where it has moved to', () => {
    write('proc/1/cgroup', v2);
    write('cg/app/one/memory.events', events(0));
    const watch = kills.watch(1, true);
    write('proc/1/cgroup', '0::/app/two\n');
    write('cg/app/two/memory.events', events(5));
    watch.settle();
    write('cg/app/one/memory.events', events(1));
    expect(watch.wasKilled()).toBe(false);
    write('cg/app/two/memory.events', events(6));
    rmSync(join(base, 'proc/1'), { recursive: true });
    watch.settle();
    expect(watch.wasKilled()).toBe(true);
    watch.release();
  });

  test('[I4.6] one that does not even start is followed, too', async () => {
    write('proc/1/cgroup', v2);
    write('cg/app/one/memory.events', events(0));
    const watch = kills.watch(1, true);
    write('proc/1/cgroup', '0::/app/two\n');
    write('cg/app/two/memory.events', events(5));
    await new Promise((resolve) => setTimeout(resolve, 200));
    write('cg/app/two/memory.events', events(6));
    // It has ended, and nobody has reaped it yet.
    write('proc/1/cgroup', '4:memory:/\n');
    write('cg/memory/memory.oom_control', control(9));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(watch.wasKilled()).toBe(true);
    watch.release();
  });

  test('[I7.2] one that is where its parent is needs no second look before it has started', async () => {
    write('proc/1/cgroup', v2);
    write('cg/app/one/memory.events', events(0));
    const watch = kills.watch(1, false);
    // Whoever looked again would find it here.
    write('proc/1/cgroup', '0::/app/two\n');
    write('cg/app/two/memory.events', events(0));
    await new Promise((resolve) => setTimeout(resolve, 200));
    write('cg/app/one/memory.events', events(1));
    expect(watch.wasKilled()).toBe(true);
    watch.release();
  });

  test.each([
    ['no such process', undefined, undefined],
    ['no such cgroup', v2, undefined],
    ['a path that leads out', '0::/../../etc\n', undefined],
    ['an old kernel, which does not count', v1, 'oom_kill_disable 0\nunder_oom 0\n'],
  ])('nothing is told where nothing can be known: %s', (_, cgroup, text) => {
    if (cgroup !== undefined) write('proc/9/cgroup', cgroup);
    if (text !== undefined) write('cg/memory/app/one/memory.oom_control', text);
    const watch = kills.watch(9, true);
    watch.settle();
    expect(watch.wasKilled()).toBe(false);
    watch.release();
    watch.release();
  });
});
