import { showValue } from '../config/config-fault.ts';
import { checkToolMetadata } from '../bridge/tool-name.ts';
import { describeToolError } from '../bridge/tool-registry.ts';
import type {
  RegisteredTool,
  ToolParameterSpec,
  ToolRequest,
  ToolRunner,
  ToolTable,
} from '../bridge/tool-table.ts';
import type { ExecuteOptions } from '../call-options.ts';
import type { ToolArguments } from '../pool/caller.ts';
import { bridgeError } from '../errors.ts';
import { createArgumentCheck, type ArgumentCheck } from './argument-check.ts';
import type { JsonSchema } from './json-schema.ts';
import type { Nesting } from './nesting.ts';

/** What a function that Python calls knows of the call. */
export interface ToolContext {
  /** Name under which it was called. */
  readonly tool: string;
  /** Session of the caller; empty when it has none. */
  readonly session: string;
  /** Id that follows one request through Node and Python; undefined when the caller sent none. */
  readonly correlationId: string | undefined;
  /** Pool of the caller; undefined when it does not say. */
  readonly pool: string | undefined;
  /** Id of the worker that calls; undefined when it does not say. */
  readonly worker: string | undefined;
  /** How many calls of Python it is inside of; at least 1, unless the caller does not say. */
  readonly depth: number;
  /** Aborted when the caller gave up: its time is over, it was cancelled, or its worker died. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller will still wait; `Infinity` without a limit. */
  readonly remainingMs: () => number;
  /**
   * Calls Python from here, as `snakepit.execute` does from here, too: within the time that the caller has left, given up
   * when the caller gives up, and without waiting for the place that the caller holds. Default pool: that of the caller.
   *
   * @throws SnakepitError as `snakepit.execute`; NESTED_TOO_DEEP.
   */
  readonly execute: <T = unknown>(
    tool: string,
    args?: ToolArguments,
    options?: ExecuteOptions,
  ) => Promise<T>;
}

/** A function of Node that Python can call: arguments by name, a value or a promise of one as its result. */
export type ToolFunction<A extends object = ToolArguments> = (
  args: A,
  context: ToolContext,
) => unknown;

/** What is said about a function that Python can call. */
export interface RegisterToolOptions {
  /** What it does, for `session_context.node_tools`. */
  readonly description?: string;
  /**
   * Its parameters. When they are given, a call that does not fit them fails before the function runs: an unknown or missing
   * name, or a value that is none of `string`, `integer`, `number`, `boolean`, `array`, `object` or `null` where the type is
   * one of these words.
   */
  readonly parameters?: readonly ToolParameterSpec[];
  /** Id of a session that lives and has it, until it ends; default all sessions. It comes before one of all with that name. */
  readonly session?: string;
}

/** Takes the function back; whether it was still registered. Disposable, too. */
export interface UnregisterTool extends Disposable {
  (): boolean;
}

/** What {@link createNodeTools} needs of its surroundings. */
export interface NodeToolParts {
  /** Where they are kept. */
  readonly table: ToolTable;
  /** Knows of nested calls. */
  readonly nesting: Nesting;
  /** Calls Python, as the front door does. */
  readonly execute: (
    tool: string,
    args: ToolArguments | undefined,
    options: ExecuteOptions,
  ) => Promise<unknown>;
  /** Whether there is a session with this id. */
  readonly hasSession: (id: string) => boolean;
  /** A worker waits for Node: until the function that is returned is called, or it waits no more, others may have its place. */
  readonly lendPlace: (request: ToolRequest) => () => void;
}

/** Registers functions of Node. */
export interface NodeTools {
  /**
   * Registers a function.
   *
   * @throws SnakepitError INVALID_ARGUMENT with what is wrong.
   */
  readonly register: <A extends object>(
    name: string,
    run: ToolFunction<A>,
    options?: RegisterToolOptions,
  ) => UnregisterTool;
}

/** Makes what registers functions of Node. */
export function createNodeTools(parts: NodeToolParts): NodeTools {
  return {
    register(name, run, options = {}) {
      const { session = '' } = checkRegistration(name, run, options);
      if (session !== '' && !parts.hasSession(session)) throw noSession(name, session);
      const { description, parameters } = options;
      const check = parameters === undefined ? undefined : checkOf(name, parameters);
      const place = {
        kind: 'local',
        exposedToPython: true,
        run: runnerOf(parts, run as ToolFunction<object>, check),
      } as const;
      const result = parts.table.register(session, [{ name, place, description, parameters }]);
      if (!result.ok) throw refused(result.error);
      const tool = parts.table.find(session, result.names[0] ?? '');
      const unregister = (): boolean => takeBack(parts.table, tool);
      return Object.assign(unregister, {
        [Symbol.dispose]: () => {
          unregister();
        },
      });
    },
  };
}

