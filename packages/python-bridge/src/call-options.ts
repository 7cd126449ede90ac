import { showValue } from './config/config-fault.ts';
import { nearestName } from './config/nearest-name.ts';
import { bridgeError } from './errors.ts';
import type { Affinity, OnWorkerLost } from './pool/affinity.ts';
import type { Priority } from './pool/queue.ts';

/** How one call of a pool or of a session is made. */
export interface CallOptions {
  /** Milliseconds for everything, waiting for a worker included; default `requestTimeout` of the pool; `Infinity` for none. */
  readonly timeout?: number | undefined;
  /** Cancels the call, in the queue and in Python. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the call may run twice: then it is tried again when its worker dies. Default false. */
  readonly idempotent?: boolean | undefined;
  /** Further arguments that are bytes. */
  readonly binary?: Readonly<Record<string, Uint8Array>> | undefined;
  /** Who goes first when calls wait; those of a lower priority are passed over at most eight times in a row. Default `normal`. */
  readonly priority?: Priority | undefined;
}

/** How one call is made. */
export interface ExecuteOptions extends CallOptions {
  /** Which pool; default the first of the configuration. */
  readonly pool?: string | undefined;
}

/** How a stream of a pool or of a session is made; its `timeout` is for all of it, by default `streamTimeout` of the pool. */
export interface CallStreamOptions extends CallOptions {
  /** How many chunks may have come and not been read, 1 to 10 000; then the tool has to wait. Default 16. */
  readonly highWaterMark?: number | undefined;
}

/** How a stream is made; its `timeout` is for all of it, by default `streamTimeout` of the pool. */
export interface StreamOptions extends CallStreamOptions {
  /** Which pool; default the first of the configuration. */
  readonly pool?: string | undefined;
}

/** How a session is made. */
export interface SessionOptions {
  /** Which pool its calls go to; default the first of the configuration. */
  readonly pool?: string | undefined;
  /** How closely it keeps to the worker that took its first call. Default `hint`. */
  readonly affinity?: Affinity | undefined;
  /** Milliseconds that it lives without being used. Default 3,600,000. */
  readonly ttl?: number | undefined;
  /** What its tools can read of it: at most 32 texts, together at most 4,096 bytes. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * What becomes of a session that keeps to its worker (`affinity` other than `hint`) when that is gone, also by a restart
   * in order: `fail`, and every further call says SESSION_LOST; or `fresh`, and it goes on with another. Default `fail`.
   */
  readonly onWorkerLost?: OnWorkerLost | undefined;
}

/** How everything is started. */
export interface SnakepitStartOptions {
  /**
   * What `Snakepit.start` waits for: that all workers are ready, or the first of every pool. With `first` calls are served
   * while the others start, and a worker that is given up fails nothing as long as its pool has others; `awaitReady` waits
   * for all. Default `all`.
   */
  readonly waitFor?: 'all' | 'first' | undefined;
}

/** How everything is stopped. */
export interface SnakepitStopOptions {
  /**
   * Milliseconds after which nothing is waited for any more: calls in flight are given up and workers killed.
   * Default: each pool's `gracefulShutdownTimeout` and `termTimeout` count.
   */
  readonly timeout?: number;
}

/** How workers are restarted on request. */
export interface RestartOptions {
  /**
   * Milliseconds that calls in flight may go on; then the worker is asked to end, and at last killed. 0 waits for none.
   * Default: `gracefulShutdownTimeout` of the pool.
   */
  readonly timeout?: number;
}

const priorities = ['high', 'normal', 'low'] as const;
const affinities = ['hint', 'strictQueue', 'strictFailFast'] as const;
const losses = ['fail', 'fresh'] as const;
const startWaits = ['all', 'first'] as const;
const maxHighWaterMark = 10_000;
const maxMetadataEntries = 32;
const maxMetadataBytes = 4_096;
const maxSessionIdLength = 256;

type Check = (value: unknown) => string | undefined;

/** What each option of a call may be; it says what it is not. */
const callChecks: Readonly<Record<keyof CallOptions, Check>> = {
  timeout: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'a number of milliseconds above 0',
  signal: (value) => (isSignal(value) ? undefined : 'an AbortSignal'),
  idempotent: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  // Looked at where the arguments are encoded.
  binary: () => undefined,
  priority: among(priorities),
};

const streamChecks: Readonly<Record<keyof CallStreamOptions, Check>> = {
  ...callChecks,
  highWaterMark: (value) =>
    Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= maxHighWaterMark
      ? undefined
      : `a whole number from 1 to ${maxHighWaterMark}`,
};

const sessionChecks: Readonly<Record<Exclude<keyof SessionOptions, 'pool'>, Check>> = {
  affinity: among(affinities),
  ttl: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'a number of milliseconds above 0',
  metadata: faultOfMetadata,
  onWorkerLost: among(losses),
};

// An unknown one is answered with the known ones.
const anyPool = { pool: () => undefined } as const;
const tables = {
  start: { waitFor: among(startWaits) },
  call: callChecks,
  execute: { ...callChecks, ...anyPool },
  streamCall: streamChecks,
  stream: { ...streamChecks, ...anyPool },
  poolSession: sessionChecks,
  session: { ...sessionChecks, ...anyPool },
} as const satisfies Record<string, Readonly<Record<string, Check>>>;

