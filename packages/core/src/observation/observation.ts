import type { Pid } from '../process/pid.ts';
import type { ProcessInfo } from '../process/process-info.ts';
import type { ActorSystem } from '../system.ts';
import { coreMetrics } from './core-metrics.ts';
import type { MetricAttributes, MetricDefinition } from './metric-definition.ts';
import { MetricHistory } from './metric-history.ts';

/** What is known of a process besides what the process table says. Plain data; every member where it applies. */
export interface ProcessFacts {
  /** What it is to its users: `worker`, `pool`. */
  readonly role?: string;
  /** Its operating system process. */
  readonly osPid?: number;
  /** Memory of that process and all that it started, in bytes. */
  readonly rssBytes?: number;
  /** Round trip of the last heartbeat, in milliseconds. */
  readonly heartbeatMs?: number;
  /** Heartbeats missed in a row. */
  readonly missedHeartbeats?: number;
  /** Calls that it is executing. */
  readonly inFlight?: number;
  /** How often it was started again. */
  readonly restarts?: number;
  /** What its operating system process printed last, oldest first. */
  readonly output?: readonly string[];
  /** Everything else that helps, by name; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** How one part of a system is. */
export interface HealthCheck {
  /** What it is about: `pool default`, `worker default/w3`. */
  readonly name: string;
  /** `down`: it does not serve; `degraded`: it does, with less than it should have. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** Whether it has been ready since it began; before, it is starting. */
  readonly isStarted: boolean;
  /** Whether it will not get better by itself: only a new start of the program helps. Default: it may. */
  readonly isFinal?: boolean;
  /** What is the case, as a sentence. */
  readonly message: string;
  /** What to do about it; `undefined` when nothing. */
  readonly remedy?: string;
  /** Facts for debugging; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What it consists of. */
  readonly parts?: readonly HealthCheck[];
}

/** Something that may be done to a process from outside, by somebody who looks at it. */
export interface ProcessAction {
  /** `restart`, `drain`, `recycle`, `kill`, `heartbeat`. */
  readonly name: string;
  /** What it will do to this process, as a sentence. */
  readonly consequence: string;
  /** Does it; resolves with what came of it, as a sentence. */
  readonly run: () => Promise<string>;
}

/** A call that a process has executed for somebody without a message in its mailbox: a call of a Python tool. */
export interface ExecutedCall {
  /** What was called. */
  readonly name: string;
  /** Who called, where that was done in the turn of a process. */
  readonly from: Pid | undefined;
  /** When its execution began, in milliseconds of the system's clock. */
  readonly atMs: number;
  /** How long it had waited for that, in milliseconds. */
  readonly waitedMs: number;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** Why it failed: a code; `undefined` when it did not. */
  readonly error: string | undefined;
}

/**
 * What a package that is built on the core knows of a system that it runs in. All of it answers from state that is at
 * hand, without waiting.
 */
export interface ObservationSource {
  /** What it is called, once in a system: `python`. */
  readonly name: string;
  /** Facts of a process; `undefined` of one that it does not know. */
  readonly describe?: (process: ProcessInfo) => ProcessFacts | undefined;
  /** How its parts are. */
  readonly checks?: () => readonly HealthCheck[];
  /** Tables of its own, by name, as plain JSON: `pools`, `calls`. */
  readonly panels?: () => Readonly<Record<string, unknown>>;
  /**
   * Has a listener told of each call that a process executes, from now on; `undefined` of one that does no such thing.
   *
   * @returns A function that ends that. Until somebody listens it costs nothing.
   */
  readonly calls?: (
    process: ProcessInfo,
    listener: (call: ExecutedCall) => void,
  ) => (() => void) | undefined;
  /** What may be done to a process. */
  readonly actions?: (process: ProcessInfo) => readonly ProcessAction[];
}

/** What can be seen of a system: those who know add, those who look read. Without a viewer nothing here runs. */
export interface Observation {
  /** All metrics, in order of addition. */
  readonly metrics: readonly MetricDefinition[];
  /** All sources, in order of addition. */
  readonly sources: readonly ObservationSource[];
  /**
   * Adds metrics; those that are there already are not added again.
   *
   * @returns A function that takes away again what was added.
   */
  addMetrics(metrics: readonly MetricDefinition[]): () => void;
  /** Tells what a metric with `keepsPast` has counted since it was added; nothing of others. */
  recall(
    metric: MetricDefinition,
    record: (value: number, attributes: MetricAttributes) => void,
  ): void;
  /**
   * Adds a source.
   *
   * @returns A function that takes it away again.
   */
  addSource(source: ObservationSource): () => void;
  /** Tells of every change of the two lists; returns a function that ends that. */
  onChange(listener: () => void): () => void;
}

/** Makes the observation of one system, with the metrics that every system has. @internal */
export function createObservation(systemOf: () => ActorSystem): Observation {
  let metrics: readonly MetricDefinition[] = coreMetrics;
  const history = new MetricHistory(systemOf);
  let sources: readonly ObservationSource[] = [];
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return {
    get metrics() {
      return metrics;
    },
    get sources() {
      return sources;
    },
    addMetrics: (given) => {
      const added = given.filter((metric) => !metrics.includes(metric));
      if (added.length === 0) return () => undefined;
      metrics = [...metrics, ...added];
      for (const metric of added) history.add(metric);
      changed();
      return () => {
        metrics = metrics.filter((metric) => !added.includes(metric));
        for (const metric of added) history.remove(metric);
        changed();
      };
    },
    recall: (metric, record) => {
      history.recall(metric, record);
    },
    addSource: (added) => {
      sources = [...sources, added];
      changed();
      return () => {
        sources = sources.filter((source) => source !== added);
        changed();
      };
    },
    onChange: (listener) => {
      const own = (): void => {
        listener();
      };
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