function takeBack(table: ToolTable, tool: RegisteredTool | undefined): boolean {
  return tool !== undefined && table.unregister(tool);
}

function runnerOf(
  { nesting, execute, lendPlace }: NodeToolParts,
  run: ToolFunction<object>,
  check: ArgumentCheck | undefined,
): ToolRunner {
  return (args, request) => {
    const fault = check?.(args, undefined);
    if (fault !== undefined) throw fault;
    const { caller } = request;
    return nesting.run(request, async (outer) => {
      const giveBack = lendPlace(request);
      try {
        return await run(args, {
          tool: request.tool,
          session: request.session,
          correlationId: request.correlationId,
          pool: caller?.pool,
          worker: caller?.worker,
          depth: request.depth,
          signal: request.signal,
          remainingMs: outer.remainingMs,
          execute: async <T>(
            tool: string,
            given?: ToolArguments,
            options: ExecuteOptions = {},
          ): Promise<T> => {
            const pool = options.pool ?? caller?.pool;
            const inPool = pool === undefined ? options : { ...options, pool };
            return (await execute(tool, given, inPool)) as T;
          },
        });
      } finally {
        giveBack();
      }
    });
  };
}

/** Plain JavaScript callers can give anything. */
function checkRegistration(name: unknown, run: unknown, options: unknown): RegisterToolOptions {
  const tool = typeof name === 'string' ? name : undefined;
  const fault = (path: string, problem: string, advice: string): Error =>
    bridgeError('INVALID_ARGUMENT', { tool, path, problem, advice });
  if (typeof run !== 'function') {
    throw fault('the function', `is ${showValue(run)}`, 'give what Python is to call.');
  }
  if (typeof options !== 'object' || options === null) {
    throw fault('options', `is ${showValue(options)}`, 'give an object, or leave it out.');
  }
  const known = ['description', 'parameters', 'session'];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const advice = `there are ${known.join(', ')}.`;
    throw fault(`options.${unknown}`, 'is no option of registerTool()', advice);
  }
  const { session } = options as RegisterToolOptions;
  if (session !== undefined && (typeof session !== 'string' || session === '')) {
    const advice = 'give the id of a session, or leave it out for all sessions.';
    throw fault('options.session', `is ${showValue(session)}`, advice);
  }
  return options;
}

function noSession(tool: string, session: string): Error {
  const path = 'options.session';
  const problem = `is "${session}", and no session with that id lives`;
  const advice = 'open it first, with snakepit.session(id).';
  return bridgeError('INVALID_ARGUMENT', { tool, path, problem, advice });
}

function refused(error: Parameters<typeof describeToolError>[0]): Error {
  const advice = {
    duplicateTool: 'take another name, or take the earlier one back first.',
    invalidToolName: 'take a name such as "users.find".',
    invalidMetadata: 'parameters are [{ name, type, description, required }].',
    unknownWorker: 'register it from a worker.',
    tooManyTools: 'take back what is not needed any more.',
  }[error.kind];
  return bridgeError('INVALID_ARGUMENT', { problem: describeToolError(error), advice });
}

const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;

function checkOf(
  name: string,
  parameters: readonly ToolParameterSpec[],
): ArgumentCheck | undefined {
  // What else is wrong with them is told when they are registered.
  if (checkToolMetadata({ metadata: {}, description: '', parameters }) !== undefined) {
    return undefined;
  }
  const twice = parameters.find(
    (each, at) => parameters.findIndex((p) => p.name === each.name) < at,
  );
  if (twice !== undefined) {
    const problem = `names ${showValue(twice.name)} twice`;
    const advice = 'leave one of them out.';
    throw bridgeError('INVALID_ARGUMENT', {
      tool: name,
      path: 'options.parameters',
      problem,
      advice,
    });
  }
  const described = parameters.map(({ name: parameter, type = 'any', required = false }) => {
    const known = jsonTypes.find((word) => word === type);
    const schema: JsonSchema = known === undefined ? {} : { type: known };
    return { name: parameter, type, required, description: '', schema };
  });
  const tool = {
    name,
    description: '',
    documentation: '',
    parameters: described,
    takesMore: false,
    inputSchema: {},
    returns: { type: 'any', description: '', schema: {} },
    supportsStreaming: false,
  };
  return createArgumentCheck(tool, {});
}
