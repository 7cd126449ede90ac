import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a program is run. */
export interface CommandOptions {
  /** Working directory. */
  readonly cwd?: string | undefined;
  /** The whole environment. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Hears every line of standard output and standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the program after so many milliseconds. Default: never. */
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

/**
 * Runs a program to its end. Never rejects: how it went is the result.
 *
 * @param executable - Absolute path of the program.
 * @param args - Its arguments; no shell sees them.
 */
export function runCommand(
  executable: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(executable, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: options.signal,
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    const stdout: string[] = [];
    const tail: string[] = [];
    let failure: string | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        if (stream === child.stdout) stdout.push(line);
        if (tail.push(line) > keptLines) tail.shift();
        options.onLine?.(line);
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
