import grpc from '@grpc/grpc-js';
import {
  bridgeMethod,
  tokenMetadata,
} from '../../../packages/python-bridge/src/bridge/service-definition.ts';
import type { Victim } from '../attack.ts';

/** How long a rightful peer waits for its answer, in milliseconds. */
const patienceMs = 10_000;

/** A call of a rightful peer, on a connection of its own. */
export function ask({ address, token }: Victim, name: string, request: object): Promise<object> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  const { path, requestSerialize, responseDeserialize } = bridgeMethod<object, object>(name);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      tokenMetadata('x-snakepit-token', token),
      { deadline: Date.now() + patienceMs },
      (error, response?: object) => {
        client.close();
        if (response !== undefined) resolve(response);
        else reject(new Error(`${name} of ${address} has no answer`, { cause: error }));
      },
    );
  });
}
