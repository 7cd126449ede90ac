import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { isAlive, statOf, until } from '../fixtures/processes/census.mjs';
import { hasProgram, SHELLS, WatchdogBench } from '../fixtures/watchdog-bench.ts';

// What can go wrong while the watchdog ends everybody; on Linux, whose /proc it looks into.

jest.setTimeout(60_000);

/** A parent that reaps nobody, a child that leads a group, and its child, which is deaf to TERM. */
const FAMILY = `
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(sys.argv[1], "w") as file:
            file.write(f"{os.getppid()}\\n{os.getpid()}\\n")
time.sleep(1000)
`;
/** On TERM it leaves its group, and ends at the next one. */
const LEAVER = `
import os, signal, sys, time
def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(0.4)
    os.setsid()
signal.signal(signal.SIGTERM, leave)
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()}\\n")
while True: time.sleep(1000)
`;

let bench: WatchdogBench;
beforeEach(() => {
  bench = new WatchdogBench();
});
afterEach(() => bench.close());

test.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
  '[I4.1] [R4.3] %s: a group whose leader is a zombie is killed at once, like that of any dead worker',
  async (_name, shell) => {
    const mark = join(bench.base, `family-${shell.join('-')}`);
    bench.victim(['python3', '-c', FAMILY, mark]);
    const [leaderPid = 0, kidPid = 0] = await bench.numbersIn(mark, 2);
    // Long, so that nobody can mistake what is at once for its end.
    const run = bench.run({ shell, env: { SNAKEPIT_WATCHDOG_GRACE: '25' } });
    run.write(`+ ${String(leaderPid)} ${statOf(leaderPid)?.startTime ?? ''}`);
    await until(() => run.log.includes('watches'), 'reading');
    process.kill(leaderPid, 'SIGKILL');
    await until(() => statOf(leaderPid)?.state === 'Z', 'a zombie');
    run.end();
    await until(() => !isAlive(kidPid), 'the kid gone');
    expect(run.sinceEndMs).toBeLessThan(20_000);
    expect(await run.exited).toEqual([0, null]);
    expect(statOf(leaderPid)?.state).toBe('Z');
    expect(run.log).toContain(`sent KILL to group ${String(leaderPid)}, whose leader is dead`);
  },
);

test('[I4.1] [R4.2] what leaves its group after TERM is asked again, outside of it', async () => {
  const run = bench.run({ env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker } });
  const mark = join(bench.base, 'leaver');
  // Its leader is deaf, so that the group is not killed for want of one.
  const leader = 'trap : TERM; python3 -c "$1" "$2" & while :; do wait; done';
  const group = bench.victim(['sh', '-c', leader, 'sh', LEAVER, mark], bench.marked);
  const [pid = 0] = await bench.numbersIn(mark, 1);
  run.write(group.line);
  await until(() => run.log.includes('watches'), 'reading');
  run.end();
  await until(() => !isAlive(pid), 'the one that left gone');
  expect(run.sinceEndMs).toBeLessThan(2_900);
  expect(await run.exited).toEqual([0, null]);
  // It writes after it has sent.
  expect(run.log).toContain(`sent TERM to marked process ${String(pid)}\n`);
});

test('[I4.1] a number that was given to another one between the look and the signal is left alone', async () => {
  const mark = join(bench.base, 'innocent');
  // It tells of a process that starts only while it looks: as if that had got the number of one that it saw.
  const PATH = bench.pathWith({
    grep:
      `case $* in *PROBE*) exec /bin/grep "$@" ;; esac\n[ -e ${mark} ] && exec /bin/grep "$@"\n` +
      `sleep 0.1; sleep 1000 </dev/null >/dev/null 2>&1 &\necho $! >${mark}\necho /proc/$!/environ`,
  });
  // What the watchdog starts is deaf to TERM, as it is itself.
  const env = { SNAKEPIT_WATCHDOG_GRACE: '0', SNAKEPIT_WATCHDOG_MARKER: bench.marker, PATH };
  const run = bench.run({ env });
  run.end();
  expect(await run.exited).toEqual([0, null]);
  const [innocent = 0] = await bench.numbersIn(mark, 1);
  try {
    expect(isAlive(innocent)).toBe(true);
  } finally {
    process.kill(innocent, 'SIGKILL');
  }
});

test('[R4.3] [I4.7] a machine that sleeps while it is at it, right after its start: KILL is sent all the same', async () => {
  const clock = join(bench.base, 'uptime');
  writeFileSync(clock, '0.09 0.00\n');
  const script = bench.changed('clock.sh', (text) => text.replace('"$proc/uptime"', clock));
  const run = bench.run({ script });
  const stubborn = await bench.stubborn();
  run.write(stubborn.line);
  await until(() => run.log.includes('watches'), 'reading');
  run.end();
  await until(() => run.log.includes('sent TERM'), 'TERM');
  writeFileSync(clock, '50000.00 0.00\n');
  await run.goneAfter(stubborn);
  expect(await run.exited).toEqual([0, null]);
  expect([run.log.includes('sent KILL to group'), run.stderr]).toEqual([true, '']);
});

if (hasProgram('busybox')) {
  test('[T3.1] [I4.1] with nothing but busybox it does all of its work', async () => {
    const tools = join(bench.base, 'tools');
    mkdirSync(tools);
    const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout;
    for (const name of ['sh', 'grep', 'xargs', 'sleep', 'ps']) {
      symlinkSync(busybox.trim(), join(tools, name));
    }
    const env = { SNAKEPIT_WATCHDOG_MARKER: bench.marker, PATH: tools };
    const run = bench.run({ shell: [join(tools, 'sh')], env });
    const [group, marked] = [bench.victim(), bench.victim(['sleep', '1000'], bench.marked)];
    run.write(group.line);
    await until(() => run.log.includes('watches'), 'reading');
    run.end();
    expect(await run.goneAfter(group)).toBeLessThan(1_000);
    await run.goneAfter(marked);
    expect(await run.exited).toEqual([0, null]);
    expect([run.stdout, run.stderr]).toEqual(['ready\n', '']);
  });
}

test('[I4.7] it complains where grep cannot search environments', async () => {
  const PATH = bench.pathWith({
    grep: 'case $1 in *z*) echo "unknown option z" >&2; exit 2 ;; esac',
  });
  const run = bench.run({ env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker, PATH } });
  const fine = bench.run({ env: { SNAKEPIT_WATCHDOG_MARKER: bench.marker } });
  for (const one of [run, fine]) one.write('bye');
  await Promise.all([run.exited, fine.exited]);
  expect(run.stdout).toMatch(/^ready\nfault xargs and grep cannot search environments/u);
  expect([fine.stdout, fine.stderr, run.stderr]).toEqual(['ready\n', '', '']);
});
