import type { Pid } from '../process/pid.ts';
import type { ExitReason } from '../process/exit-reason.ts';
import { isThenable } from '../thenable.ts';
import { coreEvents } from './core-events.ts';
import { Descriptions } from './descriptions.ts';
import type { EventTable } from './event-table.ts';
import { Listeners } from './listeners.ts';

/** Events of the core. Measurements are numbers in the unit that the name ends in (`…Ms`); metadata says what they are about. */
export interface CoreTelemetryEvents {
  /** A process exists; its code has not run yet. */
  'snakepit.process.spawned': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly pid: Pid;
      readonly parent: Pid;
      readonly behaviour: string;
      readonly name: string | undefined;
    };
  };
  /** A process is gone; its name is free again. */
  'snakepit.process.exited': {
    readonly measurements: { readonly count: 1; readonly turns: number };
    readonly metadata: {
      readonly pid: Pid;
      readonly behaviour: string;
      readonly name: string | undefined;
      readonly reason: ExitReason;
    };
  };
  /** A turn took longer than the option `longTurnMs` allows (OTP PRC-021). */
  'snakepit.process.long_turn': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: {
      /** Whose it was; `undefined` when it was one of several. */
      readonly pid: Pid | undefined;
      readonly behaviour: string | undefined;
      readonly name: string | undefined;
      /** Who had turns in that time. */
      readonly candidates: readonly Pid[];
    };
  };
  /** Something went wrong, and what happened before it was kept; see `system.records.incidents`. */
  'snakepit.observation.incident': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      /** Its number. */
      readonly id: number;
      readonly title: string;
      /** Whom it concerns, across restarts; empty when somebody asked for it. */
      readonly path: string;
    };
  };
}

/** Every event on the bus: name to what it carries. Packages add theirs by declaration merging. */
export interface TelemetryEvents extends CoreTelemetryEvents {}

/** Name of an event on the bus. */
export type TelemetryEventName = keyof TelemetryEvents;

/** Measurements of one event. */
export type Measurements<N extends TelemetryEventName> = TelemetryEvents[N]['measurements'];

/** Metadata of one event. */
export type Metadata<N extends TelemetryEventName> = TelemetryEvents[N]['metadata'];

/** Hears one kind of event. What it throws or rejects with is logged and harms nobody (OTP SYS-009). */
export type TelemetryHandler<N extends TelemetryEventName> = (
  measurements: Measurements<N>,
  metadata: Metadata<N>,
  name: N,
) => void;

/** The event bus of one system, in the manner of Elixir's `:telemetry`. */
export interface Telemetry {
  /** Whether anybody listens to this kind of event, which is not disabled; ask before building one. */
  enabled(name: TelemetryEventName): boolean;
  /** Tells the listeners, synchronously and in order of attachment. */
  emit<N extends TelemetryEventName>(
    name: N,
    measurements: Measurements<N>,
    metadata: Metadata<N>,
  ): void;
  /**
   * Listens to one kind of event.
   *
   * @returns A function that stops listening; calling it again does nothing.
   */
  on<N extends TelemetryEventName>(name: N, handler: TelemetryHandler<N>): () => void;
  /** Listens to several kinds with one handler; returns a function that detaches all of them. */
  attachMany<N extends TelemetryEventName>(
    names: readonly N[],
    handler: TelemetryHandler<N>,
  ): () => void;
  /** Stops a handler from hearing anything, wherever it was attached; no effect when it was not. */
  detach<N extends TelemetryEventName>(handler: TelemetryHandler<N>): void;
  /**
   * From now on nobody hears events whose names match, whoever listens; each costs as much as without a listener (R9.4).
   * Of `disable` and `enable` the last that matches a name counts.
   *
   * @param pattern - A name; `*` stands for any characters: `snakepit.worker.heartbeat.*`.
   */
  disable(pattern: string): void;
  /** Lets the listeners hear events whose names match again; see {@link Telemetry.disable}. */
  enable(pattern: string): void;
  /**
   * Tells when a kind of event gets its first listener or loses its last, by attaching, detaching, enabling or disabling;
   * for those who must do something to have events at all.
   *
   * @returns A function that ends that.
   */
  onDemand(listener: (name: TelemetryEventName, isWanted: boolean) => void): () => void;
  /** Says what events there may be; a table that it has already is not added again. */
  describe(table: EventTable): void;
  /**
   * Tells what was described: at once what was until now, beginning with the events of the core, then what will be.
   *
   * @returns A function that ends that.
   */
  onDescribed(reader: (table: EventTable) => void): () => void;
}

/**
 * Makes a bus.
 *
 * @param onHandlerError - Told what a handler threw or rejected with; the other handlers still run.
 */
export function createTelemetry(
  onHandlerError: (error: unknown, name: TelemetryEventName) => void = () => undefined,
): Telemetry {
  const bus = new Listeners();
  const descriptions = new Descriptions();
  descriptions.add(coreEvents);
  // By the handler's identity; its own type is known where it is attached, and not needed to detach it.
  const attached = new Map<unknown, Set<() => void>>();

  function on<N extends TelemetryEventName>(name: N, handler: TelemetryHandler<N>): () => void {
    const remove = bus.add(name, guard(name, handler, onHandlerError));
    const off = (): void => {
      remove();
      const offs = attached.get(handler);
      offs?.delete(off);
      if (offs?.size === 0) attached.delete(handler);
    };
    const offs = attached.get(handler) ?? new Set();
    attached.set(handler, offs.add(off));
    return off;
  }

  return {
    enabled: (name) => bus.emitter.listenerCount(name) > 0,
    emit: (name, measurements, metadata) => {
      bus.emitter.emit(name, measurements, metadata);
    },
    on,
    attachMany: (names, handler) => {
      const offs = names.map((name) => on(name, handler));
      return () => {
        for (const off of offs) off();
      };
    },
    detach: (handler) => {
      for (const off of attached.get(handler) ?? []) off();
    },
    disable: (pattern) => {
      bus.rule(pattern, false);
    },
    enable: (pattern) => {
      bus.rule(pattern, true);
    },
    onDemand: (listener) => bus.onDemand(listener),
    describe: (table) => {
      descriptions.add(table);
    },
    onDescribed: (reader) => descriptions.read(reader),
  };
}

/** The handler, unable to fail: it is called in the middle of a turn, and nothing may come back from it. */
function guard<N extends TelemetryEventName>(
  name: N,
  handler: TelemetryHandler<N>,
  onError: (error: unknown, name: TelemetryEventName) => void,
): (measurements: Measurements<N>, metadata: Metadata<N>) => void {
  const report = (error: unknown): void => {
    try {
      onError(error, name);
    } catch {
      // There is nobody left to tell: this was the way to tell somebody.
    }
  };
  // An async function is one that returns nothing to the compiler.
  const call: (...event: Parameters<TelemetryHandler<N>>) => unknown = handler;
  return (measurements, metadata) => {
    try {
      const result = call(measurements, metadata, name);
      if (isThenable(result)) result.then(undefined, report);
    } catch (error) {
      report(error);
    }
  };
}
