import type { ActorSystem } from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import type { ResolvedPool } from '../config/config.ts';
import type { CallGuard } from '../pool/call-guard.ts';
import { createCircuitBreaker } from './circuit-breaker.ts';
import { createCrashBarrier } from './crash-barrier.ts';
import { retryDelayMs } from './retry-policy.ts';

/**
 * A call is never tried again in the same turn: when a worker dies all of its calls fail in one turn, and what the others
 * were counts for the crash barrier.
 */
const shortestPauseMs = 1;

/** What keeps a pool and its callers from harming each other, and what it needs in the tree. */
export interface PoolGuard extends CallGuard {
  /** Processes of its own. */
  readonly specs: readonly ChildSpec[];
}

/** Puts together circuit breaker, crash barrier and retry policy of one pool, as it is configured. */
export function createPoolGuard(system: ActorSystem, config: ResolvedPool): PoolGuard {
  const { name: pool, retry, circuitBreaker, crashBarrier } = config;
  const breaker = circuitBreaker.enabled
    ? createCircuitBreaker({ system, pool, settings: circuitBreaker })
    : undefined;
  const barrier = crashBarrier.enabled
    ? createCrashBarrier({ pool, clock: system.clock, settings: crashBarrier })
    : undefined;
  return {
    specs: breaker === undefined ? [] : [breaker.spec],
    refusal: (call, ticket) => breaker?.refusal(call.tool, ticket) ?? barrier?.refusal(call),
    enter: () => breaker?.enter() ?? 0,
    leave: (ticket, error) => {
      breaker?.leave(ticket, error);
    },
    attempted: (call, error) => {
      barrier?.ended(call, error);
    },
    retryDelay: (attempts, leftMs) => {
      const pauseMs = retryDelayMs(retry, attempts, leftMs);
      return pauseMs === undefined ? undefined : Math.max(shortestPauseMs, pauseMs);
    },
  };
}
