import grpc from '@grpc/grpc-js';
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { ActorSystem } from '@snakepit/core';
import { showValue } from '../config/config-fault.ts';
import { nearestName } from '../config/nearest-name.ts';
import type { CleanupSessionRequest__Output } from '../gen/snakepit/bridge/CleanupSessionRequest.ts';
import type { CleanupSessionResponse } from '../gen/snakepit/bridge/CleanupSessionResponse.ts';
import type { ExecuteElixirToolRequest__Output } from '../gen/snakepit/bridge/ExecuteElixirToolRequest.ts';
import type { ExecuteElixirToolResponse } from '../gen/snakepit/bridge/ExecuteElixirToolResponse.ts';
import type { ExecuteToolRequest__Output } from '../gen/snakepit/bridge/ExecuteToolRequest.ts';
import type { ExecuteToolResponse } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';
import type { GetExposedElixirToolsRequest__Output } from '../gen/snakepit/bridge/GetExposedElixirToolsRequest.ts';
import type { GetExposedElixirToolsResponse } from '../gen/snakepit/bridge/GetExposedElixirToolsResponse.ts';
import type { GetSessionRequest__Output } from '../gen/snakepit/bridge/GetSessionRequest.ts';
import type { GetSessionResponse } from '../gen/snakepit/bridge/GetSessionResponse.ts';
import type { HeartbeatRequest__Output } from '../gen/snakepit/bridge/HeartbeatRequest.ts';
import type { HeartbeatResponse } from '../gen/snakepit/bridge/HeartbeatResponse.ts';
import type { InitializeSessionRequest__Output } from '../gen/snakepit/bridge/InitializeSessionRequest.ts';
import type { InitializeSessionResponse } from '../gen/snakepit/bridge/InitializeSessionResponse.ts';
import type { PingRequest__Output } from '../gen/snakepit/bridge/PingRequest.ts';
import type { PingResponse } from '../gen/snakepit/bridge/PingResponse.ts';
import type { RegisterToolsRequest__Output } from '../gen/snakepit/bridge/RegisterToolsRequest.ts';
import type { RegisterToolsResponse } from '../gen/snakepit/bridge/RegisterToolsResponse.ts';
import { runNodeTool } from './node-tool.ts';
import { checkToolMetadata } from './tool-name.ts';
import { describeFailure, Refusal, shorten } from './refusal.ts';
import { sessionStoreName } from './session-store.ts';
import type { CreateSessionResult, NewSession, Session } from './session-store.ts';
import { describeToolError, toolRegistryName } from './tool-registry.ts';
import type { NewTool, RegisteredTool, RegisterResult, ToolRunner } from './tool-table.ts';

