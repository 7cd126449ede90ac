import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { missingPackages } from '../../scripts/test/shells.mjs';
import { until } from '../fixtures/processes/census.mjs';
import { hasProgram, SCRIPT, SHELLS, WatchdogBench } from '../fixtures/watchdog-bench.ts';

jest.setTimeout(60_000);

let bench: WatchdogBench;
beforeEach(() => {
  bench = new WatchdogBench();
});
afterEach(() => bench.close());

test('[T3.1] there is a shell; `npm test` knows what Debian calls those that are missing', () => {
  expect(SHELLS.map(([program]) => program)).toContain('sh');
  expect(missingPackages(bench.base)).toEqual(['dash', 'busybox', 'mksh', 'shellcheck']);
  writeFileSync(join(bench.base, 'mksh'), '', { mode: 0o755 });
  expect(missingPackages(`/nowhere:${bench.base}`)).toEqual(['dash', 'busybox', 'shellcheck']);
});

if (hasProgram('shellcheck')) {
  test('[T3.1] [I4.7] shellcheck finds nothing', () => {
    const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', SCRIPT], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
}

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('$name', ({ shell }) => {
  test('[R4.1] [R4.2] [T3.1] the end of its stdin is the end of the groups, within a second', async () => {
    const run = bench.run({ shell });
    const group = bench.victim(['sh', '-c', 'sleep 1000 & sleep 1000 & wait']);
    const stopped = bench.victim();
    const other = bench.victim();
    process.kill(stopped.pid, 'SIGSTOP');
    run.write(group.line, stopped.line);
    await until(() => run.stdout === 'ready\n', 'ready');
    run.end();
    expect(await run.goneAfter(group)).toBeLessThan(1_000);
    expect(await run.goneAfter(stopped)).toBeLessThan(1_000);
    expect(await run.exited).toEqual([0, null]);
    expect(run.log).toContain(`sent TERM to group ${String(stopped.pid)}\n`);
    expect(run.log).not.toContain('KILL');
    expect(run.log.trim()).toMatch(/nothing is left$/u);
    expect([other.isAlive(), run.stderr]).toEqual([true, '']);
  });

  test('[T3.1] told bye it leaves and touches nobody; what is gone is forgotten', async () => {
    const [run, second] = [bench.run({ shell }), bench.run({ shell })];
    const victim = bench.victim();
    run.write(victim.line, 'bye');
    expect(await run.exited).toEqual([0, null]);
    second.write(victim.line, `- ${String(victim.pid)}`);
    second.end();
    expect(await second.exited).toEqual([0, null]);
    expect(second.log).toContain(`forgets ${String(victim.pid)}`);
    expect(victim.isAlive()).toBe(true);
  });

  test('[T3.1] [I4.7] garbage, NULs, endless lines, half lines, evil numbers: nobody is hit', async () => {
    const run = bench.run({ shell });
    const innocent = bench.victim();
    const pid = String(innocent.pid);
    const meant = bench.victim();
    const evil = join(bench.base, 'evil');
    const start = innocent.line.split(' ').at(-1) ?? '';
    run.write(
      ...['', ' ', '+', '-', '+ 0 1', '+ 1 1', `+ -${pid} ${start}`, '+ -1 -', '- 0', '+ x y'],
      ...[`+ $(touch ${evil}) -`, `+ \`touch ${evil}\` -`, `+ ; touch ${evil}`, '+ * *', '\\', "'"],
      ...[`+ 0${pid} ${start}`, `+ ${pid}; -`, `+ ${pid} $x`, `+ ${pid} ${start} more`, `+ ${pid}`],
      ...[`+ ${pid}${pid}${pid} -`, `+\0 ${pid}\0 \0`, '\0\0\0', `term ${pid}`, `BYE`, 'byebye'],
      ...['x'.repeat(65_000), `+ ${'1'.repeat(65_000)} -`, `+ ${pid} ${'9'.repeat(65_000)}`],
      // The number is that of another by now: its start time says so.
      `+ ${pid} ${start.startsWith('1') ? '2' : '1'}${start.slice(1)}`,
      meant.line,
    );
    run.end(`+ ${pid} -`);
    await run.goneAfter(meant);
    expect(await run.exited).toEqual([0, null]);
    expect(run.log).toContain(`${pid} belongs to somebody else now`);
    expect(innocent.isAlive()).toBe(true);
    expect(run.log).not.toContain(`group ${pid}`);
    expect(spawnSync('ls', [evil]).status).not.toBe(0);
  });

  test('[I4.1] whoever carries the marker goes too; who only looks like it stays', async () => {
    const run = bench.run({ shell, env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker } });
    const marked = bench.victim(['sleep', '1000'], bench.marked);
    const name = `SNAKEPIT_RUN_${bench.runId}`;
    const lookalikes = [
      bench.victim(['sleep', '1000'], { [name]: '10' }),
      bench.victim(['sleep', '1000'], { [`X${name}`]: '1' }),
      bench.victim(['sleep', '1000'], { OTHER: bench.marker }),
    ];
    await until(() => run.stdout === 'ready\n', 'ready');
    run.end();
    expect(await run.goneAfter(marked)).toBeLessThan(1_000);
    expect(await run.exited).toEqual([0, null]);
    expect(lookalikes.map((one) => one.isAlive())).toEqual([true, true, true]);
    expect(run.log).toContain(`sent TERM to marked process ${String(marked.pid)}\n`);
  });

  test('[R4.1] what service managers and terminals send to everybody does not end it', async () => {
    const run = bench.run({ shell });
    const victim = bench.victim();
    run.write(victim.line);
    await until(() => run.log.includes('watches'), 'reading');
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM', 'SIGPIPE'] as const) {
      process.kill(run.pid, signal);
    }
    run.end();
    expect(await run.goneAfter(victim)).toBeLessThan(1_000);
    expect(await run.exited).toEqual([0, null]);
  });
});

