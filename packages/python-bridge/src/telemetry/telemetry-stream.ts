import grpc from '@grpc/grpc-js';
import {
  defineServer,
  noreply,
  ok,
  type ActorSystem,
  type ProcessContext,
  type TelemetryEventName,
} from '@snakepit/core';
import type { ResolvedConfig } from '../config/config.ts';
import type { TelemetryControl } from '../gen/snakepit/bridge/TelemetryControl.ts';
import './events.ts';
import { messageOf } from '../os/system-error.ts';
import { openEventStream, type EventStream } from './event-stream.ts';
import type { EventSource, EventSources } from './event-sources.ts';
import { pythonEvents } from './python-event-table.ts';
import { tellPythonEvent } from './python-event.ts';

/** Name under which the tree registers the process. */
export const telemetryStreamName = 'snakepit.telemetryStream';

/** Milliseconds before a stream that failed is opened again; twice as many after each further failure. */
const shortestPauseMs = 500;
const longestPauseMs = 30_000;

/** What the process is started with. */
export interface TelemetryStreamInput {
  /** The workers. */
  readonly sources: EventSources;
  /** Which of their events are wanted. */
  readonly settings: ResolvedConfig['telemetry']['python'];
}

const look = Symbol('look');

/**
 * The process that takes the events of Python, while somebody listens to any of them: one stream from each worker, opened
 * again when it fails. Its end concerns nobody else; started again, it finds the workers in their table.
 */
export const telemetryStream = defineServer({
  name: 'telemetryStream',
  init: (input: TelemetryStreamInput, self) => {
    const streams = new EventStreams(input, self);
    // Many workers that come or go together are looked at once.
    const lookAgain = (): void => {
      if (streams.isLookDue) return;
      streams.isLookDue = true;
      self.send(self.pid, look);
    };
    const offs = [
      input.sources.onChange(lookAgain),
      self.system.telemetry.onDemand((name) => {
        if (Object.hasOwn(pythonEvents, name)) lookAgain();
      }),
    ];
    self.onExit(() => {
      for (const off of offs) off();
      streams.close();
    });
    streams.match();
    return ok(streams);
  },
  info: (streams: EventStreams, message) => {
    if (message === look) streams.match();
    return noreply(streams);
  },
});

/** What is known of the stream of one worker. */
interface Taken {
  /** What there is to end: the stream, or the wait until it is opened again; `undefined` when there will be none. */
  readonly stream: EventStream | undefined;
  /** Failures in a row. */
  readonly failures: number;
}

/** Makes the open streams those that are wanted. */
class EventStreams {
  /** Whether it will be told to match soon. */
  isLookDue = false;
  readonly #input: TelemetryStreamInput;
  readonly #system: ActorSystem;
  readonly #taken = new Map<EventSource, Taken>();
  /** Streams of workers that are gone. */
  readonly #finishing = new Set<EventStream>();
  readonly #controls: readonly TelemetryControl[];

  constructor(input: TelemetryStreamInput, self: ProcessContext) {
    this.#input = input;
    this.#system = self.system;
    this.#controls = controlsOf(input.settings);
  }

  /** Opens what is missing, ends what is not wanted any more. */
  match(): void {
    this.isLookDue = false;
    if (!this.#isWanted()) {
      this.close();
      return;
    }
    const wanted = new Set(this.#input.sources.all());
    for (const [source, { stream }] of this.#taken) {
      if (wanted.has(source)) continue;
      this.#taken.delete(source);
      if (stream === undefined) continue;
      this.#finishing.add(stream);
      stream.finish();
    }
    for (const source of wanted) if (!this.#taken.has(source)) this.#open(source, 0);
  }

  /** Ends all. */
  close(): void {
    for (const { stream } of this.#taken.values()) stream?.end();
    for (const stream of this.#finishing) stream.end();
    this.#taken.clear();
    this.#finishing.clear();
  }

  #isWanted(): boolean {
    if (!this.#input.settings.enabled) return false;
    // The names of the table are those of the interface.
    const names = Object.keys(pythonEvents) as TelemetryEventName[];
    return names.some((name) => this.#system.telemetry.enabled(name));
  }

  #open(source: EventSource, failures: number): void {
    if (source.serve === undefined) this.#openNow(source, failures);
    else this.#openLater(source, source.serve(), failures);
  }

  /** Its worker listens when it was asked to, and not before. */
  #openLater(source: EventSource, served: Promise<void>, failures: number): void {
    const wait = waitThat(
      () => {
        isOver = true;
      },
      () => this.#finishing.delete(wait),
    );
    let isOver = false;
    this.#taken.set(source, { stream: wait, failures });
    served.then(
      () => {
        if (!isOver) this.#openNow(source, failures);
      },
      (error: unknown) => {
        if (isOver) return;
        const details = messageOf(error);
        const about = { code: grpc.status.UNAVAILABLE, details, metadata: new grpc.Metadata() };
        this.#ended(source, Object.assign(new Error(details), about), failures);
      },
    );
  }

  #openNow(source: EventSource, failures: number): void {
    const { telemetry, clock } = this.#system;
    const { settings } = this.#input;
    let failed = failures;
    const stream = openEventStream(source, this.#controls, clock, {
      event: (event) => {
        failed = 0;
        tellPythonEvent(telemetry, source, event, settings);
      },
      ended: (error) => {
        if (!this.#finishing.delete(stream)) this.#ended(source, error, failed);
      },
    });
    this.#taken.set(source, { stream, failures });
  }

  #ended(source: EventSource, error: grpc.ServiceError | undefined, failures: number): void {
    this.#taken.set(source, { stream: undefined, failures });
    // It stops, or has given its events to another runtime; or it has none.
    if (error === undefined || error.code === grpc.status.UNIMPLEMENTED) return;
    const retryMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** failures);
    const { pool, workerId } = source;
    this.#system.telemetry.emit(
      'snakepit.python.telemetry.interrupted',
      { count: 1, retryMs },
      { pool, workerId, reason: error.details },
    );
    const timer = this.#system.clock.setTimeout(() => {
      this.#open(source, failures + 1);
    }, retryMs);
    const wait = waitThat(
      () => {
        this.#system.clock.clearTimeout(timer);
      },
      () => this.#finishing.delete(wait),
    );
    this.#taken.set(source, { stream: wait, failures });
  }
}

/** A wait in the place of a stream. There is nothing to wait for when the worker is gone. */
function waitThat(end: () => void, onFinish: () => void): EventStream {
  return {
    end,
    finish: () => {
      end();
      onFinish();
    },
  };
}

/** What workers are told; the switch comes last. */
function controlsOf(settings: TelemetryStreamInput['settings']): readonly TelemetryControl[] {
  const { sampling, sampled, allow, deny } = settings;
  return [
    { filter: { allow: [...allow], deny: [...deny] } },
    { sampling: { sampling_rate: sampling, event_patterns: [...sampled] } },
    { toggle: { enabled: true } },
  ];
}
