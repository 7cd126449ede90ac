import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createToken, until } from '../../fixtures/processes/census.mjs';
import { endEveryone, everyone, processOf, type OsProcess, type Traces } from './everyone.ts';
import type { Launch } from './options.ts';
import type { Scenario } from './scenario.ts';
import type { RoundResult } from './statistics.ts';
import { createRandom, type Random } from './system/random.mjs';
import { PYTHON, Victim, type Said, type VictimOptions } from './victim.ts';
import { isDeadly, withoutWatchdog, wronglyEnded } from './verdicts.ts';
import { nowMs, type Shot, type Sighting, type Witness } from './witness.ts';

/** When everything of a dead runtime must be gone, in milliseconds (R1.1). */
const GONE_MS = 5_000;
/** How long it may take until a fault is seen and its worker is declared dead or sick, in milliseconds. */
const DETECT_MS = 20_000;

/** What of a system is not as usual. */
export interface SystemOptions extends Partial<Omit<VictimOptions, 'config'>> {
  /** Workers; default 2. */
  readonly size?: number;
  /** Further options of the configuration. */
  readonly config?: object;
}

/** One history against one system, and the book that is kept of it. */
export class Round {
  /** Where every choice of this round comes from. */
  readonly random: Random;
  /** A directory of this round's own. */
  readonly base = mkdtempSync(join(tmpdir(), 'chaos-'));
  readonly #number: number;
  readonly #scenario: string;
  readonly #seed: number;
  readonly #launch: Launch;
  readonly #witness: Witness;
  readonly #traces: Traces;
  readonly #victims: Victim[] = [];
  readonly #story: string[] = [];
  readonly #detectMs: number[] = [];
  readonly #goneMs: number[] = [];
  readonly #backstopGoneMs: number[] = [];
  #kills = 0;
  #lost = 0;
  #lastEndMs = performance.now();

  constructor(
    number: number,
    { name, launch }: Pick<Scenario, 'name' | 'launch'>,
    match: { readonly seed: number; readonly launch: Launch },
    witness: Witness,
  ) {
    this.#number = number;
    this.#scenario = name;
    this.#seed = match.seed;
    this.#launch = launch ?? match.launch;
    this.random = createRandom(match.seed, number);
    this.#witness = witness;
    const token = createToken();
    // Nobody else on this machine sleeps just as long.
    this.#traces = { token, nap: `100000.${String(parseInt(token.value.slice(0, 12), 16))}` };
  }

  /** Notes what is done, for whoever reads of a round that failed. */
  tell(what: string): void {
    this.#story.push(what);
  }

  /** Seconds that sleeping processes of this round sleep; they are found by it. */
  get nap(): string {
    return this.#traces.nap;
  }

