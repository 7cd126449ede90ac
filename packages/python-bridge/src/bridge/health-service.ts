import { dirname, join } from 'node:path';
import grpc from '@grpc/grpc-js';
import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
} from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import type { ActorSystem, HealthCheck, ObservationSource } from '@snakepit/core';
import { findBridgeFiles } from './bridge-files.ts';

/** How a service is, in the words of `grpc.health.v1`. */
export type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/** What asks. */
interface HealthRequest {
  /** Name of a service; empty for all. */
  readonly service: string;
}

/** What is answered. */
interface HealthResponse {
  readonly status: ServingStatus;
}

type Checked = Pick<HealthCheck, 'name' | 'status'>;

/** How often those who watch are told of changes, in milliseconds. */
const lookEveryMs = 1_000;
/** More who watch than one machine ever has. */
const mostWatchers = 64;

/** The standard service `grpc.health.v1.Health`, from its own proto file. */
export function healthService(): ServiceDefinition {
  const proto = join(dirname(findBridgeFiles().proto), 'health.proto');
  const service = protoLoader.loadSync(proto, { keepCase: true, enums: String, defaults: true })[
    'grpc.health.v1.Health'
  ];
  if (service === undefined || 'format' in service) {
    throw new TypeError('the proto file has no service grpc.health.v1.Health');
  }
  return service;
}

/**
 * How a service of this system is: '' for all of it, that which Python calls, or one of its checks by name, such as
 * `pool default`.
 */
function servingStatusOf(
  { observation }: Pick<ActorSystem, 'observation'>,
  service: string,
): ServingStatus {
  // Who can ask is answered.
  if (service === 'snakepit.bridge.BridgeService') return 'SERVING';
  const checks = observation.sources.flatMap(checksOf);
  const asked = service === '' ? checks : checks.filter(({ name }) => name === service);
  if (service !== '' && asked.length === 0) return 'SERVICE_UNKNOWN';
  return asked.some(isDown) ? 'NOT_SERVING' : 'SERVING';
}

/** Who cannot tell how it is, is not well; and ends neither those who watch nor this process. */
function checksOf(source: ObservationSource): readonly Checked[] {
  try {
    return source.checks?.() ?? [];
  } catch {
    return [{ name: source.name, status: 'down' }];
  }
}

function isDown({ status }: Checked): boolean {
  return status === 'down';
}

/** The two calls of the service, by their names in the proto file. */
export function createHealthHandlers(
  system: Pick<ActorSystem, 'clock' | 'observation'>,
): Readonly<Record<string, grpc.UntypedHandleCall>> {
  let watchers = 0;
  const check = (
    { request: { service } }: ServerUnaryCall<HealthRequest, HealthResponse>,
    answer: sendUnaryData<HealthResponse>,
  ): void => {
    const status = servingStatusOf(system, service);
    if (status !== 'SERVICE_UNKNOWN') answer(null, { status });
    else answer({ code: grpc.status.NOT_FOUND, details: `there is no service "${service}"` });
  };
  const watch = (call: ServerWritableStream<HealthRequest, HealthResponse>): void => {
    if (watchers >= mostWatchers) {
      const details = `${String(mostWatchers)} watch already`;
      call.emit('error', { code: grpc.status.RESOURCE_EXHAUSTED, details });
      return;
    }
    watchers += 1;
    const stop = tellChanges(call, system);
    let isOver = false;
    // Whichever comes: it is left by whoever watches, or the server ends.
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      watchers -= 1;
      stop();
    };
    call.on('cancelled', end);
    call.on('close', end);
    call.on('error', end);
  };
  return { Check: check as grpc.UntypedHandleCall, Watch: watch as grpc.UntypedHandleCall };
}

function tellChanges(
  call: ServerWritableStream<HealthRequest, HealthResponse>,
  system: Pick<ActorSystem, 'clock' | 'observation'>,
): () => void {
  let told: ServingStatus | undefined;
  let timer: unknown;
  const look = (): void => {
    timer = system.clock.setTimeout(look, lookEveryMs);
    const status = servingStatusOf(system, call.request.service);
    if (status === told) return;
    told = status;
    call.write({ status });
  };
  look();
  return () => {
    system.clock.clearTimeout(timer);
  };
}
