import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { contained, inContainer } from '../fixtures/container.ts';
import { isAlive, SnakepitBench, until, type BenchPool } from '../fixtures/snakepit-bench.ts';

// What becomes of the workers when the Node process that runs them is asked to end, or killed.

jest.setTimeout(120_000);

const PROCESSES = new URL('../fixtures/processes/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('snakepit-program.mjs', PROCESSES));
const LOADER = fileURLToPath(new URL('typescript-loader.mjs', PROCESSES));

interface Said {
  readonly event: string;
  readonly pids?: readonly number[];
  readonly reports?: readonly string[];
  readonly value?: unknown;
  readonly code?: string;
}

/** A Node process of its own that runs Snakepit. */
class Program {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  readonly said: Said[] = [];
  readonly exited: Promise<readonly [number | null, NodeJS.Signals | null]>;

  constructor(
    pool: BenchPool,
    call?: readonly unknown[],
    options: object = {},
    container: readonly string[] = [],
  ) {
    // Functions do not travel: the program has a logger of its own.
    const own = { handleSignals: true, ...options, logger: undefined };
    const config = bench.config([pool], own);
    const [command, ...before] = [...container, process.execPath];
    this.child = spawn(
      command,
      [
        ...before,
        ...['--conditions=@snakepit/source', '--import', LOADER, PROGRAM],
        JSON.stringify({ config, call }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    // When it has been heard to its end, too.
    this.exited = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
    });
    programs.push(this);
  }

  heard(event: string): Promise<Said> {
    const find = (): Said | undefined => this.said.find((one) => one.event === event);
    return until(find, `the program to say ${event}`, 60_000);
  }
}

let bench: SnakepitBench;
let programs: Program[];
beforeEach(() => {
  bench = new SnakepitBench();
  programs = [];
});
afterEach(async () => {
  for (const { child, exited } of programs) {
    child.kill('SIGKILL');
    await exited;
  }
  await bench.close();
});

describe('asked to end', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '[R1.2] [R6.1] %s: the call in flight finishes, nothing is left, the program ends by the signal',
    async (signal) => {
      const call = ['slow', { seconds: 0.5, mark: bench.path('begun') }];
      const program = new Program({ size: 2 }, call);
      await bench.marked('begun');
      program.child.kill(signal);
      expect(await program.exited).toEqual([null, signal]);
      expect(program.said.at(-1)).toEqual({ event: 'answer', value: 'done' });
      expect(bench.leftovers()).toEqual([]);
    },
  );

  test('[R1.2] as process 1 of a container: it ends, too, and nothing is left', async () => {
    const call = ['slow', { seconds: 0.5, mark: bench.path('begun') }];
    // Where that is not allowed it is an ordinary process; the unit tests pretend.
    const program = new Program({ size: 2 }, call, {}, inContainer);
    await bench.marked('begun');
    process.kill(contained(program.child.pid ?? 0), 'SIGTERM');
    expect(await program.exited).toEqual(inContainer.length > 0 ? [143, null] : [null, 'SIGTERM']);
    expect(program.said.at(-1)).toEqual({ event: 'answer', value: 'done' });
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.3] a second signal hurries: the call is given up', async () => {
    const call = ['slow', { seconds: 60, mark: bench.path('begun') }];
    const program = new Program({}, call);
    await bench.marked('begun');
    program.child.kill('SIGINT');
    program.child.kill('SIGTERM');
    const [, signal] = await program.exited;
    expect(['SIGINT', 'SIGTERM']).toContain(signal);
    expect(program.said.at(-1)).toEqual({ event: 'failure', code: 'WORKER_UNAVAILABLE' });
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R1.2] while it starts: nothing is left', async () => {
    const program = new Program({ adapter: 'never_ready.NeverReady', size: 2 });
    await until(() => bench.processes().length === 2, 'the workers to be spawned');
    program.child.kill('SIGTERM');
    expect(await program.exited).toEqual([null, 'SIGTERM']);
    expect(program.said.map(({ event }) => event)).toEqual(['starting']);
    expect(bench.leftovers()).toEqual([]);
  });

  test('handleSignals: false leaves the signals alone; the workers end with the program', async () => {
    const program = new Program({}, undefined, { handleSignals: false });
    const { pids = [] } = await program.heard('started');
    program.child.kill('SIGTERM');
    expect(await program.exited).toEqual([null, 'SIGTERM']);
    await until(() => !pids.some(isAlive), 'the workers to end', 5_000);
    await until(() => bench.processes().length === 0, 'all of them to end');
  });
});

describe('killed', () => {
  test('[R1.1] [R1.4] its workers end within five seconds; the next start cleans up and says so', async () => {
    const socketDir = bench.path('sockets');
    const call = ['slow', { seconds: 60, mark: bench.path('begun') }];
    const program = new Program({ size: 2 }, call, { socketDir });
    const { pids = [] } = await program.heard('started');
    await bench.marked('begun');
    expect(pids.every(isAlive)).toBe(true);
    program.child.kill('SIGKILL');
    await program.exited;
    await until(
      () => !pids.some(isAlive) && bench.processes().length === 0,
      'the workers, and who started them, to end',
      5_000,
    );
    const [run] = bench.runs();
    expect(readdirSync(socketDir)).toEqual([run]);
    const snakepit = await bench.start({}, { socketDir });
    expect(bench.runs()).toHaveLength(1);
    expect(bench.runs()).not.toContain(run);
    expect(readdirSync(socketDir)).toEqual(bench.runs());
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R1.4] what outlived it is ended by the next start, which reports it', async () => {
    const program = new Program({}, ['escapee', {}]);
    const { value } = await program.heard('answer');
    const escapee = Number(value);
    const { pids = [] } = await program.heard('started');
    program.child.kill('SIGKILL');
    await program.exited;
    await until(() => !pids.some(isAlive), 'the workers to end', 5_000);
    expect(isAlive(escapee)).toBe(true);
    const snakepit = await bench.start();
    expect(isAlive(escapee)).toBe(false);
    expect(bench.reports).toEqual([
      expect.stringMatching(
        new RegExp(
          `had left 1 process behind, ended now: ${String(escapee)} .*SIG(TERM|KILL)`,
          'u',
        ),
      ),
    ]);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});
