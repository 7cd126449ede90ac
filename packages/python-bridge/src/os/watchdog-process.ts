import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { resolve } from 'node:path';
import { createLineRing, readLines, type PrintedLine } from '../hosts/local/output-lines.ts';
import { currentPlatform } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { GroupFollower } from './watchdog-groups.ts';
import { messageOf } from './system-error.ts';

/** A program and its arguments, as the operating system gets them: no shell reads them. */
export type WatchdogCommand = readonly [string, ...string[]];

/** What one watchdog is started with. */
export interface WatchdogStart {
  /** The program. */
  readonly command: WatchdogCommand;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Groups that there are already. */
  readonly leaders: readonly ProcessIdentity[];
  /** It reads what we write. */
  readonly onReady: (osPid: number) => void;
  /** It says that it cannot do its work here. */
  readonly onFault: (fault: string) => void;
  /** It has ended, or could not be started; told once, never in the turn of the start. */
  readonly onExit: (why: string) => void;
}

/** One watchdog, from its start to its end. */
export interface WatchdogProcess extends GroupFollower {
  /** Tells it that the runtime ends in order, so that it leaves. */
  bye(): void;
  /** Ends it at once. It never signals anybody then. */
  kill(): void;
}

/** Bytes that may wait for a watchdog that does not read; then it is replaced. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Lines of its complaints that are kept for the report of its end. */
const KEPT_LINES = 5;
const KEPT_CHARACTERS = 2_000;

/** How the watchdog of a platform is started. */
export function watchdogCommand(
  scriptsDir: string,
  platform: Platform = currentPlatform,
  env: Readonly<Record<string, string | undefined>> = process.env,
): WatchdogCommand {
  return platform.watchdogCommand(scriptsDir, env);
}

/** Variables that programs need to be found and to run; nothing else of ours is handed on, least of all a marker. */
const HANDED_ON = ['PATH', 'SystemRoot', 'ComSpec', 'PATHEXT', 'TEMP'];

/**
 * Environment of a watchdog.
 *
 * @param marker - Entry that every process of the run carries. It stands behind a name of its own, so the watchdog does
 *   not carry it itself.
 * @param base - Environment of the runtime; its SNAKEPIT_WATCHDOG_GRACE and SNAKEPIT_WATCHDOG_LOG are handed on.
 */
export function watchdogEnvironment(
  marker: string,
  base: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const log = base['SNAKEPIT_WATCHDOG_LOG'];
  const env: Record<string, string | undefined> = {
    ...Object.fromEntries(HANDED_ON.map((name) => [name, base[name]])),
    SNAKEPIT_WATCHDOG_MARKER: marker,
    SNAKEPIT_WATCHDOG_RUNTIME: String(process.pid),
    SNAKEPIT_WATCHDOG_GRACE: base['SNAKEPIT_WATCHDOG_GRACE'],
    // It works in another directory.
    SNAKEPIT_WATCHDOG_LOG: log === undefined || log === '' ? undefined : resolve(log),
  };
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * Starts a watchdog: a session of its own, its stdin held by us, nothing else inherited.
 *
 * Whatever ends this process ends that stdin, and thereby sets the watchdog to work. What is written to it from the
 * turn of the start on it reads, also when we are dead by then.
 */
export function startWatchdog(start: WatchdogStart): WatchdogProcess {
  const [program, ...args] = start.command;
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: currentPlatform.neutralDirectory,
      env: start.env,
      // On Windows it thereby leaves the job that is ended together with us.
      detached: true,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    setImmediate(() => {
      start.onExit(messageOf(error));
    });
    return { added: ignore, removed: ignore, bye: ignore, kill: ignore };
  }
  hear(child, start);
  // It is there for the end of this process, and must not put it off.
  child.unref();
  for (const stream of child.stdio) if (stream instanceof Socket) stream.unref();
  const write = (text: string): void => {
    const { stdin } = child;
    if (stdin?.writable !== true) return;
    stdin.write(text);
    if (stdin.writableLength > MAX_WAITING_BYTES) child.kill('SIGKILL');
  };
  if (start.leaders.length > 0) write(start.leaders.map(lineOf).join(''));
  return {
    added: (leader) => {
      write(lineOf(leader));
    },
    removed: ({ pid }) => {
      write(`- ${String(pid)}\n`);
    },
    bye: () => {
      write('bye\n');
      child.stdin?.end();
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

function hear(child: ChildProcess, { onReady, onFault, onExit }: WatchdogStart): void {
  const { pid = 0, stdin, stdout, stderr } = child;
  const complaints = createLineRing<PrintedLine>(KEPT_LINES, KEPT_CHARACTERS);
  stdin?.on('error', ignore); // That it is gone is told by its exit.
  if (stdout !== null) {
    readLines(stdout, ({ text }) => {
      if (text === 'ready') onReady(pid);
      else if (text.startsWith('fault ')) onFault(text.slice('fault '.length));
    });
  }
  if (stderr !== null) readLines(stderr, (line) => complaints.push(line));
  const release = (): void => {
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
  };
  child.once('error', (error) => {
    // Also comes when it could not be killed: then it goes on, and its exit will tell.
    if (child.pid !== undefined) return;
    release();
    onExit(messageOf(error));
  });
  child.once('exit', (code, signal) => {
    // What it said last may still be on its way.
    setImmediate(() => {
      release();
      const said = complaints.lines().map(({ text }) => text);
      const end = signal === null ? `exit code ${String(code)}` : `ended by ${signal}`;
      onExit([end, ...said].join('; '));
    });
  });
}

/** One word for the start time, which `ps` prints in several; `-` where it is unknown. */
function lineOf({ pid, startTime }: ProcessIdentity): string {
  return `+ ${String(pid)} ${startTime.trim().replace(/\s+/gu, '_') || '-'}\n`;
}

function ignore(): void {
  // Nobody is there to do it.
}
