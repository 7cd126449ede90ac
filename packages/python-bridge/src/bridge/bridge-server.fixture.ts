import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { createSystem, silentLogger } from '@snakepit/core';
import type { ActorSystem, Pid } from '@snakepit/core';
import { bridgeServer, bridgeServerName } from './bridge-server.ts';
import type { BridgeEndpoint, BridgeServerInput } from './bridge-server.ts';
import { encodeJson } from './codec.ts';
import type { WireAny } from './codec.ts';
import { bridgeMethod, tokenMetadata } from './service-definition.ts';
import { sessionStore, sessionStoreName } from './session-store.ts';
import { toolRegistry, toolRegistryName } from './tool-registry.ts';
import { createToolTable } from './tool-table.ts';
import type { ToolRunner, ToolTable } from './tool-table.ts';
import { tokenHeader } from './wire.ts';

/** The token of every fixture. */
export const fixtureToken = 'cafe';

/** How a call of the fixture differs from an ordinary one. */
export interface FixtureCallOptions {
  /** Another token, or none when it is there and undefined. */
  readonly token?: string | undefined;
  /** Further headers. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Told the running call. */
  readonly onCall?: (call: grpc.ClientUnaryCall) => void;
}

/** A bridge server with its stores in a system and a directory of their own, and a caller of it. */
export class BridgeFixture {
  /** Directory of the socket. */
  readonly directory: string;
  /** The system. */
  readonly system: ActorSystem = createSystem({ logger: silentLogger });
  /** The tools, of Node and of one worker, `pool/w1`. */
  readonly tools: ToolTable = createToolTable({
    workers: {
      runnerOf: (label) =>
        label.startsWith('pool/w1')
          ? { worker: 'pool/w1', run: (args, { tool }) => ({ tool, ...args }) }
          : undefined,
    },
  });
  /** Where the server said that it listens. */
  endpoint: BridgeEndpoint | undefined;
  readonly #clients: grpc.Client[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Starts the stores, with room for two sessions. */
  static async create(): Promise<BridgeFixture> {
    const fixture = new BridgeFixture(await mkdtemp(join(tmpdir(), 'snakepit-bridge-')));
    await fixture.system.start(sessionStore, { maxSessions: 2 }, { name: sessionStoreName });
    await fixture.system.start(toolRegistry, fixture.tools, { name: toolRegistryName });
    return fixture;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await this.system.stop();
    await rm(this.directory, { recursive: true });
  }

  /** Starts the server. */
  async startServer(input: Partial<BridgeServerInput> = {}): Promise<Pid> {
    const onListening = (now: BridgeEndpoint | undefined): void => {
      this.endpoint = now;
    };
    const given = {
      directory: this.directory,
      token: fixtureToken,
      onListening,
      drainMs: 100,
      wallClock: () => 1500,
      ...input,
    };
    return (await this.system.start(bridgeServer, given, { name: bridgeServerName })).pid;
  }

  /** Ends a process and waits until it is gone. */
  async end(pid: Pid, kind: 'shutdown' | 'kill'): Promise<void> {
    const gone = this.system.awaitExit(pid);
    this.system.exit(pid, { kind });
    await gone;
  }

  /** Makes a call of its own connection. */
  call(name: string, request: object, options: FixtureCallOptions = {}): Promise<object> {
    if (this.endpoint === undefined) throw new Error('nobody listens');
    const client = new grpc.Client(this.endpoint.address, grpc.credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#clients.push(client);
    const method = bridgeMethod(name);
    const metadata =
      'token' in options && options.token === undefined
        ? new grpc.Metadata()
        : tokenMetadata(tokenHeader, options.token ?? fixtureToken);
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    return new Promise((resolve, reject) => {
      const running = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        (error: ServiceError | null, response?: object) => {
          if (response === undefined) reject(error ?? new Error('neither answer nor error'));
          else resolve(response);
        },
      );
      options.onCall?.(running);
    });
  }

  /** Registers a function of Node for all sessions. */
  async register(name: string, run: ToolRunner, exposedToPython = true): Promise<void> {
    const tool = {
      name,
      description: `does ${name}`,
      parameters: [{ name: 'data', type: 'string', required: true }],
      place: { kind: 'local', run, exposedToPython },
    };
    const request = { type: 'register', arg: { batch: [tool] } };
    await this.system.call(toolRegistryName, request);
  }

  /** Calls a function of Node as Python does, in session `s1`. */
  execute(
    tool: string,
    args: Readonly<Record<string, unknown>>,
    options?: FixtureCallOptions,
  ): Promise<object> {
    const parameters: Record<string, WireAny> = {};
    for (const [name, value] of Object.entries(args)) parameters[name] = encodeJson(value, name);
    const request = { session_id: 's1', tool_name: tool, parameters };
    return this.call('ExecuteElixirTool', request, options);
  }
}
