import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Round } from '../round.ts';
import type { Scenario } from '../scenario.ts';
import type { Victim } from '../victim.ts';

const noDescriptors: Scenario = {
  name: 'no-descriptors',
  about: 'a worker, or the runtime, has no file descriptor left (RLIMIT_NOFILE)',
  async play(round) {
    const victim = await round.startBusy({ before: 'ulimit -n 256' });
    if (round.random.chance(0.5)) await exhaustWorker(round, victim);
    else await exhaustRuntime(round, victim);
  },
};

async function exhaustWorker(round: Round, victim: Victim): Promise<void> {
  round.tell('a worker takes every descriptor it may have');
  for (const { pid } of await round.workers(victim)) victim.harmed.add(pid);
  await round.answered(victim, victim.call('exhaust_descriptors'));
  await round.pause(100, 500);
  await round.end(victim);
}

async function exhaustRuntime(round: Round, victim: Victim): Promise<void> {
  const ms = round.random.integer(300, 1_500);
  round.tell(`the runtime has no descriptor for ${ms} ms`);
  victim.order('exhaustDescriptors', { ms });
  await victim.heard('exhausted');
  if (round.random.chance(0.3)) {
    await round.killRuntime(victim);
    return;
  }
  await round.skirmish(victim, 1);
  await round.end(victim);
}

const diskFull: Scenario = {
  name: 'disk-full',
  about: 'the state directory is a file system of some pages, and full',
  impossible: () => {
    if (process.getuid?.() !== 0) return 'mounting a small file system needs root';
    const { status } = spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return status === 0 ? undefined : 'this kernel allows no mount namespace (unshare --mount)';
  },
  async play(round) {
    const pages = round.random.integer(1, 4);
    round.tell(`the state directory has ${pages} pages`);
    const state = join(round.base, 'state');
    const sockets = join(round.base, 'sockets');
    mkdirSync(state, { mode: 0o700 });
    const victim = await round.startBusy({
      size: 3,
      ownMounts: true,
      env: { CHAOS_STATE: state, CHAOS_SIZE: `${pages * 4}k` },
      before: 'mount -t tmpfs -o "size=$CHAOS_SIZE,mode=0700" tmpfs "$CHAOS_STATE" || exit 9',
      config: { socketDir: sockets },
    });
    await round.skirmish(victim, 4);
    await round.end(victim);
  },
};

const noProcessor: Scenario = {
  name: 'no-processor',
  about: 'other processes take every processor for some seconds: no worker is replaced',
  async play(round) {
    const victim = await round.startBusy();
    const count = availableParallelism() * round.random.integer(2, 3);
    round.tell(`${count} processes take the processors`);
    const burners = Array.from({ length: count }, startBurner);
    try {
      await round.pause(1_500, 3_000);
      if (round.random.chance(0.5)) {
        await round.killRuntime(victim);
        return;
      }
      await round.skirmish(victim, 2);
    } finally {
      await Promise.all(burners.map(endBurner));
    }
    await round.end(victim);
  },
};

/** Not of the round, so not a survivor of it; the limit ends it should this program be killed. */
function startBurner(): ChildProcess {
  return spawn('sh', ['-c', 'ulimit -t 10; while :; do :; done'], { stdio: 'ignore' });
}

async function endBurner(burner: ChildProcess): Promise<void> {
  if (burner.exitCode !== null || burner.signalCode !== null) return;
  const exit = once(burner, 'exit');
  burner.kill('SIGKILL');
  await exit;
}

const clockJump: Scenario = {
  name: 'clock-jump',
  about:
    'the time of day jumps for runtime and workers (Date and time.time; the clock of the machine stays): no worker is replaced',
  async play(round) {
    const victim = await round.startBusy();
    const ms = round.random.pick([-30, -1, 1, 30]) * 24 * 3_600_000;
    round.tell(`the time of day jumps by ${ms / 3_600_000} hours`);
    victim.order('shiftClock', { ms });
    const calls = [1, 2, 3, 4].map(() => victim.call('shift_clock', { seconds: ms / 1_000 }));
    await Promise.all(calls.map((id) => round.answered(victim, id)));
    await round.pause(1_500, 2_500);
    await round.skirmish(victim);
    await round.end(victim);
  },
};

/** Histories in which something runs out, or is not what it was. */
export const scarcityScenarios: readonly Scenario[] = [
  noDescriptors,
  diskFull,
  noProcessor,
  clockJump,
];
