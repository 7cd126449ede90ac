import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  createLocalHost,
  LONGEST_SOCKET_NAME,
} from '../packages/python-bridge/dist/hosts/local/local-host.js';
import { findBridgeFiles } from '../packages/python-bridge/dist/bridge/bridge-files.js';
import { openPrivateDirectory } from '../packages/python-bridge/dist/os/private-directory.js';
import { openRun } from '../packages/python-bridge/dist/os/run-records.js';
import { benchAdapter, python } from './settings.mjs';

// The peer is grpc-js itself, so it is taken from where the bridge has it.
const require = createRequire(new URL('../packages/python-bridge/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

/** Starts the very Python server that pools run, without pool, supervisors or heartbeat around it. */
export async function openBareHost() {
  const { run } = openRun();
  const made = openPrivateDirectory({
    preferred: undefined,
    runId: run.runId,
    longestName: LONGEST_SOCKET_NAME,
  });
  if (!made.ok) throw new Error(made.reason);
  const host = createLocalHost({ run, socketDirectory: made.directory.path });
  return {
    /** @returns {Promise<{ handle: object, address: string, token: string }>} */
    async start() {
      const token = randomBytes(32).toString('hex');
      const handle = await host.start(
        {
          pool: 'bare',
          workerId: 'bare',
          incarnation: randomBytes(6).toString('hex'),
          python: { executable: python },
          bridgePath: findBridgeFiles().pythonDir,
          pythonPath: [],
          adapter: benchAdapter.adapter,
          adapterArgs: [],
          cwd: benchAdapter.cwd,
          env: {},
          runId: run.runId,
          token,
          bridge: null,
        },
        new AbortController().signal,
      );
      const { target } = await handle.ready;
      return { handle, address: target, token };
    },
    async close() {
      await host.close();
      made.directory.close();
      run.closeRun();
    },
  };
}

/**
 * The bare client: grpc-js and proto-loader as their documentation has it, JSON in and out, nothing else.
 *
 * @returns {{
 *   call: (tool: string, args: object) => Promise<unknown>,
 *   sendBytes: (tool: string, name: string, data: Buffer) => Promise<Buffer>,
 *   stream: (tool: string, args: object) => AsyncIterable<unknown>,
 *   close: () => void,
 * }}
 */
export function createBareClient({ address, token }) {
  const definition = loader.loadSync(findBridgeFiles().proto, {
    keepCase: true,
    longs: Number,
    enums: String,
    oneofs: true,
  });
  const { BridgeService } = grpc.loadPackageDefinition(definition).snakepit.bridge;
  const limits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
  const client = new BridgeService(address, grpc.credentials.createInsecure(), limits);
  const metadata = new grpc.Metadata();
  metadata.set('x-snakepit-token', token);
  const typeUrl = 'type.googleapis.com/google.protobuf.StringValue';
  const requestOf = (tool, args) => {
    const parameters = {};
    for (const [name, value] of Object.entries(args)) {
      parameters[name] = { type_url: typeUrl, value: Buffer.from(JSON.stringify(value)) };
    }
    return { session_id: '', tool_name: tool, parameters };
  };
  const unary = (request, read) =>
    new Promise((resolve, reject) => {
      client.ExecuteTool(request, metadata, (error, response) => {
        if (error !== null) reject(error);
        else if (!response.success) reject(new Error(response.error_message));
        else resolve(read(response));
      });
    });
  return {
    call: (tool, args) =>
      unary(requestOf(tool, args), ({ result }) => JSON.parse(result.value.toString())),
    sendBytes: (tool, name, data) =>
      unary(
        { session_id: '', tool_name: tool, binary_parameters: { [name]: data } },
        ({ binary_result }) => binary_result,
      ),
    async *stream(tool, args) {
      for await (const { data } of client.ExecuteStreamingTool(requestOf(tool, args), metadata)) {
        if (data !== undefined) yield JSON.parse(data.toString());
      }
    },
    close: () => client.close(),
  };
}
