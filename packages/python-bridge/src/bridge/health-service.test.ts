import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import grpc from '@grpc/grpc-js';
import type { HealthCheck } from '@snakepit/core';
import { BridgeFixture, fixtureToken } from './bridge-server.fixture.ts';
import { healthService } from './health-service.ts';
import { tokenMetadata } from './service-definition.ts';
import { tokenHeader } from './wire.ts';

// The standard client, made from the standard proto file.

interface Answer {
  readonly status: string;
}
interface HealthClient extends grpc.Client {
  Check(
    request: { readonly service: string },
    metadata: grpc.Metadata,
    answer: (error: grpc.ServiceError | null, response?: Answer) => void,
  ): void;
  Watch(
    request: { readonly service: string },
    metadata: grpc.Metadata,
  ): grpc.ClientReadableStream<Answer>;
}

let fixture: BridgeFixture;
let client: HealthClient;
let check: HealthCheck;
beforeEach(async () => {
  fixture = await BridgeFixture.create();
  await fixture.startServer();
  const Client = grpc.makeClientConstructor(healthService(), 'Health');
  const address = fixture.endpoint?.address ?? '';
  client = new Client(address, grpc.credentials.createInsecure()) as unknown as HealthClient;
  check = { name: 'pool a', status: 'ok', isStarted: true, message: '' };
  fixture.system.observation.addSource({ name: 'fake', checks: () => [check] });
});
afterEach(async () => {
  client.close();
  await fixture.close();
});

const withToken = tokenMetadata(tokenHeader, fixtureToken);
function ask(service: string, metadata = withToken): Promise<string> {
  return new Promise((resolve) => {
    client.Check({ service }, metadata, (error, response) => {
      resolve(response?.status ?? grpc.status[error?.code ?? 0] ?? 'unknown');
    });
  });
}

describe('grpc.health.v1 of the bridge server', () => {
  test('[I6.4] Check: of all, of the service that Python calls, of a pool; others are not found', async () => {
    expect(await ask('')).toBe('SERVING');
    expect(await ask('snakepit.bridge.BridgeService')).toBe('SERVING');
    expect(await ask('pool a')).toBe('SERVING');
    expect(await ask('pool b')).toBe('NOT_FOUND');
    check = { ...check, status: 'down' };
    expect([await ask(''), await ask('pool a')]).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    expect(await ask('', new grpc.Metadata())).toBe('UNAUTHENTICATED');
  });

  test('[I6.4] Watch: how it is, and then every change; who leaves is forgotten', async () => {
    const stream = client.Watch({ service: 'pool a' }, withToken);
    stream.on('error', () => undefined);
    const told = stream[Symbol.asyncIterator]() as AsyncIterator<Answer, undefined>;
    expect((await told.next()).value).toEqual({ status: 'SERVING' });
    check = { ...check, status: 'down' };
    expect((await told.next()).value).toEqual({ status: 'NOT_SERVING' });
    check = { ...check, name: 'pool b' };
    expect((await told.next()).value).toEqual({ status: 'SERVICE_UNKNOWN' });
    stream.cancel();
  });

  test('[I6.4] a part that cannot tell how it is counts as down, for those who watch, too', async () => {
    const stream = client.Watch({ service: '' }, withToken);
    stream.on('error', () => undefined);
    const told = stream[Symbol.asyncIterator]() as AsyncIterator<Answer, undefined>;
    expect((await told.next()).value).toEqual({ status: 'SERVING' });
    fixture.system.observation.addSource({
      name: 'broken',
      checks: () => {
        throw new Error('a bug');
      },
    });
    expect((await told.next()).value).toEqual({ status: 'NOT_SERVING' });
    expect([await ask(''), await ask('pool a')]).toEqual(['NOT_SERVING', 'SERVING']);
    stream.cancel();
  });
});
