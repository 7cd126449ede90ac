import { isThenable } from './thenable.ts';

/** Where the runtime's own reports go: crashes, supervisor reports, warnings. */
export interface Logger {
  /** For developers of a process: dropped events, late replies. */
  debug(message: string, fields?: object): void;
  /** Progress that an operator may want to see. */
  info(message: string, fields?: object): void;
  /** Something unexpected that needed no action. */
  warn(message: string, fields?: object): void;
  /** A process ended abnormally, or something is broken. */
  error(message: string, fields?: object): void;
}

/** Severity, lowest first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'none';

type Severity = Exclude<LogLevel, 'none'>;

const severity = { debug: 0, info: 1, warn: 2, error: 3, none: 4 } as const;

/** Where a console logger writes; the global console is one. */
export type LogSink = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>;

/**
 * A logger that writes to the console; warnings and errors go to standard error. Of reports of several lines it writes
 * the text only, which says all that the fields do.
 *
 * @param level - The lowest severity that is written; default `'warn'`.
 * @param sink - Where to; default the global console.
 */
export function createConsoleLogger(level: LogLevel = 'warn', sink: LogSink = console): Logger {
  const lowest = severity[level];
  const write = (name: Severity): ((message: string, fields?: object) => void) => {
    if (severity[name] < lowest) return nothing;
    return (message, fields) => {
      // A report of several lines has said to people what its fields say to programs.
      if (fields === undefined || message.includes('\n  ')) sink[name](message);
      else sink[name](message, fields);
    };
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** What writes nothing; known by its identity, so that nothing costly is made for it. */
const nothing = (): void => undefined;

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};

/** A logger that never throws, and is known to write or not. @internal */
export interface SafeLogger extends Logger {
  /** Whether nothing is done with reports of this severity; asked before a costly one is made. */
  isSilent(level: Severity): boolean;
}

/** Whether a logger does nothing with reports of this severity; asked before a costly one is made. @internal */
export function isSilent(logger: Logger, level: Severity): boolean {
  if (!('isSilent' in logger)) return logger[level] === nothing;
  // Only a safe logger has it.
  return (logger as SafeLogger).isSilent(level);
}

/** The same logger, unable to throw: a report that cannot be written must not end the process it is about. @internal */
export function createSafeLogger(logger: Logger): SafeLogger {
  // An async function is one that returns nothing to the compiler.
  const sink: Readonly<Record<Severity, (message: string, fields?: object) => unknown>> = logger;
  const safe =
    (name: Severity) =>
    (message: string, fields?: object): void => {
      // There is nobody left to tell of a failure: this was the way to tell somebody.
      try {
        const result = sink[name](message, fields);
        if (isThenable(result)) result.then(undefined, nothing);
      } catch {
        // The same.
      }
    };
  return {
    debug: safe('debug'),
    info: safe('info'),
    warn: safe('warn'),
    error: safe('error'),
    isSilent: (name) => logger[name] === nothing,
  };
}
