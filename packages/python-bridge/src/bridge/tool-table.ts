import { checkToolMetadata, checkToolName } from './tool-name.ts';
import type { ToolMetadataFault, ToolNameFault } from './tool-name.ts';

/** A call of Python to Node, as it came. */
export interface ToolRequest {
  /** Name of the tool. */
  readonly tool: string;
  /** Session of the caller; empty when it has none. */
  readonly session: string;
  /** Id that follows one request through Node and Python; undefined when the caller sent none. */
  readonly correlationId: string | undefined;
  /** Which trace it belongs to, as W3C writes it, for what is called in it; undefined when it is of none. */
  readonly traceContext?: Readonly<Record<string, string>> | undefined;
  /** Aborted when the caller gave up. */
  readonly signal: AbortSignal;
  /** The worker that calls; undefined when it does not say. */
  readonly caller: ToolCaller | undefined;
  /** How many calls of Python this one is inside of; 0 when nobody counted. */
  readonly depth: number;
  /** Milliseconds that the caller will wait; `Infinity` without a limit. */
  readonly timeoutMs: number;
}

/** A worker that calls Node. */
export interface ToolCaller {
  /** Name of its pool. */
  readonly pool: string;
  /** Its id. */
  readonly worker: string;
}

/** Runs a tool for a caller in Python. */
export type ToolRunner = (args: Readonly<Record<string, unknown>>, request: ToolRequest) => unknown;

/** A parameter, as Python sees it. */
export interface ToolParameterSpec {
  /** Its name. */
  readonly name: string;
  /** Its type, such as `integer`. Default: `any`. */
  readonly type?: string;
  /** What it means. */
  readonly description?: string;
  /** Whether it must be given. Default false. */
  readonly required?: boolean;
}

/** Where a tool runs. */
export type ToolPlace =
  | {
      readonly kind: 'local';
      /** Runs it. */
      readonly run: ToolRunner;
      /** Whether Python may call it. */
      readonly exposedToPython: boolean;
    }
  | {
      readonly kind: 'remote';
      /** The worker that offers it, as `pool/worker`. */
      readonly worker: string;
      /** Calls it there. */
      readonly run: ToolRunner;
    };

/** A tool to register. */
export interface NewTool {
  /** Its name: 1 to 64 letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** Where it runs. */
  readonly place: ToolPlace | { readonly kind: 'remote'; readonly worker: string };
  /** What it does. */
  readonly description?: string | undefined;
  /** Its parameters. */
  readonly parameters?: readonly ToolParameterSpec[] | undefined;
  /** Further facts: at most 32, 4096 bytes together. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Whether it can stream. Default false. */
  readonly supportsStreaming?: boolean | undefined;
}

/** A tool that is registered. */
export interface RegisteredTool {
  /** Its name. */
  readonly name: string;
  /** Session it belongs to; empty for all sessions. */
  readonly session: string;
  /** Where it runs. */
  readonly place: ToolPlace;
  /** What it does. */
  readonly description: string;
  /** Its parameters. */
  readonly parameters: readonly ToolParameterSpec[];
  /** Further facts. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether it can stream. */
  readonly supportsStreaming: boolean;
}

/** Why tools were not registered: then none of the batch was. */
export type ToolError =
  | { readonly kind: 'duplicateTool'; readonly name: string; readonly session: string }
  | { readonly kind: 'invalidToolName'; readonly name: unknown; readonly fault: ToolNameFault }
  | { readonly kind: 'invalidMetadata'; readonly name: string; readonly fault: ToolMetadataFault }
  | { readonly kind: 'unknownWorker'; readonly name: string; readonly worker: string }
  | { readonly kind: 'tooManyTools'; readonly session: string; readonly limit: number };

/** The names under which tools are registered now, or why they are not. */
export type RegisterResult =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly error: ToolError };

/** Tools by session and name; those of the empty session are everybody's. */
export interface ToolTable {
  /** Registers all of them or none. */
  register(session: string, batch: readonly NewTool[]): RegisterResult;
  /** The tool that a session means by a name. */
  find(session: string, name: string): RegisteredTool | undefined;
  /** The tools that a session can call: its own, and those of all that it has not replaced. */
  list(session: string): readonly RegisteredTool[];
  /** Forgets this very tool, not one that came in its place; whether it was there. */
  unregister(tool: RegisteredTool): boolean;
  /** Forgets what belongs to these sessions. */
  readonly forgetSessions: (ids: readonly string[]) => void;
}

