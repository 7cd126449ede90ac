import type { Round } from '../round.ts';
import type { Scenario } from '../scenario.ts';
import type { Victim } from '../victim.ts';
import type { Shot } from '../witness.ts';

const killedAtStart: Scenario = {
  name: 'start-killed',
  about: 'SIGKILL of the runtime at any moment of its start',
  async play(round) {
    const starts = round.random.integer(1, 3);
    for (let start = 0; start < starts; start += 1) {
      const victim = round.spawn({ size: round.random.integer(1, 4) });
      await victim.heard('starting', { limitMs: 60_000 });
      await round.pause(0, 1_200);
      if (!victim.isRunning) throw new Error(`it ended by itself: ${victim.lastWords}`);
      await round.killRuntime(victim);
    }
    if (round.random.chance(0.3)) await round.startNext();
  },
};

const killedWhileDraining: Scenario = {
  name: 'drain-killed',
  about: 'the runtime, a worker or both are killed while the system stops in order',
  async play(round) {
    const victim = await round.startBusy();
    const workers = await round.workers(victim);
    victim.call('work', { ms: 2_000 });
    await round.pause(0, 50);
    round.tell('it is told to stop');
    victim.order('stop');
    await victim.heard('stopping');
    await round.pause(0, 1_500);
    const target = round.random.pick(workers);
    const what = round.random.pick(['runtime', 'worker', 'both'] as const);
    if (what === 'runtime') await round.killRuntime(victim);
    else if (what === 'both') {
      await round.killRuntime(victim, {
        before: [{ at: target, signal: 'SIGKILL' }],
        isGuarded: false,
      });
      await round.startNext();
    } else {
      await round.shootWhileStopping(victim, target);
    }
  },
};

const killedTogether: Scenario = {
  name: 'same-instant',
  about:
    'runtime and worker are killed in the same instant, in either order; the watchdog or the next start ends the rest',
  async play(round) {
    await attackGuarded(round, async (victim) => {
      const shots = (await round.workers(victim)).map((at): Shot => ({ at, signal: 'SIGKILL' }));
      return round.random.chance(0.5) ? { before: shots } : { after: shots };
    });
  },
};

const daemons: Scenario = {
  name: 'daemons',
  about:
    'workers have daemons in sessions of their own, ended by the watchdog or the next start; strict descendants end those without environment too',
  async play(round) {
    const count = round.random.integer(1, 4);
    if (round.random.chance(0.3)) {
      const victim = await round.startBusy({ config: { descendants: 'strict' } });
      await round.giveFamily(victim, { kids: 1, daemons: count, cleared: count });
      await round.killRuntime(victim);
      return;
    }
    await attackGuarded(round, async (victim) => {
      await round.giveFamily(victim, { kids: 2, daemons: count });
      return {};
    });
  },
};

async function attackGuarded(
  round: Round,
  prepare: (
    victim: Victim,
  ) => Promise<{ readonly before?: readonly Shot[]; readonly after?: readonly Shot[] }>,
): Promise<void> {
  const isGuarded = round.random.chance(0.5);
  round.tell(isGuarded ? 'a watchdog guards' : 'nobody guards');
  const victim = await round.startBusy({ config: isGuarded ? { watchdog: true } : {} });
  const around = await prepare(victim);
  await round.killRuntime(victim, { ...around, isGuarded, onlyGuard: isGuarded });
  if (!isGuarded) await round.startNext();
}

/** Histories that are about the moment, or about who dies together. */
export const momentScenarios: readonly Scenario[] = [
  killedAtStart,
  killedWhileDraining,
  killedTogether,
  daemons,
];
