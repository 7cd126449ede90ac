import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { OsProcess } from '../everyone.ts';
import type { Round } from '../round.ts';
import type { Scenario } from '../scenario.ts';
import type { Victim } from '../victim.ts';
import { QUICK_HEARTBEAT } from './runtime.ts';

/** Ways of a worker to die. */
const DEATHS = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'exit'] as const;

const workerKilled: Scenario = {
  name: 'worker-killed',
  about: 'workers die under load, one after the other or all in one instant, and are replaced',
  async play(round) {
    const victim = await round.startBusy({ size: round.random.integer(1, 3) });
    const deaths = round.random.integer(3, 8);
    for (let death = 0; death < deaths; death += 1) {
      await killSome(round, victim);
      await victim.isServing();
      await round.pause(0, 200);
    }
    await round.end(victim);
  },
};

async function killSome(round: Round, victim: Victim): Promise<void> {
  const { random } = round;
  const workers = await round.workers(victim);
  if (random.chance(0.3)) {
    await round.shootWorkers(victim, workers, 'SIGKILL');
    return;
  }
  const how = random.pick(DEATHS);
  if (how !== 'exit') {
    await round.shootWorkers(victim, [random.pick(workers)], how);
    return;
  }
  await endFromWithin(round, victim, workers);
}

/** Which worker takes the call nobody knows before, so that all are counted as harmed. */
async function endFromWithin(
  round: Round,
  victim: Victim,
  workers: readonly OsProcess[],
): Promise<void> {
  round.tell('a worker calls os._exit');
  await round.harmOneFromWithin(victim, workers, () => {
    // One call that kills for the third time would be refused, and rightly so.
    victim.call('die', { how: 'exit', request: randomUUID() });
  });
}

const workerStalled: Scenario = {
  name: 'worker-stalled',
  about:
    'a worker is stopped, or holds the GIL in C for ever: its heartbeat tells, and it is replaced',
  async play(round) {
    const victim = await round.startBusy({ config: QUICK_HEARTBEAT });
    const workers = await round.workers(victim);
    if (round.random.chance(0.5)) {
      await round.shootWorkers(victim, [round.random.pick(workers)], 'SIGSTOP');
    } else {
      round.tell('a worker holds the GIL');
      await round.harmOneFromWithin(victim, workers, () => {
        const args = { seconds: 600, mark: join(round.base, 'held') };
        victim.call('hold_gil', args, { timeout: 600_000 });
      });
    }
    await victim.isServing();
    await round.skirmish(victim);
    await round.end(victim);
  },
};

const blackHole: Scenario = {
  name: 'black-hole',
  about: 'the connection to a worker stays open, and nothing that is sent arrives any more',
  async play(round) {
    const victim = await round.startBusy({ config: QUICK_HEARTBEAT });
    round.tell('a worker swallows what is sent to it');
    await round.harmOneFromWithin(victim, await round.workers(victim), () => {
      victim.call('black_hole', {}, { timeout: 8_000 });
    });
    await victim.isServing();
    await round.skirmish(victim);
    await round.end(victim);
  },
};

const forkStorm: Scenario = {
  name: 'fork-storm',
  about: 'workers fork without end, and then they or their runtime are killed',
  async play(round) {
    const victim = await round.startBusy();
    for (let call = 0; call < 2; call += 1) {
      const chains = round.random.integer(3, 10);
      round.tell(`${chains} chains of forks begin`);
      await round.answered(victim, victim.call('fork_storm', { chains, seconds: 20 }));
    }
    await round.pause(0, 300);
    if (round.random.chance(0.5)) {
      await round.shootWorkers(victim, await round.workers(victim), 'SIGKILL');
      await victim.isServing();
      await round.end(victim);
    } else {
      await round.killRuntime(victim);
    }
  },
};

/** Histories in which workers are what is attacked. */
export const workerScenarios: readonly Scenario[] = [
  workerKilled,
  workerStalled,
  blackHole,
  forkStorm,
];
