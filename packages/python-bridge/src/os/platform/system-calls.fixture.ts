import type { SystemCalls } from './platform.ts';

/** A failure as the operating system reports it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A program that ended with another code than 0. */
export function exitError(status: number): Error {
  return Object.assign(new Error(`exit ${String(status)}`), { status });
}

/** One call that was made, as text: `kill -42 SIGTERM`, `/bin/ps -p 42 …`. */
export interface RecordedCalls extends SystemCalls {
  /** In order. */
  readonly made: string[];
}

/**
 * System calls that are none: files and links by their path, output of programs by their command
 * line, and a `kill` that may refuse. Everything else fails as a missing file or program does.
 */
export function fakeCalls(parts: {
  readonly files?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  readonly owners?: Readonly<Record<string, number>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the command line, and throws what the program's failure throws. */
  readonly run?: (command: string) => string;
  /** Throws what the kernel refuses. */
  readonly kill?: (pid: number, signal: string | 0) => void;
}): RecordedCalls {
  const made: string[] = [];
  const entry = <Value>(table: Readonly<Record<string, Value>> | undefined, key: string): Value => {
    const value = table?.[key];
    if (value === undefined) throw systemError('ENOENT');
    return value;
  };
  return {
    made,
    pid: 100,
    parentPid: 99,
    uid: 501,
    env: parts.env ?? {},
    readText: (path) => entry(parts.files, path),
    readBytes: (path) => Buffer.from(entry(parts.files, path)),
    readNames: () => {
      if (parts.names === undefined) throw systemError('ENOENT');
      return parts.names;
    },
    readLink: (path) => entry(parts.links, path),
    ownerOf: (path) => entry(parts.owners, path),
    run(program, args) {
      const command = [program, ...args].join(' ');
      made.push(command);
      if (parts.run === undefined) throw systemError('ENOENT');
      return parts.run(command);
    },
    kill(pid, signal) {
      made.push(`kill ${String(pid)} ${String(signal)}`);
      parts.kill?.(pid, signal);
    },
  };
}