test('[R4.3] what ignores TERM is killed after three seconds, in every shell', async () => {
  await Promise.all(
    SHELLS.map(async (shell) => {
      const run = bench.run({ shell, env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker } });
      const stubborn = await bench.stubborn();
      const nohup = "trap '' TERM; while :; do sleep 100; done";
      const marked = bench.victim(['sh', '-c', nohup], bench.marked);
      const asked = bench.victim();
      run.write(stubborn.line, asked.line);
      await until(() => run.stdout === 'ready\n', 'ready');
      run.end();
      expect(await run.goneAfter(asked)).toBeLessThan(1_000);
      const afterMs = await run.goneAfter(stubborn);
      // Its grace went on while nothing ran here.
      expect(performance.now() - run.endedAtMs).toBeGreaterThan(2_900);
      expect(afterMs).toBeLessThan(5_000);
      await run.goneAfter(marked);
      expect(await run.exited).toEqual([0, null]);
      expect(run.log).toContain(`sent KILL to group ${String(stubborn.pid)}\n`);
      // Others of the marked shells' watchdogs may have been faster.
      expect(run.log.trim()).toMatch(/nothing is left$/u);
    }),
  );
});

test('[T3.1] the grace is a setting, also where sleep knows whole seconds only', async () => {
  const PATH = bench.pathWith({ sleep: 'case $1 in *.*) exit 1 ;; esac\nexec /bin/sleep "$1"' });
  const env = { SNAKEPIT_WATCHDOG_GRACE: '1', PATH };
  // Without /proc it has no clock, and counts its naps.
  const script = bench.changed('no-proc.sh', (text) => text.replace('proc=/proc', 'proc=/none'));
  const run = bench.run({ env, script });
  const stubborn = await bench.stubborn();
  run.write(`+ ${String(stubborn.pid)} -`);
  await until(() => run.log.includes('watches'), 'reading');
  run.end();
  const afterMs = await run.goneAfter(stubborn);
  expect(afterMs).toBeGreaterThan(900);
  expect(afterMs).toBeLessThan(2_900);
  expect(await run.exited).toEqual([0, null]);
});

