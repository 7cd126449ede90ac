import {
  defineStatechart,
  isSnakepitError,
  type ActorSystem,
  type ProcessContext,
} from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import { bridgeError } from '../errors.ts';
import '../telemetry/events.ts';
import {
  circuitBreakerMachine,
  type CircuitBreakerContext,
  type CircuitBreakerEvent,
  type CircuitBreakerInput,
} from './circuit-breaker.machine.ts';

/** When a circuit breaker opens and closes. */
export interface CircuitBreakerSettings {
  /** So many failures within the window open it. */
  readonly failureThreshold: number;
  /** Length of the window, in milliseconds. */
  readonly failureWindowMs: number;
  /** Milliseconds that calls are refused before some are let through to try. */
  readonly resetTimeoutMs: number;
  /** How many are let through to try at the same time. */
  readonly halfOpenMaxCalls: number;
  /** Whether a call that ran out of time is a failure. */
  readonly countTimeouts: boolean;
  /** Whether an exception that a tool raised is a failure. */
  readonly countExceptions: boolean;
}

/** The circuit breaker of one pool, as the calls meet it: a comparison for each while nothing is wrong. */
export interface CircuitBreaker {
  /** Its process; it only listens to it, and may be started again. */
  readonly spec: ChildSpec;
  /**
   * Why a call is not let through at present.
   *
   * @param ticket - The number of a call that was let through, and is to be tried again.
   * @returns A CIRCUIT_OPEN that tells when to try again, or `undefined`.
   */
  refusal(tool: string, ticket?: number): Error | undefined;
  /** Lets a call through that was not refused; its end is told with the number that this gives. */
  enter(): number;
  /** A call that was let through has ended, in the end; with `undefined` when it succeeded. */
  leave(ticket: number, error: unknown): void;
}

/** What a circuit breaker needs to know. */
export interface CircuitBreakerParts {
  /** Where its process lives. */
  readonly system: ActorSystem;
  /** Name of its pool. */
  readonly pool: string;
  /** When it opens and closes. */
  readonly settings: CircuitBreakerSettings;
}

/** The registered name of a circuit breaker's process. */
export function circuitBreakerName(pool: string): string {
  return `snakepit.circuitBreaker.${pool}`;
}

/** Makes the circuit breaker of one pool; it is closed, and opens only while its process runs. */
export function createCircuitBreaker(parts: CircuitBreakerParts): CircuitBreaker {
  return new Gate(parts);
}

/** What is done with calls: all pass, none passes before a time, so many may try. */
type Admission =
  | { readonly kind: 'all' }
  | { readonly kind: 'none'; readonly untilMs: number }
  | { readonly kind: 'some'; permits: number };

class Gate implements CircuitBreaker {
  readonly spec: ChildSpec;
  readonly #parts: CircuitBreakerParts;
  #admission: Admission = { kind: 'all' };
  /** Changes with the admission: what a call that was let through before says is about another time. */
  #epoch = 0;
  #lastFailure: Error | undefined;

  constructor(parts: CircuitBreakerParts) {
    this.#parts = parts;
    const { pool, settings } = parts;
    const { failureThreshold, failureWindowMs, resetTimeoutMs } = settings;
    const input: CircuitBreakerGateInput = {
      ...{ pool, failureThreshold, failureWindowMs, resetTimeoutMs, gate: this },
    };
    const name = circuitBreakerName(pool);
    this.spec = { id: 'circuitBreaker', start: [circuitBreakerProcess, input], name };
  }