/** Whose options are looked at: those of a pool or of a session name no pool. */
export type OptionsOf = keyof typeof tables;

/**
 * Refuses options that do not exist or are not what they may be. Plain JavaScript callers can give anything.
 *
 * @param of - Whose they are.
 * @param options - What was given.
 * @param tool - Name of the tool, for the error.
 * @throws SnakepitError INVALID_ARGUMENT that names the option, what it is and what it may be.
 */
export function checkOptions(of: OptionsOf, options: object, tool?: string): void {
  if (!isObject(options)) {
    const problem = `is ${showValue(options)}, not an object`;
    throw bridgeError('INVALID_ARGUMENT', {
      ...{ tool, path: 'options', problem },
      advice: 'give the options by name, or leave them out.',
    });
  }
  const checks: Readonly<Record<string, Check>> = tables[of];
  for (const name in options) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw unknownOption(name, Object.keys(checks), tool);
    const allowed = check(value);
    if (allowed === undefined) continue;
    throw bridgeError('INVALID_ARGUMENT', {
      tool,
      path: `options.${name}`,
      problem: `is ${showValue(value)}, not ${allowed}`,
      advice: adviceFor[name] ?? `give ${allowed}, or leave it out.`,
    });
  }
}

/**
 * Refuses what is no name of a tool, before anything is done: nothing on the way to Python expects that.
 *
 * @throws SnakepitError INVALID_ARGUMENT.
 */
export function checkTool(tool: unknown): asserts tool is string {
  if (typeof tool === 'string') return;
  const advice = 'give a text, such as "add".';
  const problem = `is ${showValue(tool)}, which names no tool`;
  throw bridgeError('INVALID_ARGUMENT', { path: 'the name of the tool', problem, advice });
}

/**
 * Refuses what is no id of a session.
 *
 * @throws SnakepitError INVALID_ARGUMENT.
 */
export function checkSessionId(id: unknown): asserts id is string {
  if (typeof id === 'string' && id !== '' && id.length <= maxSessionIdLength) return;
  const advice = `give a text of 1 to ${maxSessionIdLength} characters, such as "user-42".`;
  const problem = `is ${showValue(id)}, which names no session`;
  throw bridgeError('INVALID_ARGUMENT', { path: 'the id of a session', problem, advice });
}

const adviceFor: Readonly<Record<string, string>> = {
  timeout: 'give milliseconds, or Infinity for no limit.',
  ttl: 'give milliseconds, or Infinity for no limit.',
};

/** One of another realm is as good. What lacks a method would fail after the call was taken. */
function isSignal(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  const methods = [addEventListener, removeEventListener];
  return typeof aborted === 'boolean' && methods.every((each) => typeof each === 'function');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function among(allowed: readonly string[]): Check {
  const text = allowed.map((value) => `"${value}"`).join(' or ');
  return (value) => (allowed.some((each) => each === value) ? undefined : text);
}

function faultOfMetadata(value: unknown): string | undefined {
  const allowed = `an object of at most ${maxMetadataEntries} texts, together at most ${maxMetadataBytes} bytes`;
  if (!isObject(value)) return allowed;
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  if (entries.length > maxMetadataEntries) return allowed;
  let bytes = 0;
  for (const [name, text] of entries) {
    if (typeof text !== 'string') return allowed;
    bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  return bytes > maxMetadataBytes ? allowed : undefined;
}

function unknownOption(name: string, known: readonly string[], tool: string | undefined): Error {
  const nearest = nearestName(name, known);
  return bridgeError('INVALID_ARGUMENT', {
    tool,
    path: `options.${name}`,
    problem: 'is no option here',
    advice: `${nearest === undefined ? '' : `did you mean "${nearest}"? `}There are ${known.join(', ')}.`,
  });
}

/**
 * What is wrong with a time that may be left out, and otherwise is a number of milliseconds from 0, `Infinity` included.
 *
 * @param path - What the user calls it.
 * @param advice - What it may be instead.
 * @returns An INVALID_ARGUMENT for what is no time.
 */
export function faultOfTime(
  given: number | undefined,
  path: string,
  advice: string,
): Error | undefined {
  // Plain JavaScript callers can give anything.
  if (given === undefined || (typeof given === 'number' && given >= 0)) return undefined;
  const problem = `is ${String(given)}, not a number of milliseconds from 0`;
  return bridgeError('INVALID_ARGUMENT', { path, problem, advice });
}

/**
 * How long a restart waits for calls in flight, in milliseconds; `undefined` when it was not said.
 *
 * @throws SnakepitError INVALID_ARGUMENT for what is no time.
 */
export function drainTimeOf(timeout: number | undefined): number | undefined {
  const advice = 'give milliseconds, or leave it out for gracefulShutdownTimeout of the pool.';
  const fault = faultOfTime(timeout, 'options.timeout', advice);
  if (fault !== undefined) throw fault;
  return timeout;
}
