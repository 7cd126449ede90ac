import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGroupEmpty } from '../os/process-group.ts';

/** How a program is run. */
export interface CommandOptions {
  /** Working directory. */
  readonly cwd?: string | undefined;
  /** The whole environment. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Hears every line of standard output and standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Ends the program, with all that it started. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the program, with all that it started, after so many milliseconds. Default: never. */
  readonly timeoutMs?: number | undefined;
}

/** How a program ended. */
export interface CommandResult {
  /** Its exit code; null when it was ended by a signal or could not be started. */
  readonly code: number | null;
  /** Its standard output. */
  readonly stdout: string;
  /** Its last lines on either, for messages. */
  readonly tail: readonly string[];
  /** Why it could not be started, or that time ran out; undefined otherwise. */
  readonly failure: string | undefined;
}

const keptLines = 40;
const groups = process.platform !== 'win32';

/**
 * Runs a program to its end. Never rejects: how it went is the result.
 *
 * The program leads a process group, so that it is ended together with what it started: the pip that an ended
 * `python -m venv` had started would go on and fill the directory that is being removed.
 *
 * @param executable - Absolute path of the program.
 * @param args - Its arguments; no shell sees them.
 */
export async function runCommand(
  executable: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  if (options.signal?.aborted === true) {
    return { code: null, stdout: '', tail: [], failure: 'it was not started: interrupted' };
  }
  const child = spawn(executable, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: groups,
  });
  const state = { ended: false };
  const end = (): void => {
    state.ended = true;
    killAll(child);
  };
  options.signal?.addEventListener('abort', end);
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(end, options.timeoutMs);
  const result = await resultOf(child, options);
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', end);
  // The kernel takes a moment to end the others, and until then they may still write.
  const groupId = groups && state.ended ? child.pid : undefined;
  while (groupId !== undefined && !isGroupEmpty(groupId)) await sleep(5);
  return result;
}

function killAll(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (groups) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It ended in this moment.
  }
}

function resultOf(child: ChildProcess, { onLine }: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve) => {
    const stdout: string[] = [];
    const tail: string[] = [];
    let failure: string | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        if (stream === child.stdout) stdout.push(line);
        if (tail.push(line) > keptLines) tail.shift();
        onLine?.(line);
      });
    }
    child.on('error', (error) => {
      failure = error.message;
      // No process, so no end of one either.
      if (child.pid === undefined) resolve({ code: null, stdout: '', tail, failure });
    });
    child.on('close', (code, signal) => {
      if (code === null) failure ??= `it was ended by ${signal ?? 'a signal'}`;
      resolve({ code, stdout: stdout.join('\n'), tail, failure });
    });
  });
}
