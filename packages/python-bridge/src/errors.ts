import { defineErrors, type ErrorDetails, type ErrorTemplate } from '@snakepit/core';
import type { ConfigFault } from './config/config-fault.ts';
import type { BlamedDeath } from './resilience/blamed-death.ts';
import { errorNotes } from './error-notes.ts';
import {
  adapterProblem,
  adapterRemedy,
  blame,
  differences,
  list,
  output,
  signature,
  size,
  toolOf,
  whereabouts,
} from './error-text.ts';
import { describeShortage, shortageRemedy } from './resource-limit.ts';
import { remedyFor, type FailureCause } from './worker/failure-cause.ts';

/** The ids that an error of this package may carry; all optional, because it is made where they are known. */
export interface ErrorIds {
  /** Name of the pool. */
  readonly pool?: string | undefined;
  /** Id of the worker. */
  readonly worker?: string | undefined;
  /** Id of the session. */
  readonly session?: string | undefined;
  /** Name of the tool that was called. */
  readonly tool?: string | undefined;
  /** Id of this run of Snakepit. */
  readonly run?: string | undefined;
}

/** A parameter of a Python tool, as the worker describes it when the arguments do not fit. */
export interface ToolParameter {
  /** Name in the tool's signature. */
  readonly name: string;
  /** Its annotation, such as `int`; `any` when there is none. */
  readonly type: string;
  /** Whether the signature has no default for it. */
  readonly required: boolean;
}

/** An exception as a worker describes it. */
export interface PythonExceptionPart {
  /** Class name, such as `ValueError`. */
  readonly type: string;
  /** Module that defines the class; `builtins` for Python's own. */
  readonly module: string;
  /** `str(exception)`. */
  readonly message: string;
  /** The formatted traceback, as Python prints it; empty when the worker sent none. */
  readonly traceback: string;
  /** `exception.args`, where JSON can hold them; of the others their `repr`. Absent from workers of the original. */
  readonly args?: readonly unknown[] | undefined;
  /** What `add_note` said. */
  readonly notes?: readonly string[] | undefined;
  /** The exceptions of a group. */
  readonly exceptions?: readonly PythonExceptionPart[] | undefined;
}

/** An exception behind another; its traceback is that of itself alone. */
export interface PythonCause extends PythonExceptionPart {
  /** `cause` where it was named (`raise … from`), `context` where the other was raised while this one was handled. */
  readonly relation: 'cause' | 'context';
}

/** What is known of an exception that a Python tool raised; its traceback holds those of its causes, too. */
export interface PythonExceptionDetails extends ErrorIds, PythonExceptionPart {
  /** What it was raised from or while handling, nearest first; as errors they are `cause` of each other. */
  readonly causes?: readonly PythonCause[] | undefined;
}

/**
 * Why an adapter cannot be used: the module or class was not found, the import raised, the class is not an adapter, or it
 * is not made for several calls at once.
 */
export type AdapterProblem = keyof typeof adapterProblem;

/** What a worker said when it could not start its adapter. */
export interface AdapterFailedDetails extends ErrorIds {
  /** Dotted path of the adapter class, as configured. */
  readonly adapter: string;
  /** Which step failed. */
  readonly reason: AdapterProblem;
  /** Python's own sentence. */
  readonly message: string;
  /** Python's traceback; empty when there is none. */
  readonly traceback: string;
}

