import {
  eventMetric,
  polledMetric,
  type ActorSystem,
  type MeasuredMetric,
  type MetricAttributes,
  type MetricDefinition,
} from '@snakepit/core';
import { sessionsIn, sessionStoreName } from '../bridge/session-store.ts';
import { watchdogName } from '../os/watchdog.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import { circuitBreakerName } from '../resilience/circuit-breaker.ts';
import { poolStatsOf, statesIn, type PoolStats } from '../status.ts';
import './events.ts';

/** All pools of a Snakepit; those that it has when it is asked. */
export type Pools = () => Iterable<PoolRuntime>;

const pool = { pool: 'Name of the pool.' } as const;
const inPool = (metadata: { readonly pool: string }) => ({ pool: metadata.pool });
/** From a call that adds two numbers to one that trains a model. */
const callBuckets = [
  ...[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300],
];

/** What pools have and do. What is counted anyway is read, when somebody asks. */
export function poolMetrics(pools: Pools): readonly MetricDefinition[] {
  return [
    ...sizes(pools),
    ...queues(pools),
    ...calls(pools),
    ...callTimes(pools),
    ...workers(pools),
    ...surroundings(pools),
  ];
}

/** A gauge or counter with one value for each pool. */
function ofPool(
  pools: Pools,
  about: {
    readonly kind: 'gauge' | 'observableCounter';
    readonly name: string;
    readonly description: string;
    readonly unit: string;
  },
  valueOf: (pool: PoolRuntime, system: ActorSystem) => number,
): MetricDefinition {
  return polledMetric({
    ...about,
    labels: pool,
    read: (observe, system) => {
      for (const one of pools()) observe(valueOf(one, system), { pool: one.config.name });
    },
  });
}

function sizes(pools: Pools): readonly MetricDefinition[] {
  const stats = (one: PoolRuntime, system: ActorSystem): PoolStats['workers'] =>
    poolStatsOf(system, one).workers;
  return [
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.size', unit: '{worker}' },
        description: 'Workers that the pool is to have.',
      },
      ({ size }) => size,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.ready', unit: '{worker}' },
        description: 'Workers of the pool that can serve calls.',
      },
      (one, system) => stats(one, system).ready,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.given_up', unit: '{worker}' },
        description: 'Workers of the pool that are given up, and stay down until `revive`.',
      },
      (one) => one.workerIds.filter((id) => one.historyOf(id)?.givenUp !== undefined).length,
    ),
  ];
}

function queues(pools: Pools): readonly MetricDefinition[] {
  return [
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.queue.length', unit: '{call}' },
        description: 'Calls that wait for a worker, or for the time to be tried again.',
      },
      ({ dispatcher }) => dispatcher.stats().queued,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.queue.limit', unit: '{call}' },
        description: 'Calls that may wait (`maxQueueSize`); further ones are refused.',
      },
      ({ config }) => config.maxQueueSize,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.queue.oldest_age', unit: 's' },
        description:
          'How long the call that has waited longest for a worker has waited; 0 when none does.',
      },
      ({ dispatcher }) => dispatcher.oldestWaitMs() / 1_000,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.in_flight', unit: '{call}' },
        description: 'Calls that workers are executing.',
      },
      ({ dispatcher }) => dispatcher.stats().inFlight,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'gauge', name: 'snakepit.pool.lingering', unit: '{call}' },
        description: 'Calls that were given up, and that workers have not let go of yet.',
      },
      ({ dispatcher }) => dispatcher.stats().lingering,
    ),
  ];
}

function calls(pools: Pools): readonly MetricDefinition[] {
  return [
    polledMetric({
      ...{ kind: 'observableCounter', name: 'snakepit.pool.calls', unit: '{call}' },
      description: 'Calls that ended.',
      labels: {
        ...pool,
        outcome:
          '`succeeded`; `failed`: with an error, or not in time; `cancelled`: given up by the caller; `refused`: never taken on.',
      },
      read: (observe) => {
        for (const { config, dispatcher } of pools()) {
          const stats = dispatcher.stats();
          for (const outcome of ['succeeded', 'failed', 'cancelled', 'refused'] as const) {
            observe(stats[outcome], { pool: config.name, outcome });
          }
        }
      },
    }),
    ofPool(
      pools,
      {
        ...{ kind: 'observableCounter', name: 'snakepit.pool.calls.accepted', unit: '{call}' },
        description: 'Calls that were taken on.',
      },
      ({ dispatcher }) => dispatcher.stats().accepted,
    ),
    ofPool(
      pools,
      {
        ...{ kind: 'observableCounter', name: 'snakepit.pool.calls.retried', unit: '{attempt}' },
        description: 'How often an idempotent call was given to another worker.',
      },
      ({ dispatcher }) => dispatcher.stats().retried,
    ),
    eventMetric({
      ...{ kind: 'counter', name: 'snakepit.pool.calls.stuck', unit: '{call}' },
      description:
        'Calls that were given up and went on for longer than `cancelGrace`; the worker is replaced.',
      labels: pool,
      event: 'snakepit.pool.call.stuck',
      value: ({ count }) => count,
      attributes: inPool,
    }),
  ];
}

