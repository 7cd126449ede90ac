import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { settlesWithin } from '../deferred.ts';
import { readLines } from '../hosts/local/output-lines.ts';
import { currentPlatform } from '../os/platform/current.ts';
import { identityOf, type ProcessIdentity } from '../os/process-identity.ts';
import { signalGroup, terminateGroup } from '../os/process-killer.ts';
import { createProcessScanner } from '../os/process-scanner.ts';
import { messageOf } from '../os/system-error.ts';

/** How a program is run. */
export interface CommandOptions {
  /** Working directory. */
  readonly cwd?: string | undefined;
  /** The whole environment. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Hears every line of standard output and standard error; one longer than 1 MiB is cut. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Ends the program, with all that it started. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the program, with all that it started, after so many milliseconds. Default: never. */
  readonly timeoutMs?: number | undefined;
  /** Whether it is one of ours that ends itself when this process is killed; told by `SNAKEPIT_LIFELINE_FD`. */
  readonly lifeline?: boolean | undefined;
}

/** How a program ended. */
export interface CommandResult {
  /** Its exit code; null when it was ended by a signal or could not be started. */
  readonly code: number | null;
  /** The last line on its standard output that is not blank; empty when there is none. */
  readonly lastLine: string;
  /** Its last lines on either, for messages. */
  readonly tail: readonly string[];
  /** Why it could not be started, or that time ran out; undefined otherwise. */
  readonly failure: string | undefined;
}

/** A program that was started. */
interface Command {
  readonly child: ChildProcess;
  /** Leader of its group, where there are groups. */
  readonly leader: ProcessIdentity | undefined;
}

const keptLines = 40;
/** As long as a report of ours may be. */
const maxLineBytes = 1024 * 1024;
/** Milliseconds that output may come after the end, when somebody outside the group still holds it. */
const drainMs = 200;
/** Milliseconds that the kernel may take to end what the program had started. */
const killTimeoutMs = 2_000;
const lifelineFd = 3;

/**
 * Runs a program to its end. Never rejects: how it went is the result.
 *
 * The program leads a process group, and when it ends, by itself or not, so does what it started: the pip that an ended
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
    return notStarted('it was not started: interrupted');
  }
  let command: Command;
  try {
    command = start(executable, args, options);
  } catch (error) {
    // Some refusals of the system are thrown, such as E2BIG; the others are events.
    return notStarted(messageOf(error));
  }
  const end = (): void => {
    killAll(command);
  };
  options.signal?.addEventListener('abort', end);
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(end, options.timeoutMs);
  const result = await resultOf(command, options);
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', end);
  return result;
}

function notStarted(failure: string): CommandResult {
  return { code: null, lastLine: '', tail: [], failure };
}

function start(executable: string, args: readonly string[], options: CommandOptions): Command {
  const { cwd, env = process.env, lifeline = false } = options;
  const child = spawn(executable, args, {
    cwd,
    env: lifeline ? { ...env, SNAKEPIT_LIFELINE_FD: String(lifelineFd) } : env,
    stdio: lifeline ? ['ignore', 'pipe', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe'],
    ...currentPlatform.spawnOptions,
  });
  child.stdio[lifelineFd]?.on('error', () => {
    // It says that the program is gone, which its exit tells better.
  });
  const { pid } = child;
  // Without groups its number says nothing after its end, and until then it is nobody else's.
  const leader = pid === undefined || !currentPlatform.hasGroups ? undefined : identityOf(pid);
  return { child, leader };
}

function killAll({ child: { pid, exitCode, signalCode }, leader }: Command): void {
  if (leader !== undefined) signalGroup(leader, 'SIGKILL');
  else if (pid !== undefined && exitCode === null && signalCode === null) {
    currentPlatform.signalGroup(pid, 'SIGKILL');
  }
}

async function resultOf(command: Command, { onLine }: CommandOptions): Promise<CommandResult> {
  const { child } = command;
  const tail: string[] = [];
  let lastLine = '';
  const hear = (text: string): void => {
    if (tail.push(text) > keptLines) tail.shift();
    onLine?.(text);
  };
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const closed = streams.map((stream) =>
    readToEnd(stream, (text) => {
      if (stream === child.stdout && text.trim() !== '') lastLine = text;
      hear(text);
    }),
  );
  const { code, failure } = await endOf(command);
  await settlesWithin(Promise.all(closed), drainMs);
  for (const stream of child.stdio) if (stream instanceof Socket) stream.destroy();
  await waitForGroup(command);
  return { code, lastLine, tail, failure };
}

function readToEnd(stream: Readable, onLine: (text: string) => void): Promise<unknown> {
  readLines(stream, ({ text }) => onLine(text), maxLineBytes);
  return new Promise((resolve) => stream.once('close', resolve));
}

// 'exit' and not 'close': a daemon that holds the output delays that for as long as it lives.
function endOf(command: Command): Promise<Pick<CommandResult, 'code' | 'failure'>> {
  const { child } = command;
  return new Promise((resolve) => {
    child.on('error', (error) => {
      // No process, so no end of one either.
      if (child.pid === undefined) resolve({ code: null, failure: error.message });
    });
    child.on('exit', (code, signal) => {
      killAll(command);
      const failure = code === null ? `it was ended by ${signal ?? 'a signal'}` : undefined;
      resolve({ code, failure });
    });
  });
}

// The kernel takes a moment to end the others, and until then they may still write.
async function waitForGroup({ leader }: Command): Promise<void> {
  if (leader === undefined) return;
  const scanner = createProcessScanner();
  const limits = { termTimeoutMs: 0, killTimeoutMs };
  await terminateGroup({ leader, marker: [], scanner, ...limits });
}
