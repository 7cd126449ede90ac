import { defineServer, noreply, ok, reply } from '@snakepit/core';
import { showValue } from '../config/config-fault.ts';
import { checkToolMetadata, checkToolName } from './tool-name.ts';
import type { ToolMetadataFault, ToolNameFault } from './tool-name.ts';

/** What a function that Python calls knows of the call. */
export interface ToolContext {
  /** Name of the tool. */
  readonly tool: string;
  /** Session of the caller; empty when it has none. */
  readonly session: string;
  /** Id that follows one request through Node and Python; undefined when the caller sent none. */
  readonly correlationId: string | undefined;
  /** Aborted when the caller gave up. */
  readonly signal: AbortSignal;
}

/** A function of Node that Python can call: arguments by name, a JSON value or a promise of one as its result. */
export type ToolFunction = (
  args: Readonly<Record<string, unknown>>,
  context: ToolContext,
) => unknown;

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
      /** The function. */
      readonly run: ToolFunction;
      /** Whether Python may call it. */
      readonly exposedToPython: boolean;
    }
  | {
      readonly kind: 'remote';
      /** Id of the worker that offers it. */
      readonly worker: string;
    };

/** A tool to register. */
export interface NewTool {
  /** Its name: 1 to 64 letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** Where it runs. */
  readonly place: ToolPlace;
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

/** Why tools cannot be registered. */
export type ToolError =
  | { readonly kind: 'duplicateTool'; readonly name: string; readonly session: string }
  | { readonly kind: 'invalidToolName'; readonly name: unknown; readonly fault: ToolNameFault }
  | { readonly kind: 'invalidMetadata'; readonly name: string; readonly fault: ToolMetadataFault };

/** Whether all tools of a batch are registered, or none and why. */
export type RegisterResult =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly error: ToolError };

/** Name under which the tree registers the registry. */
export const toolRegistryName = 'snakepit.tools';

// Session to name to tool; changed in place, because it is this process's own.
type Tools = Map<string, Map<string, RegisteredTool>>;

/**
 * The process that knows which tools there are besides those of the adapters (SNK §10.2).
 *
 * A tool belongs to a session, or with the empty session to all; a session's own comes first. Tools of a session that is
 * gone, and of a worker that is gone, are forgotten (the original keeps the former).
 */
export const toolRegistry = defineServer({
  name: 'toolRegistry',
  init: () => {
    const tools: Tools = new Map();
    return ok(tools);
  },
  call: {
    /** Registers all of them or none. */
    register: (
      tools: Tools,
      { session = '', batch }: { readonly session?: string; readonly batch: readonly NewTool[] },
    ) => reply(register(tools, session, batch), tools),
    /** The tool that a session means by a name; undefined when there is none. */
    find: (tools: Tools, { session, name }: { readonly session: string; readonly name: string }) =>
      reply(tools.get(session)?.get(name) ?? tools.get('')?.get(name), tools),
    /** The tools that a session can call. */
    list: (tools: Tools, session: string) => reply(visibleTo(tools, session), tools),
    /** Forgets a tool; whether there was one. */
    unregister: (
      tools: Tools,
      { session = '', name }: { readonly session?: string; readonly name: string },
    ) => reply(tools.get(session)?.delete(name) ?? false, tools),
  },
  cast: {
    /** Forgets what belongs to these sessions. */
    forgetSessions: (tools: Tools, ids: readonly string[]) => {
      for (const id of ids) if (id !== '') tools.delete(id);
      return noreply(tools);
    },
    /** Forgets what a worker offered. */
    forgetWorker: (tools: Tools, worker: string) => {
      for (const ofSession of tools.values()) {
        for (const { name, place } of [...ofSession.values()]) {
          if (place.kind === 'remote' && place.worker === worker) ofSession.delete(name);
        }
      }
      return noreply(tools);
    },
  },
});

function register(tools: Tools, session: string, batch: readonly NewTool[]): RegisterResult {
  const made = new Map<string, RegisteredTool>();
  for (const tool of batch) {
    const checked = checkToolName(tool.name);
    if (!checked.ok) {
      return {
        ok: false,
        error: { kind: 'invalidToolName', name: tool.name, fault: checked.fault },
      };
    }
    const { name } = checked;
    const fault = checkToolMetadata(tool.metadata ?? {});
    if (fault !== undefined) return { ok: false, error: { kind: 'invalidMetadata', name, fault } };
    if (made.has(name) || tools.get(session)?.has(name) === true) {
      return { ok: false, error: { kind: 'duplicateTool', name, session } };
    }
    made.set(name, {
      name,
      session,
      place: tool.place,
      description: tool.description ?? '',
      parameters: tool.parameters ?? [],
      metadata: tool.metadata ?? {},
      supportsStreaming: tool.supportsStreaming ?? false,
    });
  }
  const ofSession = tools.get(session) ?? new Map<string, RegisteredTool>();
  for (const [name, tool] of made) ofSession.set(name, tool);
  if (ofSession.size > 0) tools.set(session, ofSession);
  return { ok: true, names: [...made.keys()] };
}

function visibleTo(tools: Tools, session: string): readonly RegisteredTool[] {
  const visible = new Map([...(tools.get('') ?? []), ...(tools.get(session) ?? [])]);
  return [...visible.values()];
}

/**
 * The reason in words, with what is allowed.
 *
 * @param error - Why tools were not registered.
 */
export function describeToolError(error: ToolError): string {
  switch (error.kind) {
    case 'duplicateTool':
      return `there is a tool "${error.name}" already${error.session === '' ? '' : ` in session "${error.session}"`}`;
    case 'invalidToolName':
      return `${showValue(error.name)} cannot be the name of a tool (${error.fault}): 1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit`;
    case 'invalidMetadata':
      return `the metadata of tool "${error.name}" cannot be kept (${error.fault}): at most 32 texts, 4096 bytes together`;
  }
}