const table = {
  TIMEOUT: template(
    (
      d: ErrorIds & {
        readonly operation: string;
        readonly timeoutMs: number;
        readonly option: string;
      },
    ) => `${d.operation}${whereabouts(d)} did not finish within ${d.timeoutMs} ms.`,
    (d) => `allow more time with ${d.option}, or make the work shorter.`,
  ),
  QUEUE_FULL: template(
    (
      d: ErrorIds & {
        readonly pool: string;
        readonly queueLength: number;
        readonly maxQueueSize: number;
      },
    ) =>
      `the queue of pool "${d.pool}" is full (${d.queueLength} of ${d.maxQueueSize} requests waiting).`,
    () => 'call less at once, add workers (pools[].size), or raise pools[].maxQueueSize.',
  ),
  QUEUE_TIMEOUT: template(
    (
      d: ErrorIds & {
        readonly pool: string;
        readonly waitedMs: number;
        readonly queueLength: number;
      },
    ) =>
      `no worker of pool "${d.pool}" became free within ${d.waitedMs} ms (${d.queueLength} requests waiting).`,
    () => 'add workers (pools[].size), or raise pools[].queueTimeout.',
  ),
  WORKER_CRASHED: template(
    (
      d: ErrorIds & {
        readonly reason: string;
        readonly exitCode?: number | null | undefined;
        readonly signal?: string | null | undefined;
        readonly lastOutput?: readonly string[] | undefined;
        readonly failure?: FailureCause | undefined;
        /** How many calls that had been given up it was executing besides. */
        readonly abandoned?: number | undefined;
      },
    ) =>
      `the worker${whereabouts(d)} ended${d.tool === undefined ? '' : ` while it was executing tool "${d.tool}"`}: ${d.reason}.${output(d.lastOutput)}`,
    (d) =>
      d.failure === 'outOfMemory'
        ? `the worker is replaced by itself; ${remedyFor.outOfMemory}`
        : 'the worker is replaced by itself; a call that may run twice can say so with { idempotent: true } and is then retried.',
  ),
  WORKER_UNAVAILABLE: template(
    (
      d: ErrorIds & {
        readonly reason: string;
        readonly maybeExecuted: boolean;
        readonly advice?: string | undefined;
      },
    ) =>
      `the worker${whereabouts(d)} cannot be reached: ${d.reason}.${d.maybeExecuted ? ' The tool may have run.' : ' The tool did not run.'}`,
    (d) =>
      d.advice ??
      'try again: the supervisor replaces a worker that is gone; a call that may run twice can say so with { idempotent: true }.',
  ),
  WORKER_BUSY: template(
    (d: ErrorIds & { readonly reason: string }) =>
      `the worker${whereabouts(d)} takes no more calls at present: ${d.reason}.`,
    () => 'try again later, or add workers (pools[].size).',
  ),
  CANCELLED: template(
    (d: ErrorIds) => `the call${toolOf(d)}${whereabouts(d)} was cancelled by its AbortSignal.`,
    () => '',
  ),
  CIRCUIT_OPEN: template(
    (
      d: ErrorIds & {
        readonly pool: string;
        readonly retryAfterMs: number;
        readonly failureThreshold: number;
        readonly failureWindowMs: number;
      },
    ) =>
      `the circuit breaker of pool "${d.pool}" is open${toolOf(d)}: ${d.failureThreshold} calls failed within ${d.failureWindowMs} ms.`,
    (d) =>
      `${d.retryAfterMs === 0 ? 'try again soon: a call is being tried' : `try again in ${d.retryAfterMs} ms`}; the cause of this error is what failed last (pools[].circuitBreaker sets when it opens).`,
  ),
  POISON_REQUEST: template(
    (
      d: ErrorIds & {
        readonly pool: string;
        readonly tool: string;
        readonly retryAfterMs: number;
        readonly deaths: readonly BlamedDeath[];
      },
    ) =>
      `tool "${d.tool}" with these arguments ended ${d.deaths.length} workers of pool "${d.pool}", so it is not given to another:\n${d.deaths
        .map((death) => `  - ${blame(death)}`)
        .join('\n')}`,
    (d) =>
      `correct the tool, or what is passed to it; the cause of this error is the last of these deaths. It is taken again in ${d.retryAfterMs} ms (pools[].crashBarrier).`,
  ),
  SESSION_LOST: template(
    (d: ErrorIds & { readonly session: string; readonly worker: string }) =>
      `session "${d.session}" has lost its worker "${d.worker}"${d.pool === undefined ? '' : ` of pool "${d.pool}"`}, and what it kept there.`,
    () =>
      'begin it anew with snakepit.session(id), or let it go on with another worker: { onWorkerLost: "fresh" }.',
  ),
  SESSION_ENDED: template(
    (d: ErrorIds & { readonly session: string; readonly why: string }) =>
      `session "${d.session}" is over: ${d.why}.`,
    () => 'begin it anew with snakepit.session(id), or give it more time with { ttl }.',
  ),
  SESSION_LIMIT: template(
    (d: ErrorIds & { readonly session: string; readonly maxSessions: number }) =>
      `session "${d.session}" cannot begin: there are ${d.maxSessions} sessions already, which is the limit.`,
    () => 'end() sessions that are not used any more, or give them a shorter { ttl }.',
  ),
  POOL_NOT_FOUND: template(
    (d: ErrorIds & { readonly pool: string; readonly available: readonly string[] }) =>
      `there is no pool "${d.pool}"; there ${d.available.length === 1 ? 'is' : 'are'} ${list(d.available)}.`,
    () => 'name a pool of the configuration (pools[].name) in the option { pool }.',
  ),
  SHUTTING_DOWN: template(
    (d: ErrorIds) =>
      `Snakepit is stopping and takes no new calls${d.pool === undefined ? '' : ` for pool "${d.pool}"`}.`,
    () => 'finish your calls before stop(), or start a new Snakepit.',
  ),
  INVALID_CONFIG: template(
    (d: { readonly faults: readonly ConfigFault[] }) =>
      `the configuration has ${d.faults.length === 1 ? 'a fault' : `${d.faults.length} faults`}:\n${d.faults
        .map((fault) => `  - ${fault.message}`)
        .join('\n')}`,
    (d) =>
      `correct ${list([...new Set(d.faults.map((fault) => fault.where))])}; nothing was started.`,
  ),
  INVALID_ARGUMENT: template(
    (
      d: ErrorIds & {
        readonly problem: string;
        readonly advice: string;
        readonly path?: string | undefined;
        readonly parameters?: readonly ToolParameter[] | undefined;
      },
    ) =>
      `${d.path === undefined ? '' : `${d.path} `}${d.problem}${toolOf(d)}${whereabouts(d)}.${signature(d.tool, d.parameters)}`,
    (d) => d.advice,
  ),
  MESSAGE_TOO_LARGE: template(
    (
      d: ErrorIds & {
        readonly what: 'arguments' | 'result';
        readonly limitBytes: number;
        readonly reason: string;
      },
    ) =>
      `the ${d.what}${toolOf(d)} exceed the limit of ${size(d.limitBytes)} a message: ${d.reason}.`,
    (d) =>
      d.what === 'arguments'
        ? 'send the data in parts, or write it to a file and pass its path.'
        : 'return the data in parts, or let the tool write a file and return its path.',
  ),
  PYTHON_EXCEPTION: template(
    (d: PythonExceptionDetails) =>
      `${d.module === 'builtins' || d.module === '' ? '' : `${d.module}.`}${d.type}: ${d.message}${toolOf(d)}${whereabouts(d)}`,
    (d) =>
      d.type === 'EncodingError'
        ? 'return values that docs/values.md lists, or let a marker stand for the others (pools[].unserializable).'
        : d.traceback === ''
          ? 'see what the worker printed: it sent no traceback.'
          : 'see the Python traceback below the JavaScript stack.',
  ),
  TOOL_NOT_FOUND: template(
    (
      d: ErrorIds & {
        readonly tool: string;
        readonly available: readonly string[];
        readonly suggestion?: string | undefined;
      },
    ) =>
      `there is no tool "${d.tool}"${whereabouts(d)}.${d.suggestion === undefined ? '' : ` Did you mean "${d.suggestion}"?`} Available: ${list(d.available)}.`,
    () => 'call one of these, or add a method with @tool to the adapter (pools[].adapter).',
  ),
  NESTED_TOO_DEEP: template(
    (d: ErrorIds & { readonly depth: number; readonly limit: number }) =>
      `the call${toolOf(d)} would be call ${d.depth} of Node and Python inside of each other; at most ${d.limit} are allowed.`,
    () =>
      'end the recursion earlier: each of these calls holds a thread of Python until the inner one is over.',
  ),
  STALE_TYPES: template(
    (
      d: ErrorIds & {
        readonly adapter: string;
        readonly changed: readonly string[];
        readonly missing: readonly string[];
        readonly added: readonly string[];
        readonly command: string;
      },
    ) =>
      `the generated types of adapter "${d.adapter}" are not those of ${d.pool === undefined ? 'the first pool' : `pool "${d.pool}"`}: ${differences(d)}.`,
    (d) => `generate them again: ${d.command}`,
  ),
  ADAPTER_FAILED: template(
    (d: AdapterFailedDetails) =>
      `the adapter "${d.adapter}"${whereabouts(d)} ${adapterProblem[d.reason]}: ${d.message}`,
    (d) => adapterRemedy[d.reason],
  ),
  WORKER_START_FAILED: template(
    (
      d: ErrorIds & {
        readonly reason: string;
        readonly failure: FailureCause;
        readonly lastOutput?: readonly string[] | undefined;
      },
    ) => `the worker${whereabouts(d)} did not start: ${d.reason}.${output(d.lastOutput)}`,
    (d) => remedyFor[d.failure],
  ),
  RESOURCE_LIMIT: template(describeShortage, shortageRemedy),
  ENVIRONMENT: template(
    (d: {
      readonly problem: string;
      readonly advice: string;
      readonly source?: string | undefined;
    }) => d.problem,
    (d) => d.advice,
  ),
  PROTOCOL: template(
    (d: ErrorIds & { readonly problem: string }) =>
      `the worker${whereabouts(d)} and Node do not understand each other: ${d.problem}.`,
    () =>
      'the Python package snakepit_bridge must be the one that came with @snakepit/python-bridge; `npx snakepit doctor` compares them.',
  ),
} as const;

