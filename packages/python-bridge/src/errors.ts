import { defineErrors } from '@snakepit/core';
import type { ErrorTemplate, SnakepitError } from '@snakepit/core';
import type { ConfigFault } from './config/config-fault.ts';
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

/** What is known of an exception that a Python tool raised. */
export interface PythonExceptionDetails extends ErrorIds {
  /** Class name, such as `ValueError`. */
  readonly type: string;
  /** Module that defines the class; `builtins` for Python's own. */
  readonly module: string;
  /** `str(exception)`. */
  readonly message: string;
  /** The formatted traceback, as Python prints it; empty when the worker sent none. */
  readonly traceback: string;
}

/** What a worker said when it could not start its adapter. */
export interface AdapterFailedDetails extends ErrorIds {
  /** Dotted path of the adapter class, as configured. */
  readonly adapter: string;
  /** Which step failed: the module or class was not found, the import raised, or the class is not an adapter. */
  readonly reason: 'ADAPTER_NOT_FOUND' | 'ADAPTER_IMPORT' | 'ADAPTER_INVALID';
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
      `the ${d.what}${toolOf(d)} exceed the limit of ${d.limitBytes / (1024 * 1024)} MB a message: ${d.reason}.`,
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
        ? 'return JSON values (dict, list, str, int, float, bool, None), or bytes as the whole result.'
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

/** Every code with its sentence and remedy, for the documentation and for the test that compares them. */
export const bridgeErrorTable: Readonly<Record<BridgeErrorCode, ErrorTemplate<never>>> = table;

/**
 * Makes an error of this package from its code and details.
 *
 * For `PYTHON_EXCEPTION` and `ADAPTER_FAILED` use {@link pythonException} and {@link adapterFailed}, which keep the traceback.
 */
export const bridgeError = defineErrors(table);

/**
 * The error for an exception that a Python tool raised; its traceback is printed under the JavaScript stack.
 *
 * @param details - Class, module, message and traceback, with the ids of the call.
 */
export function pythonException(
  details: PythonExceptionDetails,
): SnakepitError<'PYTHON_EXCEPTION'> {
  return withTraceback(bridgeError('PYTHON_EXCEPTION', details), details.traceback);
}

/**
 * The error for an adapter that could not be loaded; what Python printed is under the JavaScript stack.
 *
 * @param details - What the worker said before it exited.
 */
export function adapterFailed(details: AdapterFailedDetails): SnakepitError<'ADAPTER_FAILED'> {
  return withTraceback(bridgeError('ADAPTER_FAILED', details), details.traceback);
}

const adapterProblem = {
  ADAPTER_NOT_FOUND: 'was not found',
  ADAPTER_IMPORT: 'raised while it was imported',
  ADAPTER_INVALID: 'is not an adapter',
} as const;

const adapterRemedy = {
  ADAPTER_NOT_FOUND:
    'pools[].adapter is "package.module.Class"; the module is looked up from pools[].cwd and pools[].pythonPath.',
  ADAPTER_IMPORT:
    'correct the module (its traceback is below), or install what it imports into the Python environment.',
  ADAPTER_INVALID:
    'give it at least one method with @tool, or derive it from snakepit_bridge.BaseAdapter.',
} as const;

// An identity that lets the two functions of an entry share one inferred type of details.
function template<D extends object>(
  message: (details: D) => string,
  remedy: (details: D) => string,
): ErrorTemplate<D> {
  return { message, remedy };
}

function withTraceback<E extends Error>(error: E, traceback: string): E {
  if (traceback.trim() === '') return error;
  const javascript = error.stack ?? `${error.name}: ${error.message}`;
  error.stack = `${javascript}\n\nPython traceback:\n${traceback.trimEnd()}`;
  return error;
}

function whereabouts(ids: ErrorIds): string {
  const parts = [
    ids.worker === undefined ? undefined : `worker "${ids.worker}"`,
    ids.pool === undefined ? undefined : `pool "${ids.pool}"`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(' of ')})`;
}

function toolOf(ids: ErrorIds): string {
  return ids.tool === undefined ? '' : ` (tool "${ids.tool}")`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ');
}

function output(lines: readonly string[] | undefined): string {
  if (lines === undefined || lines.length === 0) return '';
  return ` Last output:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
}

function signature(
  tool: string | undefined,
  parameters: readonly ToolParameter[] | undefined,
): string {
  if (parameters === undefined) return '';
  const parts = parameters.map((p) => `${p.name}${p.required ? '' : '?'}: ${p.type}`);
  return ` Its signature: ${tool ?? 'tool'}({ ${parts.join(', ')} }).`;
}