  refusal(tool: string, ticket?: number): Error | undefined {
    const admission = this.#admission;
    if (admission.kind === 'all') return undefined;
    // One that was let through to try goes on until it has its outcome.
    if (admission.kind === 'some' && (admission.permits > 0 || ticket === this.#epoch)) {
      return undefined;
    }
    const { pool, system, settings } = this.#parts;
    const untilMs = admission.kind === 'none' ? admission.untilMs : system.clock.now();
    const retryAfterMs = Math.max(0, Math.ceil(untilMs - system.clock.now()));
    const { failureThreshold, failureWindowMs } = settings;
    const options = this.#lastFailure === undefined ? undefined : { cause: this.#lastFailure };
    const details = { pool, tool, retryAfterMs, failureThreshold, failureWindowMs };
    return bridgeError('CIRCUIT_OPEN', details, options);
  }

  enter(): number {
    if (this.#admission.kind === 'some') this.#admission.permits -= 1;
    return this.#epoch;
  }

  leave(ticket: number, error: unknown): void {
    const admission = this.#admission;
    if (ticket !== this.#epoch || admission.kind === 'none') return;
    if (error !== undefined && this.#isFailure(error)) {
      this.#lastFailure = error instanceof Error ? error : undefined;
      const atMs = this.#parts.system.clock.now();
      this.#tell(admission.kind === 'all' ? { type: 'failure.counted', atMs } : probeFailed);
    } else if (admission.kind === 'some') {
      // Given up before it was executed, it has tried nothing: somebody else may.
      if (error === undefined || isOfTool(error)) this.#tell({ type: 'probe.succeeded' });
      else admission.permits += 1;
    }
  }

  /** Closed: every call passes. */
  admitAll(): void {
    const wasClosed = this.#admission.kind === 'all';
    this.#admit({ kind: 'all' });
    this.#lastFailure = undefined;
    if (wasClosed) return;
    const { pool, system } = this.#parts;
    system.telemetry.emit('snakepit.circuit_breaker.closed', { count: 1 }, { pool });
    system.logger.info(`pool ${pool}: a call succeeded, its circuit breaker is closed again`);
  }

  /** Open: no call passes for a while. */
  refuseAll(failureCount: number): void {
    const { pool, system, settings } = this.#parts;
    const { resetTimeoutMs } = settings;
    this.#admit({ kind: 'none', untilMs: system.clock.now() + resetTimeoutMs });
    const reason = this.#lastFailure?.message ?? 'a call that was let through to try failed';
    const measurements = { count: 1, failureCount } as const;
    system.telemetry.emit('snakepit.circuit_breaker.opened', measurements, { pool, reason });
    system.logger.warn(
      `pool ${pool}: its circuit breaker refuses calls for ${resetTimeoutMs} ms: ${reason}`,
    );
  }

  /** Half open: some calls pass, to try. */
  admitProbes(): void {
    const { pool, system, settings } = this.#parts;
    this.#admit({ kind: 'some', permits: settings.halfOpenMaxCalls });
    system.telemetry.emit('snakepit.circuit_breaker.half_open', { count: 1 }, { pool });
  }

  #admit(admission: Admission): void {
    this.#admission = admission;
    this.#epoch += 1;
  }

  #isFailure(error: unknown): boolean {
    if (!isSnakepitError(error)) return false;
    const { countTimeouts, countExceptions } = this.#parts.settings;
    switch (error.code) {
      case 'WORKER_CRASHED':
      case 'WORKER_UNAVAILABLE':
        return true;
      case 'TIMEOUT':
        return countTimeouts;
      case 'PYTHON_EXCEPTION':
        return countExceptions;
      default:
        return false;
    }
  }

  #tell(event: CircuitBreakerEvent): void {
    const { system, pool } = this.#parts;
    // A cast, because it may be between two lives: the next one begins closed.
    system.cast(circuitBreakerName(pool), event);
  }
}

const probeFailed: CircuitBreakerEvent = { type: 'probe.failed' };

/** Whether an error is the tool's answer, which only a worker that serves can give. */
function isOfTool(error: unknown): boolean {
  return isSnakepitError(error) && answers.has(error.code);
}

const answers: ReadonlySet<string> = new Set([
  ...['PYTHON_EXCEPTION', 'TOOL_NOT_FOUND', 'INVALID_ARGUMENT'],
]);

interface CircuitBreakerGateInput extends CircuitBreakerInput {
  readonly gate: Gate;
}

/** The process of one circuit breaker. */
const circuitBreakerProcess = defineStatechart(circuitBreakerMachine, {
  trapExit: true,
  effects: (_: ProcessContext, input: CircuitBreakerInput) => {
    const { gate } = input as CircuitBreakerGateInput;
    return {
      admitAll: () => gate.admitAll(),
      refuseAll: (_params: unknown, { context }: { readonly context: CircuitBreakerContext }) =>
        gate.refuseAll(context.failuresAtMs.length),
      admitProbes: () => gate.admitProbes(),
    };
  },
});