test('[R4.2] of a thousand groups the last one is asked within a second', async () => {
  const run = bench.run();
  const victims = Array.from({ length: 200 }, () => bench.victim());
  // The others ended without anybody saying so; their numbers are beyond any that is given out.
  const gone = Array.from({ length: 800 }, (_, index) => `+ ${String(5_000_000 + index)} 1`);
  run.write(...gone, ...victims.map(({ line }) => line));
  await until(() => run.log.includes(`watches ${String(victims.at(-1)?.pid)} `), 'all read');
  run.end();
  for (const victim of victims) expect(await run.goneAfter(victim)).toBeLessThan(1_000);
  expect(await run.exited).toEqual([0, null]);
});

test('[R7.4] without /proc it asks ps: groups, start times, marker', async () => {
  const script = bench.changed('no-proc.sh', (text) => text.replace('proc=/proc', 'proc=/none'));
  const run = bench.run({ script, env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker } });
  const marked = bench.victim(['sleep', '1000'], bench.marked);
  const byArgument = bench.victim([
    'python3',
    '-c',
    'import time; time.sleep(1000)',
    '--snakepit-run-id',
    bench.runId,
    '-',
  ]);
  const [meant, reused] = [bench.victim(), bench.victim()];
  const lstart = (pid: number): string =>
    spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    }).stdout;
  const word = lstart(meant.pid).trim().replace(/\s+/gu, '_');
  run.write(`+ ${String(meant.pid)} ${word}`, `+ ${String(reused.pid)} Mon_Jan_1_00:00:00_2001`);
  await until(() => run.log.includes(`watches ${String(reused.pid)}`), 'reading');
  run.end();
  for (const one of [meant, marked, byArgument]) await run.goneAfter(one);
  expect(await run.exited).toEqual([0, null]);
  expect(reused.isAlive()).toBe(true);
});

test('[I4.7] it complains where the kill of the shell does not signal groups', async () => {
  const useless = 'kill() { case $2 in -*) return 1 ;; esac; command kill "$@"; }\n';
  const script = bench.changed('no-groups.sh', (text) => `${useless}${text}`);
  const [broken, fine] = [bench.run({ script }), bench.run()];
  const victim = bench.victim();
  for (const run of [broken, fine]) {
    // Nobody can be asked about a group that is gone.
    run.write('+ 5000000 1', victim.line);
    await until(() => run.log.includes(`watches ${String(victim.pid)}`), 'reading');
    run.write('bye');
    await run.exited;
  }
  expect(broken.stdout).toBe('ready\nfault kill of this shell does not signal process groups\n');
  expect(fine.stdout).toBe('ready\n');
});

if (process.platform === 'linux') {
  test('[R4.4] idle it costs less than a megabyte of its own, and no time', async () => {
    const run = bench.run();
    run.write(
      ...Array.from({ length: 1_000 }, (_, i) => `+ ${String(5_000_000 + i)} ${String(i)}`),
    );
    await until(() => run.log.includes('watches 5000999 '), 'all read');
    const rollup = readFileSync(`/proc/${String(run.pid)}/smaps_rollup`, 'utf8');
    const kB = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(rollup)?.[1]);
    const turns = (): string => readFileSync(`/proc/${String(run.pid)}/schedstat`, 'utf8');
    // It writes its log before it reads on.
    await until(async () => {
      const then = turns();
      await sleep(100);
      return turns() === then;
    }, 'it to have read all');
    const before = turns();
    await sleep(2_000);
    // Not a nanosecond, not a turn: it is blocked.
    expect(turns()).toBe(before);
    const own = kB('Private_Clean') + kB('Private_Dirty');
    // What RSS counts besides is shared with every other program: the C library and the shell's file.
    console.info(
      `watchdog of 1,000 groups: ${String(own)} kB of its own, RSS ${String(kB('Rss'))} kB`,
    );
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThan(1_024);
    run.write('bye');
    await run.exited;
  });
}