/** What the handlers need of their surroundings. */
export interface HandlerSurroundings {
  /** The system in which the session store and the tool registry are registered. */
  readonly system: ActorSystem;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/**
 * The calls that Python may make, by their names in the proto file (SNK §10.3). The token has been checked before.
 *
 * @param surroundings - Where sessions and tools are.
 */
export function createBridgeHandlers(
  surroundings: HandlerSurroundings,
): Readonly<Record<string, grpc.UntypedHandleCall>> {
  const { wallClock } = surroundings;
  const stores = createStores(surroundings.system);
  return {
    Ping: answering<PingRequest__Output, PingResponse>(({ request }) => ({
      message: `pong: ${request.message}`,
      server_time: timestamp(wallClock()),
    })),
    ...sessionHandlers(stores, wallClock),
    ...toolHandlers(stores),
    ExecuteStreamingTool: refuse('ExecuteStreamingTool'),
    StreamTelemetry: refuse('StreamTelemetry'),
  };
}

type Handlers = Readonly<Record<string, grpc.UntypedHandleCall>>;

function sessionHandlers(stores: Stores, wallClock: () => number): Handlers {
  return {
    InitializeSession: answering<InitializeSessionRequest__Output, InitializeSessionResponse>(
      async ({ request }) => {
        refuseLargeSession(request);
        return initialize(await stores.create(request));
      },
    ),
    CleanupSession: answering<CleanupSessionRequest__Output, CleanupSessionResponse>(
      async ({ request }) => {
        const removed = await stores.remove(request.session_id);
        // Also for a session that was gone already: the caller wants it gone.
        return { success: true, resources_cleaned: removed ? 1 : 0 };
      },
    ),
    GetSession: answering<GetSessionRequest__Output, GetSessionResponse>(async ({ request }) => {
      const session = await stores.get(request.session_id);
      if (session === undefined) {
        throw new Refusal(grpc.status.NOT_FOUND, `there is no session "${request.session_id}"`);
      }
      const tools = await stores.tools(session.id);
      return {
        session_id: session.id,
        metadata: session.metadata,
        created_at: timestamp(session.createdAtMs),
        tool_count: tools.length,
      };
    }),
    Heartbeat: answering<HeartbeatRequest__Output, HeartbeatResponse>(async ({ request }) => ({
      server_time: timestamp(wallClock()),
      session_valid: (await stores.get(request.session_id)) !== undefined,
    })),
  };
}

function toolHandlers(stores: Stores): Handlers {
  return {
    RegisterTools: answering<RegisterToolsRequest__Output, RegisterToolsResponse>(
      async ({ request }) => {
        const session = request.session_id;
        if ((await stores.get(session)) === undefined) throw noSession(session);
        const result = await stores.register(request);
        // It may have ended meanwhile, and then nobody would ever forget them.
        if ((await stores.get(session)) === undefined) {
          await stores.forget(session);
          throw noSession(session);
        }
        return registered(result, request.worker_id);
      },
    ),
    GetExposedElixirTools: answering<
      GetExposedElixirToolsRequest__Output,
      GetExposedElixirToolsResponse
    >(async ({ request }) => ({
      tools: (await stores.tools(request.session_id)).filter(isExposed).map(specOf),
    })),
    ExecuteElixirTool: answering<ExecuteElixirToolRequest__Output, ExecuteElixirToolResponse>(
      async (call) => runNodeTool(call, await findRunner(stores, call.request)),
    ),
    // In the original this runs tools of other workers, too: here those are called through the pool, from Node.
    ExecuteTool: answering<ExecuteToolRequest__Output, ExecuteToolResponse>(async (call) =>
      runNodeTool(call, await findRunner(stores, call.request)),
    ),
  };
}

function noSession(session: string): Refusal {
  const details = `there is no session "${session}" whose tools these could be`;
  return new Refusal(grpc.status.NOT_FOUND, details);
}

/** The function that a call means; what Python may not call, or nobody has, is refused. */
async function findRunner(
  stores: Stores,
  request: { readonly session_id: string; readonly tool_name: string },
): Promise<ToolRunner> {
  const { session_id: session, tool_name: name } = request;
  const tool = await stores.find(session, name);
  if (tool === undefined) throw await unknownTool(stores, session, name);
  const { place } = tool;
  if (place.kind === 'remote' || place.exposedToPython) return place.run;
  throw new Refusal(
    grpc.status.PERMISSION_DENIED,
    `tool "${name}" is not one that Python may call`,
  );
}

interface Stores {
  create(request: InitializeSessionRequest__Output): Promise<CreateSessionResult>;
  get(id: string): Promise<Session | undefined>;
  remove(id: string): Promise<boolean>;
  find(session: string, name: string): Promise<RegisteredTool | undefined>;
  tools(session: string): Promise<readonly RegisteredTool[]>;
  register(request: RegisterToolsRequest__Output): Promise<RegisterResult>;
  forget(session: string): Promise<void>;
}

// By name, not by reference: a store that its supervisor restarted is another process.
function createStores(system: ActorSystem): Stores {
  const ask = <T>(target: string, type: string, arg: unknown): Promise<T> =>
    system.call<T>(target, { type, arg });
  return {
    create: ({ session_id: id, metadata }) => {
      const wanted: NewSession = { id, metadata };
      return ask(sessionStoreName, 'create', wanted);
    },
    get: (id) => ask(sessionStoreName, 'get', id),
    remove: (id) => ask(sessionStoreName, 'remove', id),
    find: (session, name) => ask(toolRegistryName, 'find', { session, name }),
    tools: (session) => ask(toolRegistryName, 'list', session),
    forget: (session) => ask(toolRegistryName, 'forget', session),
    register: ({ session_id: session, worker_id: worker, tools }) => {
      const batch: readonly NewTool[] = tools.map((tool) => ({
        name: tool.name,
        place: { kind: 'remote', worker },
        description: tool.description,
        parameters: tool.parameters,
        metadata: tool.metadata,
        supportsStreaming: tool.supports_streaming,
      }));
      return ask(toolRegistryName, 'register', { session, batch });
    },
  };
}

/** What Python opens is kept here, and no more than Node itself may keep. */
function refuseLargeSession({ session_id: id, metadata }: InitializeSessionRequest__Output): void {
  const fault = checkToolMetadata({ metadata, description: '', parameters: [] });
  if (id.length <= 256 && fault === undefined) return;
  const details =
    'the id of a session has at most 256 characters, its metadata 32 texts of 4096 bytes together';
  throw new Refusal(grpc.status.INVALID_ARGUMENT, details);
}

function initialize(result: CreateSessionResult): InitializeSessionResponse {
  if (result.ok) return { success: true, error_message: '', available_tools: {} };
  const details =
    result.error.kind === 'invalidId'
      ? 'session_id is empty'
      : `there are ${result.error.maxSessions} sessions already, which is the limit`;
  throw new Refusal(
    result.error.kind === 'invalidId'
      ? grpc.status.INVALID_ARGUMENT
      : grpc.status.RESOURCE_EXHAUSTED,
    details,
  );
}

function registered(result: RegisterResult, worker: string): RegisterToolsResponse {
  if (!result.ok) return { success: false, error_message: describeToolError(result.error) };
  const ids = result.names.map((name) => [name, worker === '' ? name : `${worker}/${name}`]);
  return { success: true, tool_ids: Object.fromEntries(ids) as Record<string, string> };
}

function isExposed({ place }: RegisteredTool): boolean {
  return place.kind === 'local' && place.exposedToPython;
}

type ToolSpecs = NonNullable<GetExposedElixirToolsResponse['tools']>;

function specOf(tool: RegisteredTool): ToolSpecs[number] {
  return {
    name: tool.name,
    description: tool.description,
    metadata: tool.metadata,
    supports_streaming: tool.supportsStreaming,
    parameters: tool.parameters.map(
      ({ name, type = 'any', description = '', required = false }) => ({
        name,
        type,
        description,
        required,
      }),
    ),
  };
}

/** How many tools are named to who calls one that is not there. */
const shownTools = 20;

async function unknownTool(stores: Stores, session: string, name: string): Promise<Refusal> {
  const names = (await stores.tools(session)).filter(isExposed).map((tool) => tool.name);
  const shown = names.slice(0, shownTools);
  const more = names.length - shown.length;
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  const listed = names.length === 0 ? 'none' : shown.join(', ');
  const available = more > 0 ? `${listed} and ${more} more` : listed;
  return new Refusal(
    grpc.status.NOT_FOUND,
    `there is no tool ${showValue(name)} in Node.${hint} Available: ${available}. Tools of Node are registered with registerTool().`,
  );
}

/** Most characters of the details of a status. They travel in a header, percent-encoded; gRPC in Python takes 16 KiB of that. */
const maxDetailsLength = 1024;

function answering<Q, R>(
  handle: (call: ServerUnaryCall<Q, R>) => R | Promise<R>,
): handleUnaryCall<Q, R> {
  return (call: ServerUnaryCall<Q, R>, answer: sendUnaryData<R>): void => {
    Promise.resolve()
      .then(() => handle(call))
      .then(
        (response) => {
          answer(null, response);
        },
        (error: unknown) => {
          const code = error instanceof Refusal ? error.code : grpc.status.INTERNAL;
          const text = error instanceof Refusal ? error.message : describeFailure(error);
          answer({ code, details: shorten(text, maxDetailsLength) });
        },
      );
  };
}

// Unary and streaming calls alike can be ended with an error before anything was sent.
function refuse(name: string): grpc.UntypedHandleCall {
  const error = {
    code: grpc.status.UNIMPLEMENTED,
    details: `${name} is served by Python workers, not by Node; Node offers ExecuteElixirTool for tools of registerTool()`,
  };
  return (
    call: { emit?: (event: string, error: object) => void },
    answer?: (error: object) => void,
  ): void => {
    if (answer === undefined) call.emit?.('error', error);
    else answer(error);
  };
}

function timestamp(ms: number): { readonly seconds: number; readonly nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
