import {
  createTestClock,
  isSnakepitError,
  type SnakepitError,
  type TestClock,
} from '@snakepit/core';
import { encodeArguments } from '../bridge/codec.ts';
import type { CallLimits, ToolCall } from '../bridge/worker-client.ts';
import { bridgeError } from '../errors.ts';
import type { WorkerConnection } from '../worker/worker-connection.ts';
import { createDispatcher, type PoolCall, type PoolDispatcher } from './dispatcher.ts';

/** A worker that does what the test says, when it says so. */
export class ScriptedWorker implements WorkerConnection {
  /** Its id. */
  readonly workerId: string;
  /** Calls in flight, oldest first. */
  readonly calls: {
    readonly tool: string;
    readonly limits: CallLimits;
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];

  constructor(workerId: string) {
    this.workerId = workerId;
  }

  /** How many calls are in flight. */
  get inFlight(): number {
    return this.calls.length;
  }

  /** Keeps the call until the test ends it. */
  execute(call: ToolCall, limits: CallLimits): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.calls.push({ tool: call.tool, limits, resolve, reject });
    });
  }

  /** Tools of the calls in flight, oldest first. */
  get tools(): string[] {
    return this.calls.map(({ tool }) => tool);
  }

  /** Ends the oldest call. */
  answer(value: unknown = 'done'): void {
    this.calls.shift()?.resolve(value);
  }

  /** Ends the oldest call with an error. */
  fail(error: unknown): void {
    this.calls.shift()?.reject(error);
  }
}

/** What a dispatcher may be given besides what every one here has. */
export interface Limits {
  /** Calls at the same time for each worker; default 1. */
  readonly concurrency?: number;
  /** Default 10. */
  readonly maxQueueSize?: number;
  /** Default 1,000. */
  readonly queueTimeoutMs?: number;
}

/** A dispatcher and what came of its calls. */
export interface Bench {
  /** Its time. */
  readonly clock: TestClock;
  /** The dispatcher. */
  readonly dispatcher: PoolDispatcher;
  /** Outcomes by tool, as they come. */
  readonly outcomes: Record<string, unknown>;
  /** Tools in the order in which their calls ended. */
  readonly order: string[];
  /** Makes a call and notes how it ends. */
  readonly call: (tool: string, options?: Partial<PoolCall>) => void;
}

/** Makes a dispatcher on a clock that stands still. */
export function createBench(limits: Limits = {}): Bench {
  const clock = createTestClock();
  const outcomes: Record<string, unknown> = {};
  const order: string[] = [];
  const dispatcher = createDispatcher({
    pool: 'p',
    clock,
    concurrency: 1,
    maxQueueSize: 10,
    queueTimeoutMs: 1_000,
    ...limits,
  });
  const note = (tool: string) => (outcome: unknown) => {
    outcomes[tool] = isSnakepitError(outcome) ? outcome.code : outcome;
    order.push(tool);
  };
  return {
    clock,
    dispatcher,
    outcomes,
    order,
    call: (tool, options = {}) => {
      const call = { ...anyCall, tool, ...options };
      dispatcher.execute(call).then(note(tool), note(tool));
    },
  };
}

/** A call as any other. */
export const anyCall: PoolCall = {
  tool: 'any',
  arguments: encodeArguments({}, 'any'),
  timeoutMs: 60_000,
  signal: undefined,
  idempotent: false,
};
/** Lets promises run. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};
/** The worker died. */
export const crashed = (): Error =>
  bridgeError('WORKER_CRASHED', { reason: 'it was ended by SIGKILL' });
/** The worker did not answer. */
export const unreachable = (maybeExecuted: boolean): Error =>
  bridgeError('WORKER_UNAVAILABLE', { reason: 'ECONNREFUSED', maybeExecuted });
/** The error that a promise is expected to reject with. */
export const errorOf = async (promise: Promise<unknown>): Promise<SnakepitError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isSnakepitError(error)) return error;
  throw new Error('no SnakepitError', { cause: error });
};
