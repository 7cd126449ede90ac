import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createToken, isForkServer, until } from '../fixtures/processes/census.mjs';
import { endEveryone, everyone, type OsProcess, type Traces } from './command/everyone.ts';
import { PYTHON, Victim, type VictimOptions } from './command/victim.ts';
import { startWitness, type Shot, type Sighting, type Witness } from './command/witness.ts';

/** What the one worker of a pool is at when its runtime dies; the pool has the same name. */
export type State =
  'idle' | 'gil' | 'regex' | 'stopped' | 'deaf' | 'family' | 'twins' | 'importing';

/** When everything must be gone, in milliseconds (R1.1). */
export const GONE_MS = 5_000;
/** Children, and daemons in sessions of their own, of the worker that has a family. */
const [KIDS, DAEMONS] = [15, 5];
/** Forks of a worker, in its group and out of it, that run no program of their own. */
const TWINS = 3;

/** A runtime whose workers are each in another state, on a directory of its own. */
export class DyingRuntime {
  readonly base = mkdtempSync(join(tmpdir(), 'death-'));
  readonly traces: Traces;
  readonly #witness: Witness = startWitness(PYTHON);
  readonly #victims: Victim[] = [];
  #states: readonly State[] = [];

  constructor() {
    const token = createToken();
    const nap = `100000.${String(parseInt(token.value.slice(0, 12), 16))}`;
    this.traces = { token, nap };
  }

  /** Starts a runtime on this directory, and does not wait for it. */
  spawn(config: object, options: Partial<VictimOptions> = {}): Victim {
    const victim = new Victim({
      ...{ token: this.traces.token, base: this.base, seed: 1 },
      ...options,
      config: {
        stateDir: join(this.base, 'state'),
        python: PYTHON,
        adapter: 'chaos_adapter.Chaos',
        cwd: join(import.meta.dirname, 'command/system'),
        // None of these workers may be taken for sick before its runtime dies.
        heartbeat: { timeoutThreshold: 300_000, maxMissed: 100 },
        ...config,
      },
    });
    this.#victims.push(victim);
    return victim;
  }