/** Codes of the errors that this package throws; programs decide by them. */
export type BridgeErrorCode = keyof typeof table;

/** Every code with its sentence and remedy, and whether the same call may succeed a little later. */
export const bridgeErrorTable: typeof table = withNotes(table);

/**
 * Makes an error of this package from its code and details.
 *
 * For `PYTHON_EXCEPTION` and `ADAPTER_FAILED` use `pythonException` and `adapterFailed`, which keep the traceback.
 */
export const bridgeError = defineErrors(bridgeErrorTable);

/** What an error of this package tells, by its code. */
export type BridgeErrorDetails<C extends BridgeErrorCode> = ErrorDetails<typeof table, C>;

// What is written about each code stands in one place, for people and for programs.
function withNotes<T extends Readonly<Record<string, ErrorTemplate<never>>>>(templates: T): T {
  const notes: Readonly<Record<string, { readonly retryable: boolean }>> = errorNotes;
  const entries = Object.entries(templates).map(([code, entry]) => {
    return [code, { ...entry, retryable: notes[code]?.retryable }];
  });
  // The same keys with the same functions.
  return Object.fromEntries(entries) as T;
}

// An identity that lets the two functions of an entry share one inferred type of details.
function template<D extends object>(
  message: (details: D) => string,
  remedy: (details: D) => string,
): ErrorTemplate<D> {
  return { message, remedy };
}
