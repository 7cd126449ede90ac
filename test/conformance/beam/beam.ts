import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { erlangTerm } from './erlang-term.ts';
import type { ProcessHistory } from './process-history.ts';
import type { Scenario } from './scenario.ts';

/** A running BEAM that plays scenarios. */
export interface Beam {
  /** Release of Erlang/OTP, such as `25`. */
  readonly release: string;
  /** Plays one scenario, of supervisors or of bare processes, and gives its log. */
  play(scenario: Scenario | ProcessHistory): Promise<readonly string[]>;
  /** Ends it. */
  close(): Promise<void>;
}

/** Whether Erlang is installed. */
export function hasErlang(): boolean {
  try {
    execFileSync('erlc', ['-v'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Compiles the driver beside this file into a folder of its own, and starts it. */
export async function startBeam(): Promise<Beam> {
  const folder = mkdtempSync(join(tmpdir(), 'snakepit-conformance-'));
  try {
    const sources = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.erl'));
    execFileSync('erlc', ['-W', '-o', folder, ...sources], {
      cwd: import.meta.dirname,
      stdio: 'inherit',
    });
    // One scheduler: what is ready runs in turn, so that a history has one order.
    const argv = ['+S', '1:1', '-noshell', '-pa', folder, '-s', 'conf_driver', 'main'];
    const program = spawn('erl', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    const lines = linesOf(program);
    const first = await lines.next();
    // It has loaded all its modules: an interrupted run leaves nothing behind.
    rmSync(folder, { recursive: true });
    return {
      release: /^ready (\S+)/.exec(first)?.[1] ?? fail(`the driver said: ${first}`),
      async play(scenario) {
        program.stdin.write(`${erlangTerm(scenario)}.\n`);
        const log: string[] = [];
        for (;;) {
          const line = await lines.next();
          if (line.startsWith('fault ')) fail(`the driver failed: ${line}`);
          if (line === 'done') return log;
          log.push(line);
        }
      },
      async close() {
        program.stdin.end();
        if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Its output line by line; when it ends, waiting for more fails with what it said to its standard error. */
function linesOf(program: ChildProcessWithoutNullStreams): { next(): Promise<string> } {
  const ready: string[] = [];
  let errors = '';
  let ended = false;
  let wake: () => void = () => undefined;
  createInterface({ input: program.stdout }).on('line', (line) => {
    ready.push(line);
    wake();
  });
  program.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  program.on('close', () => {
    ended = true;
    wake();
  });
  return {
    async next() {
      for (;;) {
        const line = ready.shift();
        if (line !== undefined) return line;
        if (ended) fail(`the BEAM ended: ${errors}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function fail(message: string): never {
  throw new Error(message);
}