  /** Starts a runtime, one pool of one worker for each state, and brings each into its state. */
  async start(
    states: readonly State[],
    layersOff: string,
    config: object = {},
    nodeOptions: readonly string[] = [],
  ): Promise<Victim> {
    this.#states = states;
    const env = layersOff === '' ? {} : { SNAKEPIT_WITHOUT_LAYERS: layersOff };
    const pools = states.map((name) => ({
      ...{ name, size: 1 },
      ...(name === 'importing' ? { env: { CHAOS_IMPORT_MARK: join(this.base, 'imported') } } : {}),
    }));
    const victim = this.spawn({ ...config, pools }, { env, nodeOptions });
    await victim.heard('started', { limitMs: 60_000 });
    await Promise.all(states.map((state) => this.#bring(victim, state)));
    return victim;
  }

  /** Kills the runtime, and with it, in the same instant, whoever else is named. */
  async kill(victim: Victim, watch: readonly OsProcess[], limitMs = GONE_MS): Promise<Sighting> {
    const stopped = this.workerOf('stopped');
    const seen = await this.#witness.attack(
      [
        ...(stopped === undefined ? [] : [{ at: stopped, signal: 'SIGSTOP' } as const]),
        { at: victim.process, signal: 'SIGKILL' },
      ],
      watch,
      limitMs,
    );
    await victim.exited;
    return seen;
  }

  /** Sends one signal and waits until those who are watched are gone. */
  shoot(at: OsProcess, signal: NodeJS.Signals, watch: readonly OsProcess[]): Promise<Sighting> {
    return this.attack([{ at, signal }], watch);
  }

  /** Sends signals in one instant and waits until those who are watched are gone. */
  attack(shots: readonly Shot[], watch: readonly OsProcess[]): Promise<Sighting> {
    return this.#witness.attack(shots, watch, GONE_MS);
  }

  /** Kills runtime and worker in the same instant; the one that is named first dies first. */
  async killBoth(
    order: 'runtime first' | 'worker first',
    victim: Victim,
    worker: OsProcess,
    watch: readonly OsProcess[],
  ): Promise<Sighting> {
    const shotAt = (at: OsProcess, signal: NodeJS.Signals = 'SIGKILL'): Shot => ({ at, signal });
    const runtime = victim.process;
    const shots =
      order === 'runtime first'
        ? [shotAt(runtime), shotAt(worker)]
        : // Stopped it can do nothing about the death of its worker, however long the other shot takes.
          [shotAt(runtime, 'SIGSTOP'), shotAt(worker), shotAt(runtime)];
    const seen = await this.#witness.attack(shots, watch, GONE_MS);
    await victim.exited;
    return seen;
  }

  everyone(): readonly OsProcess[] {
    return everyone(this.traces);
  }

  /** The processes of a pool's worker: itself, those of its group, those that left it. */
  of(pool: string): Record<'worker' | 'kids' | 'daemons', readonly OsProcess[]> {
    const all = this.everyone().filter(({ pid }) => poolOf(pid) === pool && !isForkServer(pid));
    const isWorker = ({ pid, groupId }: OsProcess): boolean => pid === groupId;
    const isDaemon = ({ command }: OsProcess): boolean => command.includes(this.traces.nap);
    const worker = all.filter((one) => isWorker(one) && !isDaemon(one));
    const groups = new Set(worker.map(({ groupId }) => groupId));
    const others = all.filter((one) => !worker.includes(one));
    // Where its worker is dead its group is known by what it has in common: it is no session of its own. Only twins that
    // left the group lead none either.
    const isOrphan = ({ pid, groupId }: OsProcess): boolean =>
      pid !== groupId && (groups.size === 0 || pool !== 'twins');
    const inGroup = (one: OsProcess): boolean => groups.has(one.groupId) || isOrphan(one);
    return {
      worker,
      kids: others.filter(inGroup),
      daemons: others.filter((one) => !inGroup(one)),
    };
  }

  /** Who lives, by state: workers/children/daemons, as `1/15/5`; states of which nobody lives are left out. */
  census(): Readonly<Record<string, string>> {
    const counted = this.#states.map((state) => {
      const { worker, kids, daemons } = this.of(state);
      return [state, [worker, kids, daemons].map(({ length }) => length).join('/')] as const;
    });
    return Object.fromEntries(counted.filter(([, text]) => text !== '0/0/0'));
  }

  /** The fork servers that live. */
  forkServers(): readonly OsProcess[] {
    return this.everyone().filter(({ pid }) => isForkServer(pid));
  }

  workerOf(state: State): OsProcess | undefined {
    return this.of(state).worker[0];
  }

  /** Starts the next runtime on the same directory and stops it in order. */
  async startNext(layersOff = ''): Promise<readonly string[]> {
    const env = layersOff === '' ? {} : { SNAKEPIT_WITHOUT_LAYERS: layersOff };
    const next = this.spawn({ pools: [{ name: 'next', size: 1 }] }, { env });
    await next.heard('started', { limitMs: 60_000 });
    next.order('stop');
    await next.heard('stopped', { limitMs: 60_000 });
    await next.exited;
    await next.saidAll;
    return next.said.flatMap(({ event, text }) => (event === 'report' ? String(text) : []));
  }

  /** Leaves nothing. */
  async close(): Promise<void> {
    try {
      await Promise.all(this.#victims.map((victim) => victim.close()));
    } finally {
      this.#witness.close();
      await endEveryone(this.traces);
      rmSync(this.base, { recursive: true, force: true });
    }
  }

  async #bring(victim: Victim, state: State): Promise<void> {
    const on = { pool: state, timeout: 600_000 };
    const mark = join(this.base, `${state}.begun`);
    const family = async (kids: number, daemons: number): Promise<void> => {
      const args = { kids, daemons, cleared: 0, seconds: this.traces.nap };
      await this.#answered(victim, victim.call('family', args, on));
      // A daemon leaves the group when nobody waits for it any more.
      const all = `1/${String(kids)}/${String(daemons)}`;
      await until(() => this.census()[state] === all, `the family to be ${all}`);
    };
    switch (state) {
      case 'idle':
        return;
      case 'gil':
        victim.call('hold_gil', { seconds: 600, mark }, on);
        await until(() => existsSync(mark), `${mark} to be made`);
        return;
      case 'regex':
        victim.call('hot_regex', { mark }, on);
        await until(() => existsSync(mark), `${mark} to be made`);
        return;
      case 'deaf':
        await this.#answered(victim, victim.call('deafen', {}, on));
        return;
      case 'stopped':
        await family(2, 0);
        return;
      case 'family':
        await family(KIDS, DAEMONS);
        return;
      case 'twins': {
        const args = { kids: TWINS, daemons: TWINS };
        await this.#answered(victim, victim.call('twins', args, on));
        return;
      }
      case 'importing': {
        const first = this.workerOf(state);
        if (first === undefined) throw new Error('there is no worker to kill');
        await this.shoot(first, 'SIGKILL', [first]);
        const again = join(this.base, 'imported.again');
        await until(() => existsSync(again), 'the worker to import again');
        return;
      }
    }
  }

  async #answered(victim: Victim, id: number): Promise<void> {
    const said = await victim.heard(['answered', 'failed'], { matches: (one) => one['id'] === id });
    if (said.event === 'failed') throw new Error(JSON.stringify(said));
  }
}

/** The pool that a process belongs to, from the environment that it was given. */
function poolOf(pid: number): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const label = environment.find((entry) => entry.startsWith('SNAKEPIT_WORKER='));
    return label?.slice('SNAKEPIT_WORKER='.length).split('/')[0];
  } catch {
    return undefined; // Gone meanwhile.
  }
}

/** Runs jobs, some at a time, and gives the promise of each at once. */
export function sideBySide<T>(
  jobs: Readonly<Record<string, () => Promise<T>>>,
  abreast: number,
): ReadonlyMap<string, Promise<T>> {
  const lanes = Array.from({ length: abreast }, () => Promise.resolve<unknown>(undefined));
  return new Map(
    Object.entries(jobs).map(([name, job], index) => {
      const lane = index % abreast;
      const done = (lanes[lane] ?? Promise.resolve()).then(job);
      // Whoever asks for it hears of its failure; the next one runs in any case.
      lanes[lane] = done.catch(() => undefined);
      return [name, done];
    }),
  );
}
