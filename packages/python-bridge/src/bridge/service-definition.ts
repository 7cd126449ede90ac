import grpc from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { findBridgeFiles } from './bridge-files.ts';
import { maxMessageBytes } from './wire.ts';

const channelOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
} as const;

/** Options of every server: what one peer can have open at the same time is limited, too. */
export const serverOptions = {
  ...channelOptions,
  'grpc.max_concurrent_streams': 1000,
  // A large payload is otherwise sent in windows of 64 KB, each waiting for the other side.
  'grpc-node.flow_control_window': 16 * 1024 * 1024,
} as const;

/**
 * Options of every channel. The window stays at HTTP/2's own 64 KB: it is what a stream of small chunks runs ahead of a slow
 * reader, and each chunk that waits here takes more than a hundred times its size.
 */
export const clientOptions = {
  ...channelOptions,
  // Loopback and sockets only: a proxy of the environment must never see them.
  'grpc.enable_http_proxy': 0,
  // Not for servers: without it forceShutdown of grpc-js 1.14 leaves every connection open.
  'grpc.enable_channelz': 0,
  // Retrying is decided by the pool, which knows whether a call may run twice.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
} as const;

/** The methods of BridgeService, as the proto file has them. */
export type BridgeService = ServiceDefinition;

/**
 * The service of the proto file, read once per process.
 *
 * Read with the options that the types in `gen/` were generated with.
 */
export const bridgeService: () => BridgeService = once(() => {
  const definition = protoLoader.loadSync(findBridgeFiles().proto, {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const service = definition['snakepit.bridge.BridgeService'];
  if (service === undefined || 'format' in service) {
    throw new TypeError('the proto file has no service snakepit.bridge.BridgeService');
  }
  return service;
});

/** One method of the service by its name in the proto file; the caller names the generated types of its messages. */
export function bridgeMethod<Q extends object, R extends object>(
  name: string,
): MethodDefinition<Q, R> {
  // The loader knows no types: the generated ones and these functions come from the same file.
  const method = bridgeService()[name] as unknown as MethodDefinition<Q, R> | undefined;
  if (method === undefined) throw new TypeError(`BridgeService has no method ${name}`);
  return method;
}

/** Metadata that carries a token; made once, because it is the same for every call. */
export function tokenMetadata(header: string, token: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(header, token);
  return metadata;
}

// A value that is made when it is first needed. Reading and parsing the file takes tens of milliseconds, which an import
// alone must not cost; nothing ever changes it.
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
