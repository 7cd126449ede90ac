import { createHash, randomBytes } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { defineServer, ok } from '@snakepit/core';
import type { StartResult } from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import type { WorkerSessions } from '../hosts/worker-host.ts';
import { createBridgeHandlers } from './bridge-handlers.ts';
import { bindServer, closeServer } from './bridge-server.ts';
import { bridgeService, serverOptions } from './service-definition.ts';

/** Where servers of the original (v0.13) reach the runtime. */
export interface OriginalBridge {
  /** The sessions of their workers; only who names one of them is served. */
  readonly sessions: WorkerSessions;
  /** `127.0.0.1:port`, while it listens. */
  readonly address: () => string | undefined;
  /** The child spec of the process that listens. */
  readonly spec: ChildSpec;
}

/** Name under which the tree registers the server. */
export const originalBridgeName = 'snakepit.originalBridge';

/** Milliseconds that calls may take to finish when the server ends. */
const drainMs = 1_000;

/**
 * Makes the place where servers of the original reach the runtime: a port of 127.0.0.1, because they know neither Unix
 * sockets nor tokens. What stands in for the token is the id of the worker's own session: it cannot be guessed, is told to
 * that worker only, and without it nothing but Ping is answered.
 */
export function createOriginalBridge(): OriginalBridge {
  const sessions = createWorkerSessions();
  let address: string | undefined;
  const input: OriginalBridgeInput = {
    sessions,
    lastPort: () => Number(address?.split(':')[1] ?? 0),
    onListening: (port) => {
      address = `127.0.0.1:${port}`;
    },
  };
  return {
    sessions,
    address: () => address,
    spec: {
      id: 'originalBridge',
      start: (self) =>
        new Promise<StartResult>((resolve) => {
          self.startLink(originalBridge, input, { name: originalBridgeName }, resolve);
        }),
    },
  };
}

/** Makes a set of worker sessions. Ids are kept as digests, so that the time of a look-up says nothing about them. */
function createWorkerSessions(): WorkerSessions {
  const known = new Set<string>();
  return {
    open() {
      const id = `session_${randomBytes(16).toString('hex')}`;
      known.add(digest(id));
      return id;
    },
    close: (id) => void known.delete(digest(id)),
    has: (id) => known.has(digest(id)),
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

interface OriginalBridgeInput {
  readonly sessions: WorkerSessions;
  /** The port of the life before; workers were told it. 0 for none. */
  readonly lastPort: () => number;
  readonly onListening: (port: number) => void;
}

/** The process that owns the gRPC server for servers of the original. */
const originalBridge = defineServer({
  name: 'originalBridge',
  trapExit: true,
  init: async (input: OriginalBridgeInput, self) => {
    const server = new grpc.Server(serverOptions);
    const handlers = createBridgeHandlers({ system: self.system, wallClock: Date.now });
    server.addService(bridgeService(), handlersFor(input.sessions, handlers));
    input.onListening(await listenAgain(server, input.lastPort(), self.signal));
    return ok(server);
  },
  terminate: (server: grpc.Server, _reason, self) => closeServer(server, drainMs, self.system),
});

async function listenAgain(
  server: grpc.Server,
  lastPort: number,
  killed: AbortSignal,
): Promise<number> {
  try {
    return await bindServer(server, `127.0.0.1:${lastPort}`, killed);
  } catch (error) {
    // Somebody took it meanwhile: the workers that know it will miss us, end, and be told the new one.
    if (lastPort === 0) throw error;
    return bindServer(server, '127.0.0.1:0', killed);
  }
}

type Handlers = Readonly<Record<string, grpc.UntypedHandleCall>>;
type OfSession = ServerUnaryCall<{ readonly session_id: string }, object>;

/** What servers of the original ask for, each for its own session; everything else is UNIMPLEMENTED. */
function handlersFor(sessions: WorkerSessions, handlers: Handlers): Handlers {
  const guarded = (handle: grpc.UntypedHandleCall | undefined): grpc.UntypedHandleCall => {
    const serve = handle as grpc.handleUnaryCall<{ readonly session_id: string }, object>;
    return (call: OfSession, answer: sendUnaryData<object>): void => {
      if (sessions.has(call.request.session_id)) serve(call, answer);
      else answer({ code: grpc.status.PERMISSION_DENIED, details: 'no worker has this session' });
    };
  };
  const answering = (response: object): grpc.UntypedHandleCall =>
    guarded((_call: OfSession, answer: sendUnaryData<object>): void => {
      answer(null, response);
    });
  return {
    Ping: handlers['Ping'] ?? answering({}),
    // Its session is there already; it is neither counted nor forgotten among those of users.
    InitializeSession: answering({ success: true }),
    CleanupSession: answering({ success: true, resources_cleaned: 1 }),
    Heartbeat: (call: OfSession, answer: sendUnaryData<object>): void => {
      const [seconds, ms] = [Math.floor(Date.now() / 1000), Date.now() % 1000];
      answer(null, {
        server_time: { seconds, nanos: ms * 1_000_000 },
        session_valid: sessions.has(call.request.session_id),
      });
    },
    // The pool knows where each tool is called: nobody looks for one in a session.
    RegisterTools: guarded((call: OfSession, answer: sendUnaryData<object>): void => {
      answer(null, { success: true, tool_ids: idsOf(call.request) });
    }),
    GetExposedElixirTools: guarded(handlers['GetExposedElixirTools']),
    ExecuteElixirTool: guarded(handlers['ExecuteElixirTool']),
  };
}

function idsOf(request: object): Readonly<Record<string, string>> {
  const { tools = [] } = request as { readonly tools?: readonly { readonly name: string }[] };
  return Object.fromEntries(tools.map(({ name }) => [name, name]));
}