  /** Everybody of this round who lives now. */
  everyone(): readonly OsProcess[] {
    return everyone(this.#traces);
  }

  /** Starts a system, and does not wait for anything. */
  spawn({ size = 2, config = {}, ...victim }: SystemOptions = {}): Victim {
    const started = new Victim({
      token: this.#traces.token,
      base: this.base,
      seed: this.#seed + this.#number,
      ...victim,
      // Not by the configuration: it is said to those that can be forked only.
      env: { SNAKEPIT_LAUNCH: this.#launch, ...victim.env },
      config: {
        stateDir: join(this.base, 'state'),
        python: PYTHON,
        adapter: 'chaos_adapter.Chaos',
        cwd: join(import.meta.dirname, 'system'),
        // Rounds are short, and crashes many: what is tested is that each is mended, not when it is given up.
        restart: { maxRestarts: 100, backoff: { initial: 20, max: 200 } },
        pools: [{ name: 'default', size }],
        ...config,
      },
    });
    this.#victims.push(started);
    return started;
  }

  /** Starts a system and waits until it serves. */
  async start(options: SystemOptions = {}): Promise<Victim> {
    const victim = this.spawn(options);
    await victim.heard('started', { limitMs: 60_000 });
    this.tell(`a system with ${options.size ?? 2} workers serves`);
    return victim;
  }

  /** Starts a system whose workers have children, and puts it under load. */
  async startBusy(options: SystemOptions = {}): Promise<Victim> {
    const { size = 2 } = options;
    const victim = await this.start(options);
    const kids = this.random.integer(0, 4);
    for (let worker = 0; worker < size; worker += 1) await this.giveFamily(victim, { kids });
    victim.order('load', { width: size * 2 });
    await this.pause(50, 400);
    return victim;
  }

  /** Lets some worker have children, and daemons that left its group, with or without environment. */
  async giveFamily(
    victim: Victim,
    { kids = 0, daemons = 0, cleared = 0 }: Readonly<Record<string, number>>,
  ): Promise<void> {
    this.tell(`a worker gets ${kids} children, ${daemons} daemons, ${cleared} without environment`);
    await this.answered(
      victim,
      victim.call('family', { kids, daemons, cleared, seconds: this.nap }),
    );
  }

  /** Waits until a call has its answer. */
  async answered(victim: Victim, id: number): Promise<Said> {
    const answer = await victim.heard(['answered', 'failed'], {
      matches: (said) => said['id'] === id,
    });
    if (answer.event === 'failed') throw new Error(`a call failed: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Lets some milliseconds pass, as many as the seed says. */
  async pause(lowMs: number, highMs: number): Promise<void> {
    await sleep(this.random.integer(lowMs, highMs));
  }

  /** Waits until a tool has said that it has begun. */
  async begun(mark: string): Promise<void> {
    await until(() => existsSync(mark), `${mark} to be made`, 60_000);
  }

  /** The processes of the workers that serve. */
  async workers(victim: Victim): Promise<readonly OsProcess[]> {
    return (await victim.workers()).flatMap(({ osPid, state, id }) =>
      osPid !== undefined && state.startsWith('ready') ? (processOf(osPid, id) ?? []) : [],
    );
  }

  /**
   * Ends a runtime by a signal, and measures how long its last descendant lives.
   *
   * @param around - Shots to others: in the same instant, before it and after it.
   * @param isGuarded - Whether everything must go by itself; else the next start has to end what is left.
   * @param onlyGuard - Whether nobody but the watchdog can end what is left.
   */
  async killRuntime(
    victim: Victim,
    {
      signal = 'SIGKILL',
      before = [],
      after = [],
      isGuarded = true,
      onlyGuard = false,
    }: {
      readonly signal?: NodeJS.Signals;
      readonly before?: readonly Shot[];
      readonly after?: readonly Shot[];
      readonly isGuarded?: boolean;
      readonly onlyGuard?: boolean;
    } = {},
  ): Promise<void> {
    const shots = [...before, { at: victim.process, signal }, ...after];
    this.tell(shots.map((shot) => `${shot.signal} to ${shot.at.command}`).join(', at once '));
    const seen = await this.#watched(shots, isGuarded ? GONE_MS : 200);
    victim.attackedAtMs = seen.atMs;
    await victim.exited;
    if (!isGuarded || seen.missed.includes(victim.process.pid)) return;
    const goneMs = await this.#lastGoneMs(seen);
    this.tell(`its last descendant is gone after ${Math.round(goneMs)} ms`);
    if (signal !== 'SIGKILL') return;
    const isBackstop = onlyGuard || before.some((shot) => shot.signal === 'SIGSTOP');
    (isBackstop ? this.#backstopGoneMs : this.#goneMs).push(goneMs);
  }

  /** Lets a runtime end itself in a way that asks nobody. */
  async letDie(victim: Victim, how: string): Promise<void> {
    this.tell(`the runtime ends by ${how}`);
    victim.order('die', { how });
    await victim.exited;
    this.#kills += 1;
    this.#lastEndMs = performance.now();
  }

  /** Harms workers, or a fork server, by a signal and waits until the runtime knows. */
  async shootWorkers(
    victim: Victim,
    targets: readonly OsProcess[],
    signal: NodeJS.Signals,
  ): Promise<void> {
    this.tell(`${signal} to ${targets.map(({ command }) => command).join(' and ')}`);
    for (const { pid } of targets) victim.harmed.add(pid);
    const shots = targets.map((at) => ({ at, signal }));
    const { atMs, missed } = await this.#witness.attack(shots, [], 0);
    const hit = targets.filter(({ pid }) => !missed.includes(pid));
    this.#kills += hit.length;
    await Promise.all(hit.map(({ pid }) => this.#detected(victim, [pid], atMs)));
  }

  /**
   * Lets one worker harm itself by a tool that it runs, and waits until the runtime knows.
   *
   * Which one takes the call nobody knows before: the first that ends was it, and only that one may.
   */
  async harmOneFromWithin(
    victim: Victim,
    workers: readonly OsProcess[],
    act: () => void,
  ): Promise<void> {
    this.#kills += 1;
    const atMs = nowMs();
    act();
    const osPid = await this.#detected(
      victim,
      workers.map(({ pid }) => pid),
      atMs,
    );
    victim.harmed.add(osPid);
  }

  /** Kills a worker of a system that stops: it stops none the less. */
  async shootWhileStopping(victim: Victim, target: OsProcess): Promise<void> {
    this.tell(`SIGKILL to ${target.command}, while it stops`);
    const { missed } = await this.#witness.attack([{ at: target, signal: 'SIGKILL' }], [], 0);
    this.#kills += 1 - missed.length;
    await this.#hasStopped(victim);
  }

  /** Sends signals that end nobody. */
  async signal(shots: readonly Shot[]): Promise<Sighting> {
    return this.#witness.attack(shots, [], 0);
  }

  /** Kills some workers one after the other, each when all serve again. */
  async skirmish(victim: Victim, most = 3): Promise<void> {
    const kills = this.random.integer(1, most);
    await victim.isServing();
    for (let kill = 0; kill < kills; kill += 1) {
      const target = this.random.pick(await this.workers(victim));
      await this.shootWorkers(victim, [target], 'SIGKILL');
      await victim.isServing();
    }
  }

  /** Lets the calls in flight be answered and ends the system, in order or by SIGKILL. */
  async end(victim: Victim): Promise<void> {
    await this.fallQuiet(victim);
    if (this.random.chance(0.3)) await this.stop(victim);
    else await this.killRuntime(victim);
  }

  /** No new calls; waits until each of the others is answered, or counts as lost. */
  async fallQuiet(victim: Victim): Promise<void> {
    const before = victim.said.length;
    victim.order('quiet');
    const quiet = await victim.heard('quiet', {
      matches: (said) => victim.said.indexOf(said) >= before,
    });
    const { sent, succeeded, failed } = quiet;
    this.tell(`of ${String(sent)} calls ${String(succeeded)} succeeded; ${JSON.stringify(failed)}`);
  }

  /** Stops a system in order. */
  async stop(victim: Victim): Promise<void> {
    this.tell('it is stopped in order');
    victim.order('stop');
    await this.#hasStopped(victim);
  }

  async #hasStopped(victim: Victim): Promise<void> {
    const { unanswered } = await victim.heard('stopped', { limitMs: 60_000 });
    this.#lost += Number(unanswered);
    await victim.exited;
    this.#lastEndMs = performance.now();
  }

  /** Starts the next runtime on the same state directory, which ends what the one before it left, and stops it. */
  async startNext(options: SystemOptions = {}): Promise<void> {
    this.tell('the next runtime starts');
    await this.stop(await this.start({ size: 1, ...options }));
  }

  /** Counts who is left, ends everybody, and says what came of the round. */
  async finish(problem: string | undefined): Promise<RoundResult> {
    const survivors = await this.#survivors();
    const falsePositives = this.#victims.flatMap(wronglyEnded);
    const lostCalls = this.#victims.flatMap(({ said }) =>
      said.filter(({ event }) => event === 'lost'),
    );
    return {
      round: this.#number,
      scenario: this.#scenario,
      kills: this.#kills,
      survivors: survivors.map(({ pid, command }) => `${pid} ${command}`.slice(0, 200)),
      lostRequests: this.#lost + lostCalls.length,
      falsePositives,
      detectMs: this.#detectMs,
      goneMs: this.#goneMs,
      backstopGoneMs: this.#backstopGoneMs,
      story: this.#story,
      problem,
    };
  }

  /** Leaves nothing: no process, no directory. */
  async close(): Promise<void> {
    try {
      await Promise.all(this.#victims.map((victim) => victim.close()));
    } finally {
      await endEveryone(this.#traces);
      rmSync(this.base, { recursive: true, force: true });
    }
  }

  async #watched(shots: readonly Shot[], limitMs: number): Promise<Sighting> {
    const watch = withoutWatchdog(this.everyone());
    this.#lastEndMs = performance.now();
    const seen = await this.#witness.attack(shots, watch, limitMs);
    this.#lastEndMs += seen.stalledMs;
    this.#kills += shots.filter(
      ({ at, signal }) => isDeadly(signal) && !seen.missed.includes(at.pid),
    ).length;
    return seen;
  }

  /** When the last one was gone, also of those who were born after the look that came before the attack. */
  async #lastGoneMs(seen: Sighting): Promise<number> {
    let lastMs = Math.max(0, ...Object.values(seen.gone));
    while (withoutWatchdog(this.everyone()).length > 0) {
      lastMs = nowMs() - seen.atMs - seen.stalledMs;
      if (lastMs > GONE_MS) break;
      await sleep(5);
    }
    return lastMs;
  }

  async #detected(victim: Victim, osPids: readonly number[], atMs: number): Promise<number> {
    const told = await victim.heard(['workerSick', 'workerEnded', 'serverSick', 'serverEnded'], {
      // Numbers come again: an end that was told before is that of another.
      matches: (said) => said.atMs >= atMs && osPids.includes(Number(said['osPid'])),
      limitMs: DETECT_MS,
    });
    this.#detectMs.push(told.atMs - atMs);
    this.tell(`${told.event} after ${Math.round(told.atMs - atMs)} ms`);
    return Number(told['osPid']);
  }

  async #survivors(): Promise<readonly OsProcess[]> {
    if (this.#victims.some(({ isRunning }) => isRunning)) return [];
    const deadline = this.#lastEndMs + GONE_MS;
    for (;;) {
      const left = this.everyone();
      if (left.length === 0 || performance.now() >= deadline) return left;
      await sleep(10);
    }
  }
}