function callTimes(pools: Pools): readonly MetricDefinition[] {
  const all = (measure: (one: PoolRuntime) => () => void): (() => void) => {
    const ends = Array.from(pools(), measure);
    return () => {
      for (const end of ends) end();
    };
  };
  const duration: MeasuredMetric = {
    ...{ kind: 'histogram', name: 'snakepit.pool.call.duration', unit: 's', buckets: callBuckets },
    description: 'From the call to its outcome, waiting included.',
    labels: { ...pool, outcome: '`succeeded`, `failed`, `cancelled`.' },
    measure: (series) => all(({ callMeter }) => callMeter.measureDurations(series)),
  };
  const wait: MeasuredMetric = {
    ...{ kind: 'histogram', name: 'snakepit.pool.call.wait', unit: 's', buckets: callBuckets },
    description: 'From the call until a worker had it, or until it was given up without one.',
    labels: pool,
    measure: (series) => all(({ callMeter }) => callMeter.measureWaits(series)),
  };
  return [duration, wait];
}

function workers(pools: Pools): readonly MetricDefinition[] {
  return [
    polledMetric({
      ...{ kind: 'gauge', name: 'snakepit.workers', unit: '{worker}' },
      description: 'Workers by state.',
      labels: {
        ...pool,
        state:
          'Where they are in their lives: `starting`, `ready`, `draining` …; `down` while there is no process, `failed` when given up.',
      },
      read: (observe, system) => {
        for (const one of pools()) {
          for (const [state, count] of statesIn(system, one)) {
            observe(count, { pool: one.config.name, state });
          }
        }
      },
    }),
    eventMetric({
      ...{ kind: 'counter', name: 'snakepit.worker.restarts', unit: '{restart}', keepsPast: true },
      description:
        'Workers that became ready again, whatever their end was: failure, recycling, request.',
      labels: pool,
      event: 'snakepit.worker.started',
      value: ({ count }, metadata) => {
        const one = Array.from(pools()).find(({ config }) => config.name === metadata.pool);
        return (one?.historyOf(metadata.workerId)?.starts ?? 0) > 1 ? count : undefined;
      },
      attributes: inPool,
    }),
  ];
}

function surroundings(pools: Pools): readonly MetricDefinition[] {
  return [
    polledMetric({
      ...{ kind: 'gauge', name: 'snakepit.circuit_breaker.state', unit: '1' },
      description: '1 for the state that the circuit breaker of the pool is in, 0 for the others.',
      labels: { ...pool, state: '`closed`, `open`, `halfOpen`.' },
      read: (observe, system) => {
        for (const { config } of pools()) {
          const state = stateOf(system, circuitBreakerName(config.name));
          if (state === undefined) continue;
          for (const one of ['closed', 'open', 'halfOpen']) {
            observe(one === state ? 1 : 0, { pool: config.name, state: one });
          }
        }
      },
    }),
    eventMetric({
      ...{ kind: 'counter', name: 'snakepit.circuit_breaker.opened', unit: '{time}' },
      description: 'How often the circuit breaker of the pool began to refuse calls.',
      labels: pool,
      event: 'snakepit.circuit_breaker.opened',
      value: ({ count }) => count,
      attributes: inPool,
    }),
    ...ofSessions(),
    polledMetric({
      ...{ kind: 'gauge', name: 'snakepit.watchdog.guarding', unit: '1' },
      description: '1 while the watchdog guards, else 0; nothing where no pool asked for one.',
      labels: {},
      read: (observe, system) => {
        const state = stateOf(system, watchdogName);
        if (state !== undefined) observe(state === 'guarding' ? 1 : 0, {});
      },
    }),
  ];
}

function ofSessions(): readonly MetricDefinition[] {
  const read =
    (which: 'count' | 'limit') =>
    (observe: (value: number, attributes: MetricAttributes) => void, system: ActorSystem): void => {
      const sessions = sessionsIn(system.processInfo(system.whereis(sessionStoreName)));
      if (sessions !== undefined) observe(sessions[which], {});
    };
  return [
    polledMetric({
      ...{ kind: 'gauge', name: 'snakepit.sessions', unit: '{session}', labels: {} },
      description: 'Sessions that live.',
      read: read('count'),
    }),
    polledMetric({
      ...{ kind: 'gauge', name: 'snakepit.sessions.limit', unit: '{session}', labels: {} },
      description: 'Sessions that may live; further ones are refused.',
      read: read('limit'),
    }),
  ];
}

/** The outermost state of a process with a chart. */
function stateOf(system: ActorSystem, name: string): string | undefined {
  const value = system.processInfo(system.whereis(name))?.stateValue;
  if (typeof value === 'object' && value !== null) return Object.keys(value)[0];
  return typeof value === 'string' ? value : undefined;
}
