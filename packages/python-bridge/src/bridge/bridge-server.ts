import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import { defineServer, ok, reply } from '@snakepit/core';
import type { ActorSystem, ProcessContext } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createBridgeHandlers } from './bridge-handlers.ts';
import { createHealthHandlers, healthService } from './health-service.ts';
import { bridgeService, serverOptions } from './service-definition.ts';
import { tokenHeader } from './wire.ts';

/** Where Python reaches Node, and what it must show. */
export interface BridgeEndpoint {
  /** `unix:/path` or `127.0.0.1:port`. */
  readonly address: string;
  /** Every call carries it. */
  readonly token: string;
}

/** How the server is started. */
export interface BridgeServerInput {
  /** Private directory (0700) for its socket; undefined listens on a free port of 127.0.0.1. */
  readonly directory: string | undefined;
  /** What every call must carry. The same after a restart, because workers were told it when they started. */
  readonly token: string;
  /** Told where it listens, and undefined when it does no more. */
  readonly onListening?: (endpoint: BridgeEndpoint | undefined) => void;
  /** Milliseconds that calls may take to finish when the server ends. Default 1000. */
  readonly drainMs?: number;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly wallClock?: () => number;
}

/** Name under which the tree registers the server. */
export const bridgeServerName = 'snakepit.bridge';

/** Name of its socket in the directory. */
const bridgeSocketName = 'bridge.sock';

interface State {
  readonly server: grpc.Server;
  readonly endpoint: BridgeEndpoint;
  readonly socketPath: string | undefined;
  readonly input: BridgeServerInput;
}

/**
 * The process that owns the gRPC server through which Python calls Node (SNK §10.3).
 *
 * It asks the processes `snakepit.sessions` and `snakepit.tools`. Nobody outside this machine can reach it, and nobody
 * without the token is served (ADR-0007).
 */
export const bridgeServer = defineServer({
  name: 'bridgeServer',
  trapExit: true,
  init: async (input: BridgeServerInput, self) => {
    const state = await listen(input, self);
    if (!self.signal.aborted) input.onListening?.(state.endpoint);
    return ok(state);
  },
  call: {
    /** Where it listens. */
    endpoint: (state: State) => reply(state.endpoint, state),
  },
  terminate: async ({ server, socketPath, input }: State, _reason, self) => {
    input.onListening?.(undefined);
    await closeServer(server, input.drainMs ?? 1000, self.system);
    if (socketPath !== undefined) await rm(socketPath, { force: true });
  },
});

function createServer(
  { token, wallClock = Date.now }: BridgeServerInput,
  system: ActorSystem,
): grpc.Server {
  const server = new grpc.Server({ ...serverOptions, interceptors: [requireToken(token)] });
  server.addService(bridgeService(), createBridgeHandlers({ system, wallClock }));
  server.addService(healthService(), createHealthHandlers(system));
  return server;
}

async function listen(
  input: BridgeServerInput,
  { system, signal: killed }: Pick<ProcessContext, 'system' | 'signal'>,
): Promise<State> {
  const { directory, token } = input;
  const socketPath = directory === undefined ? undefined : join(directory, bridgeSocketName);
  // Left by an earlier one of this very run, which was killed: the directory is ours alone.
  if (socketPath !== undefined) await rm(socketPath, { force: true });
  const server = createServer(input, system);
  const target = socketPath === undefined ? '127.0.0.1:0' : `unix:${socketPath}`;
  const port = await bindServer(server, target, killed);
  if (socketPath !== undefined) await makePrivate(server, socketPath);
  const address = socketPath === undefined ? `127.0.0.1:${port}` : target;
  return { server, endpoint: { address, token }, socketPath, input };
}

async function makePrivate(server: grpc.Server, socketPath: string): Promise<void> {
  try {
    await chmod(socketPath, 0o600);
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
}

/**
 * Lets a server that Python calls listen, until it is closed or its owner is killed.
 *
 * @param target - `unix:/path` or `127.0.0.1:port`, port 0 for any.
 * @param killed - Aborted when the process that owns the server is killed: that runs no terminate.
 * @returns The port.
 * @throws SnakepitError ENVIRONMENT when it cannot; the reason of `killed`.
 */
export async function bindServer(
  server: grpc.Server,
  target: string,
  killed: AbortSignal,
): Promise<number> {
  killed.throwIfAborted();
  killed.addEventListener('abort', () => {
    server.forceShutdown();
  });
  const port = await bind(server, target);
  // What was being bound when it was shut down is bound all the same, and must be shut before anybody else wants its place.
  if (killed.aborted) server.forceShutdown();
  killed.throwIfAborted();
  return port;
}

function bind(server: grpc.Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) {
        resolve(port);
        return;
      }
      const problem = `the server through which Python calls Node cannot listen on ${target}: ${error.message}`;
      const advice = 'name a short directory that can be written with socketDir.';
      reject(bridgeError('ENVIRONMENT', { problem, advice }, { cause: error }));
    });
  });
}

/** Ends a server; its calls may take so many milliseconds to finish. */
export function closeServer(
  server: grpc.Server,
  drainMs: number,
  { clock }: ActorSystem,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, drainMs);
    server.tryShutdown(() => {
      clock.clearTimeout(timer);
      resolve();
    });
  });
}

// Before any handler, and so for every call, also one that is added later.
function requireToken(token: string): grpc.ServerInterceptor {
  const wanted = digest(token);
  return (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, deliver) => {
            const [given] = metadata.get(tokenHeader);
            // Of equal length by their digest, so that the time says nothing about the length either.
            if (given !== undefined && timingSafeEqual(digest(given), wanted)) {
              deliver(metadata);
              return;
            }
            const details = `the call carries ${given === undefined ? 'no' : 'a wrong'} ${tokenHeader}`;
            call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details });
          },
        });
      },
    });
}

function digest(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
