import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Containment } from '../../packages/python-bridge/src/hosts/worker-host.ts';
import {
  carriers,
  createToken,
  endCarriers,
  isAlive,
  until,
} from '../fixtures/processes/census.mjs';

// A worker has 3 children, 2 daemons (own session, nobody's child), and 1 daemon whose environment is empty, too. What is
// left of them, and of worker and launcher, after each attack?

// A limit for what hangs, not a measure of speed.
jest.setTimeout(300_000);

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PROCESSES = at('test/fixtures/processes');
const PYTHON = at('.venv/bin/python');
const BRIDGE = at('priv/python');
/** R1.1 allows so much. */
const LIMIT_MS = 5_000;
/** Runtimes that are there at a time. */
const ABREAST = 4;

/** Numbers of the processes that an attack is made on. */
interface Targets {
  readonly runtime: number;
  readonly worker: number;
  readonly launcher: number;
}

/** What is left, by kind. */
interface Left {
  readonly family: number;
  readonly cleared: number;
}

/** What an attack showed. */
interface Outcome {
  readonly left: Left;
  /** How the runtime was told that the worker ended, if it lived to hear it. */
  readonly exit: unknown;
}

type Attack = keyof typeof ATTACKS;

const ATTACKS = {
  'SIGKILL of the runtime': ({ runtime }: Targets) => kill(runtime),
  'SIGKILL of the worker': ({ worker }: Targets) => kill(worker),
  'SIGKILL of runtime and worker': ({ runtime, worker }: Targets) => kill(runtime, worker),
  'SIGKILL of worker and runtime': ({ runtime, worker }: Targets) => kill(worker, runtime),
  'SIGKILL of the launcher': ({ launcher }: Targets) => kill(launcher),
  'SIGSTOP of the launcher, SIGKILL of the runtime': ({ launcher, runtime }: Targets) => {
    process.kill(launcher, 'SIGSTOP');
    kill(runtime);
  },
  'SIGSTOP of the worker, SIGKILL of the runtime': ({ worker, runtime }: Targets) => {
    process.kill(worker, 'SIGSTOP');
    kill(runtime);
  },
  'SIGKILL of runtime, worker and launcher': ({ runtime, worker, launcher }: Targets) =>
    kill(runtime, worker, launcher),
  'an orderly stop': (_: Targets, input: Writable) => void input.write('stop\n'),
  'a kill by the runtime': (_: Targets, input: Writable) => void input.write('kill\n'),
  'process.exit() of a runtime with a usual worker, too,': (_: Targets, input: Writable) =>
    void input.write('exit beside\n'),
  'process.exit() of the runtime': (_: Targets, input: Writable) => void input.write('exit\n'),
} as const;

function kill(...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The death of the one before has ended it already.
    }
  }
}

/** One runtime with its worker and all that this has started. */
class Household {
  readonly base = mkdtempSync(join(tmpdir(), 'brood-'));
  readonly token = createToken();
  /** Argument of the daemon that nothing else tells. */
  readonly unique = `100000.${BigInt(`0x${this.token.value}`).toString()}`;
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly said: Record<string, unknown>[] = [];

  constructor(containment: Containment) {
    const spec = {
      ...{ containment, bridgePath: BRIDGE, cwd: at('test/fixtures/adapters') },
      ...{ adapter: 'brood.Brood', adapterArgs: [this.unique, this.#mark] },
    };
    const input = { stateDir: join(this.base, 'state'), socketDirectory: this.base };
    this.child = spawn(
      process.execPath,
      [
        ...['--import', join(PROCESSES, 'typescript-loader.mjs')],
        join(PROCESSES, 'contained-runtime.mjs'),
        JSON.stringify({ ...input, python: PYTHON, spec }),
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, [this.token.name]: this.token.value },
      },
    );
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Record<string, unknown>);
    });
  }

  get #mark(): string {
    return join(this.base, 'family');
  }

  /** Waits until everybody is there. */
  async complete(): Promise<Targets> {
    const worker = Number((await this.heard('pid'))['pid']);
    await until(() => existsSync(this.#mark), 'the family is complete', 60_000);
    expect(this.left()).toEqual({ family: 5, cleared: 1 });
    const runtime = this.child.pid ?? 0;
    return { runtime, worker, launcher: launcherOf(worker, runtime) };
  }

  heard(key: string): Promise<Record<string, unknown>> {
    return until(() => this.said.find((one) => key in one), `the runtime to say ${key}`, 60_000);
  }

  /** The descendants of the worker that live. */
  left(): Left {
    const family = carriers(this.token).filter((pid) => argvOf(pid)[0] === 'sleep');
    const cleared = livingPids().filter((pid) => argvOf(pid).includes(this.unique));
    return {
      family: family.length,
      cleared: cleared.filter((pid) => argvOf(pid)[0] === 'sleep').length,
    };
  }

  /** Whoever lives of worker, launcher and family, but for the runtime. */
  everybody(): number {
    const others = carriers(this.token).filter((pid) => pid !== this.child.pid);
    return others.length + this.left().cleared;
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await endCarriers(this.token);
    for (const pid of livingPids()) {
      if (argvOf(pid).includes(this.unique)) kill(pid);
    }
    rmSync(this.base, { recursive: true, force: true });
  }
}

function livingPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter(isAlive);
}

function argvOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The child of the runtime that the worker descends from. */
function launcherOf(worker: number, runtime: number): number {
  const parent = parentOf(worker);
  return parent === runtime ? worker : launcherOf(parent, runtime);
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

async function attack([containment, name, expected, exit]: Row): Promise<Outcome> {
  const household = new Household(containment);
  try {
    const targets = await household.complete();
    const runtimeEnds = once(household.child, 'exit');
    ATTACKS[name](targets, household.child.stdin);
    const all = expected.family + expected.cleared;
    const what = `all to be gone but ${String(all)}, after ${name}`;
    await until(() => household.everybody() <= all, what, LIMIT_MS);
    await (exit === undefined ? runtimeEnds : household.heard('exit'));
    return { left: household.left(), exit: household.said.find((one) => 'exit' in one)?.['exit'] };
  } finally {
    await household.end();
  }
}

const NOBODY: Left = { family: 0, cleared: 0 };
const ONLY_CLEARED: Left = { family: 0, cleared: 1 };
const KILLED = { kind: 'signalled', signal: 'SIGKILL' };

/** What is left after an attack, and what the runtime is told where it lives on. */
type Row = readonly [containment: Containment, attack: Attack, left: Left, exit: unknown];

const BOTH: readonly (readonly [Attack, unknown])[] = [
  ['SIGKILL of the runtime', undefined],
  ['SIGKILL of the worker', KILLED],
  ['SIGKILL of runtime and worker', undefined],
  ['SIGKILL of worker and runtime', undefined],
  ['SIGSTOP of the launcher, SIGKILL of the runtime', undefined],
  ['SIGSTOP of the worker, SIGKILL of the runtime', undefined],
  ['an orderly stop', { kind: 'exited', code: 0 }],
  ['a kill by the runtime', KILLED],
  ['process.exit() of the runtime', undefined],
  ['process.exit() of a runtime with a usual worker, too,', undefined],
];

const SUBREAPER: readonly Row[] = [
  ...BOTH.map(([name, exit]) => ['subreaper', name, NOBODY, exit] as const),
  // It cannot take in orphans any more; what says whose it is, Node finds.
  ['subreaper', 'SIGKILL of the launcher', ONLY_CLEARED, KILLED],
];
const NAMESPACE: readonly Row[] = [
  ...BOTH.map(([name, exit]) => ['pidNamespace', name, NOBODY, exit] as const),
  ['pidNamespace', 'SIGKILL of the launcher', NOBODY, KILLED],
  ['pidNamespace', 'SIGKILL of runtime, worker and launcher', NOBODY, undefined],
];
/** The comparison: what `descendants: 'usual'` leaves, without a watchdog. */
const USUAL: readonly Row[] = [
  ['group', 'SIGKILL of the worker', ONLY_CLEARED, KILLED],
  ['group', 'an orderly stop', ONLY_CLEARED, { kind: 'exited', code: 0 }],
  ['group', 'process.exit() of the runtime', ONLY_CLEARED, undefined],
  ['group', 'SIGKILL of the runtime', { family: 2, cleared: 1 }, undefined],
];

/** Asked of another program: were it ours, its faults would look like a refusal. */
const ALLOWED = [[], ['--user', '--map-root-user']].some((user) => {
  const args = [...user, '--pid', '--fork', '--mount-proc', 'true'];
  return spawnSync('unshare', args).status === 0;
});
const ROWS = [...SUBREAPER, ...(ALLOWED ? NAMESPACE : []), ...USUAL];
const outcomes = new Map<Row, Outcome | { readonly failure: unknown }>();

beforeAll(async () => {
  const waiting = [...ROWS];
  const lane = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      const outcome = await attack(row).catch((failure: unknown) => ({ failure }));
      outcomes.set(row, outcome);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
});

function titleOf([containment, name, { family, cleared }]: Row): string {
  const left = [
    ...(family === 0 ? [] : [`${String(family)} daemons`]),
    ...(cleared === 0 ? [] : ['the daemon without environment']),
  ].join(' and ');
  return `${containment}: ${name} leaves ${left === '' ? 'nobody' : left}`;
}

type Titled = readonly [title: string, row: Row];

function titled(rows: readonly Row[], suits: (exit: unknown) => boolean = () => true): Titled[] {
  return rows.filter(([, , , exit]) => suits(exit)).map((row) => [titleOf(row), row]);
}

function check(row: Row): void {
  const [, , left, exit] = row;
  expect(outcomes.get(row)).toEqual({ left, exit });
}

function suite(rows: readonly Row[]): void {
  const onRuntime = titled(rows, (exit) => exit === undefined);
  const onWorker = titled(rows, (exit) => exit === KILLED);
  const orderly = titled(rows, (exit) => exit !== undefined && exit !== KILLED);

  test.each(onRuntime)('[I4.1] [R1.1] [R1.5] %s', (_title, row) => {
    check(row);
  });

  test.each(onWorker)('[I4.1] [I4.2] [R3.3] [T2.2] %s', (_title, row) => {
    check(row);
  });

  test.each(orderly)('[I4.1] [I4.4] [R1.2] %s', (_title, row) => {
    check(row);
  });
}

describe('strict descendants', () => {
  describe('held by a subreaper', () => {
    suite(SUBREAPER);
  });

  // Many containers forbid it; that it is refused there, and how, is shown beside the prober.
  if (ALLOWED) {
    describe('held by a pid namespace', () => {
      suite(NAMESPACE);
    });
  }

  describe('for comparison, usual ones', () => {
    suite(USUAL);
  });
});