/** The workers whose tools can be in a table. */
export interface ToolWorkers {
  /**
   * What calls a tool of a worker.
   *
   * @param worker - As it names itself: `pool/worker`.
   * @returns `undefined` for what is no worker: whoever registered such a tool could never be called.
   */
  runnerOf(worker: string): { readonly worker: string; readonly run: ToolRunner } | undefined;
}

/** What a table is made of. */
export interface ToolTableParts {
  /** The workers whose tools can be in it. Default: none. */
  readonly workers?: ToolWorkers;
  /** How large it may grow. */
  readonly limits?: ToolLimits;
}

/** How large a table may grow. */
export interface ToolLimits {
  /** Most tools of one session, and most of all sessions. Default 1000. */
  readonly perSession?: number;
  /** Most tools in all. Default 10 000. */
  readonly total?: number;
}

/** Makes an empty table. */
export function createToolTable(parts: ToolTableParts = {}): ToolTable {
  return new Table(parts);
}

class Table implements ToolTable {
  readonly #limits: Required<ToolLimits>;
  readonly #workers: ToolWorkers | undefined;
  readonly #tools = new Map<string, Map<string, RegisteredTool>>();
  #size = 0;

  constructor({ limits = {}, workers }: ToolTableParts) {
    this.#limits = { perSession: 1_000, total: 10_000, ...limits };
    this.#workers = workers;
  }

  register(session: string, batch: readonly NewTool[]): RegisterResult {
    const known = this.#tools.get(session);
    const made = new Map<string, RegisteredTool>();
    for (const tool of batch) {
      const result = makeTool(session, tool, this.#workers);
      if (!result.ok) return result;
      const { name } = result.tool;
      if (made.has(name) || known?.has(name) === true) {
        return { ok: false, error: { kind: 'duplicateTool', name, session } };
      }
      made.set(name, result.tool);
    }
    const { perSession, total } = this.#limits;
    if ((known?.size ?? 0) + made.size > perSession) {
      return { ok: false, error: { kind: 'tooManyTools', session, limit: perSession } };
    }
    if (this.#size + made.size > total) {
      return { ok: false, error: { kind: 'tooManyTools', session: '', limit: total } };
    }
    const ofSession = known ?? new Map<string, RegisteredTool>();
    for (const [name, tool] of made) ofSession.set(name, tool);
    if (ofSession.size > 0) this.#tools.set(session, ofSession);
    this.#size += made.size;
    return { ok: true, names: [...made.keys()] };
  }

  find(session: string, name: string): RegisteredTool | undefined {
    return this.#tools.get(session)?.get(name) ?? this.#tools.get('')?.get(name);
  }

  list(session: string): readonly RegisteredTool[] {
    const visible = new Map([...(this.#tools.get('') ?? []), ...(this.#tools.get(session) ?? [])]);
    return [...visible.values()];
  }

  unregister(tool: RegisteredTool): boolean {
    const ofSession = this.#tools.get(tool.session);
    if (ofSession?.get(tool.name) !== tool) return false;
    ofSession.delete(tool.name);
    this.#size -= 1;
    if (ofSession.size === 0) this.#tools.delete(tool.session);
    return true;
  }

  readonly forgetSessions = (ids: readonly string[]): void => {
    for (const id of ids) {
      if (id === '') continue;
      this.#size -= this.#tools.get(id)?.size ?? 0;
      this.#tools.delete(id);
    }
  };
}

type MadeTool =
  | { readonly ok: true; readonly tool: RegisteredTool }
  | { readonly ok: false; readonly error: ToolError };

function makeTool(session: string, tool: NewTool, workers: ToolWorkers | undefined): MadeTool {
  const checked = checkToolName(tool.name);
  if (!checked.ok) {
    const error = { kind: 'invalidToolName', name: tool.name, fault: checked.fault } as const;
    return { ok: false, error };
  }
  const { name } = checked;
  const { description = '', parameters = [], metadata = {}, supportsStreaming = false } = tool;
  const fault = checkToolMetadata({ metadata, description, parameters });
  if (fault !== undefined) return { ok: false, error: { kind: 'invalidMetadata', name, fault } };
  const place = 'run' in tool.place ? tool.place : remotePlace(tool.place.worker, workers);
  if (place === undefined) {
    const worker = tool.place.kind === 'remote' ? tool.place.worker : '';
    return { ok: false, error: { kind: 'unknownWorker', name, worker } };
  }
  return {
    ok: true,
    tool: { name, session, place, description, parameters, metadata, supportsStreaming },
  };
}

function remotePlace(label: string, workers: ToolWorkers | undefined): ToolPlace | undefined {
  const found = workers?.runnerOf(label);
  return found === undefined ? undefined : { kind: 'remote', ...found };
}
