import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// The runtime itself stands still: blocked for 30 s, or stopped for 15 s. Its workers are well all the time.

jest.setTimeout(90_000);

const PROCESSES = new URL('../fixtures/processes/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('stalling-program.mjs', PROCESSES));
const LOADER = fileURLToPath(new URL('typescript-loader.mjs', PROCESSES));

interface Said {
  readonly event: string;
  readonly before?: readonly number[];
  readonly after?: readonly number[];
  readonly failed?: readonly string[];
  readonly answers?: number;
  readonly value?: unknown;
  readonly call?: unknown;
  readonly stoodStillMs?: number;
}

/** A runtime of its own. */
class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly said: Said[] = [];

  constructor(times: { readonly blockMs?: number; readonly afterMs: number }) {
    const config = { ...bench.config([{ size: 2 }]), logger: undefined };
    this.child = spawn(
      process.execPath,
      [
        ...['--conditions=@snakepit/source', '--import', LOADER, PROGRAM],
        JSON.stringify({ config, ...times }),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
    });
  }

  heard(event: string): Promise<Said> {
    const isIt = (one: Said): boolean => one.event === event;
    return until(() => this.said.find(isIt), `the program to say ${event}`, 150_000);
  }

  goOn(): void {
    this.child.stdin.write('go on\n');
  }
}

const bench = new SnakepitBench();
const programs: Program[] = [];
let blocked: Said;
let stopped: Said;

async function block(): Promise<Said> {
  const program = new Program({ blockMs: 30_000, afterMs: 9_000 });
  programs.push(program);
  await program.heard('started');
  program.goOn();
  return program.heard('done');
}

async function stop(): Promise<Said> {
  const program = new Program({ afterMs: 9_000 });
  programs.push(program);
  await program.heard('started');
  program.child.kill('SIGSTOP');
  await sleep(15_000);
  program.child.kill('SIGCONT');
  program.goOn();
  return program.heard('done');
}

beforeAll(async () => {
  [blocked, stopped] = await Promise.all([block(), stop()]);
}, 300_000);
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await bench.close();
});

describe('a runtime that stood still', () => {
  test('[I4.3] [R2.2] for 30 s, by work without an end, replaces no worker', () => {
    expect(blocked.stoodStillMs).toBeGreaterThanOrEqual(30_000);
    expectNobodyReplaced(blocked);
  });

  test('[I4.3] [R2.2] for 15 s, by SIGSTOP, replaces no worker', () => {
    expectNobodyReplaced(stopped);
  });
});

function expectNobodyReplaced(said: Said): void {
  expect(said.failed).toEqual([]);
  expect(said.after).toEqual(said.before);
  // It looks after them as before, and calls that were in flight have their results.
  expect(said.answers).toBeGreaterThanOrEqual(10);
  expect([said.value, said.call]).toEqual([2, 'done']);
}
