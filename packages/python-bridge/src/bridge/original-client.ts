import grpc from '@grpc/grpc-js';
import type { HeartbeatResponse__Output } from '../gen/snakepit/bridge/HeartbeatResponse.ts';
import type { InitializeSessionResponse__Output } from '../gen/snakepit/bridge/InitializeSessionResponse.ts';
import { bridgeMethod, clientOptions } from './service-definition.ts';

/** What is asked of a server of the original besides calls: it has no beat channel. */
export interface OriginalClient {
  /**
   * Makes the worker's own session known to the server, which asks the runtime about it in turn (SNK §3.2).
   *
   * @throws Error in gRPC's words, or in the server's when it refuses.
   */
  openSession(session: string, limits: { readonly deadlineMs: number }): Promise<void>;
  /**
   * Asks for a sign of life: the server asks the runtime whether the session is valid, and answers what it heard (SNK §5.1).
   *
   * @returns Whether the session is valid.
   * @throws Error in gRPC's words, when there is no answer in this time.
   */
  heartbeat(session: string, limits: { readonly deadlineMs: number }): Promise<boolean>;
  /** Ends the connection; what is asked fails. */
  close(): void;
}

/** Makes a client of a server of the original; it connects with the first question. */
export function createOriginalClient(address: string): OriginalClient {
  const channel = new grpc.Client(address, grpc.credentials.createInsecure(), {
    ...clientOptions,
    'grpc.use_local_subchannel_pool': 1,
  });
  const initialize = unary<InitializeSessionResponse__Output>(channel, 'InitializeSession');
  const heartbeat = unary<HeartbeatResponse__Output>(channel, 'Heartbeat');
  return {
    async openSession(session, { deadlineMs }) {
      const answer = await initialize(session, deadlineMs);
      if (!answer.success) throw new Error(`it refused its session: ${answer.error_message}`);
    },
    async heartbeat(session, { deadlineMs }) {
      return (await heartbeat(session, deadlineMs)).session_valid;
    },
    close() {
      channel.close();
    },
  };
}

function unary<R extends object>(
  channel: grpc.Client,
  name: string,
): (session: string, deadlineMs: number) => Promise<R> {
  const method = bridgeMethod<{ readonly session_id: string }, R>(name);
  return (session, deadlineMs) =>
    new Promise((resolve, reject) => {
      channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { session_id: session },
        new grpc.Metadata({ waitForReady: true }),
        { deadline: Date.now() + deadlineMs },
        (error: grpc.ServiceError | null, response?: R) => {
          if (response === undefined) reject(error ?? new Error('there was no answer'));
          else resolve(response);
        },
      );
    });
}
