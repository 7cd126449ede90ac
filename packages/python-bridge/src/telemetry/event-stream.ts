import grpc from '@grpc/grpc-js';
import type { Clock } from '@snakepit/core';
import { credentialsOf, targetNameOf } from '../bridge/channel-tls.ts';
import { bridgeMethod, clientOptions, tokenMetadata } from '../bridge/service-definition.ts';
import { tokenHeader } from '../bridge/wire.ts';
import type { TelemetryControl } from '../gen/snakepit/bridge/TelemetryControl.ts';
import type { TelemetryEvent__Output } from '../gen/snakepit/bridge/TelemetryEvent.ts';
import type { EventSource } from './event-sources.ts';

/** So many events of one worker are taken in a second; what comes faster waits there, and is lost there. */
const mostPerSecond = 1_000;
const secondMs = 1_000;

/** Largest event, in bytes: several times what a worker of ours can make. */
const maxEventBytes = 64 * 1024;

const streamOptions = {
  ...clientOptions,
  'grpc.max_receive_message_length': maxEventBytes,
  // A worker's successor may listen on the same address: it must not inherit a broken connection.
  'grpc.use_local_subchannel_pool': 1,
} as const;

/** So long a worker that is gone is listened to: what it told before may still be on its way. In milliseconds. */
const lastWordsMs = 1_000;

/** The events of one worker, as they come. */
export interface EventStream {
  /** Ends it at once. */
  end(): void;
  /** The worker is gone: takes what it still told, and ends. */
  finish(): void;
}

/** Who hears the events of one worker. Told nothing any more after `end`. */
export interface EventStreamListener {
  /** An event, as it was sent. */
  event(event: TelemetryEvent__Output): void;
  /** There are no more; with an error unless the worker ended it in order. */
  ended(error: grpc.ServiceError | undefined): void;
}

/**
 * Asks a worker for its events, on a connection of their own (ADR-0020).
 *
 * @param controls - What is wanted, in this order.
 */
export function openEventStream(
  { address, token, tls }: EventSource,
  controls: readonly TelemetryControl[],
  clock: Clock,
  listener: EventStreamListener,
): EventStream {
  const client = new grpc.Client(address, credentialsOf(tls), {
    ...streamOptions,
    ...targetNameOf(tls),
  });
  const call = beginCall(client, token);
  const pace = paceOf(call, clock);
  let isOver = false;
  const end = (): boolean => {
    if (isOver) return false;
    isOver = true;
    pace.stop();
    call.cancel();
    client.close();
    return true;
  };
  call.on('data', (event: TelemetryEvent__Output) => {
    if (isOver) return;
    pace.took();
    listener.event(event);
  });
  // The status tells everything; without this listener an error would be thrown.
  call.on('error', () => undefined);
  call.on('status', ({ code, details, metadata }: grpc.StatusObject) => {
    const conclude = (): void => {
      if (!end()) return;
      if (code === grpc.status.OK) listener.ended(undefined);
      else listener.ended(Object.assign(new Error(details), { code, details, metadata }));
    };
    // While it pauses, some that came before are still to be taken.
    if (call.readableLength === 0) conclude();
    else call.once('end', conclude);
  });
  for (const control of controls) call.write(control);
  return {
    end: () => {
      end();
    },
    finish: () => {
      pace.finish(() => {
        if (end()) listener.ended(undefined);
      });
    },
  };
}

type EventCall = grpc.ClientDuplexStream<TelemetryControl, TelemetryEvent__Output>;

/** Lets no more than so many events come in a second. */
function paceOf(call: EventCall, clock: Clock) {
  let taken = 0;
  let timer: unknown;
  const stop = (): void => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = undefined;
  };
  const nextSecond = (): void => {
    timer = undefined;
    taken = 0;
    call.resume();
  };
  return {
    /** One has come. */
    took: (): void => {
      timer ??= clock.setTimeout(nextSecond, secondMs);
      taken += 1;
      if (taken >= mostPerSecond) call.pause();
    },
    /** Lets as many come at once as a worker keeps, and soon no more. */
    finish: (over: () => void): void => {
      stop();
      timer = clock.setTimeout(over, lastWordsMs);
      taken = -mostPerSecond;
      call.resume();
    },
    /** There are no more. */
    stop,
  };
}

function beginCall(client: grpc.Client, token: string): EventCall {
  const method = bridgeMethod<TelemetryControl, TelemetryEvent__Output>('StreamTelemetry');
  return client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    tokenMetadata(tokenHeader, token),
  );
}
