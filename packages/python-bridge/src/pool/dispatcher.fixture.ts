import {
  createTestClock,
  isSnakepitError,
  type SnakepitError,
  type TestClock,
} from '@snakepit/core';
import { encodeArguments } from '../bridge/codec.ts';
import type { CallListener, RunLimits, RunningCall, ToolCall } from '../bridge/call-path.ts';
import { bridgeError } from '../errors.ts';
import type { ToolInfo } from '../tools/tool-info.ts';
import type { WorkerConnection } from '../worker/worker-connection.ts';
import { createDispatcher } from './dispatcher.ts';
import type { DispatcherParts, PoolCall, PoolDispatcher } from './pool-call.ts';

/** A worker that does what the test says, when it says so. */
export class ScriptedWorker implements WorkerConnection {
  /** Its id. */
  readonly workerId: string;
  /** Calls in flight, oldest first. */
  readonly calls: ScriptedCall[] = [];
  /** Calls that were given up and that it has not let go of, oldest first. */
  readonly lingering: ScriptedCall[] = [];
  /** Sessions that are open here. */
  readonly sessions = new Map<string, Readonly<Record<string, string>>>();

  constructor(workerId: string) {
    this.workerId = workerId;
  }

  /** Nobody can ask for its tools. */
  readonly toolsFingerprint = undefined;

  /** There are none. */
  describeTools(): Promise<readonly ToolInfo[]> {
    return Promise.resolve([]);
  }

  /** How many calls are in flight. */
  get inFlight(): number {
    return this.calls.length;
  }

  /** Keeps the call until the test ends it. */
  begin(call: ToolCall, limits: RunLimits, listener: CallListener): RunningCall {
    const scripted: ScriptedCall = { tool: call.tool, call, limits, listener, granted: 0 };
    this.calls.push(scripted);
    return {
      cancel: (error) => {
        const index = this.calls.indexOf(scripted);
        if (index === -1) return;
        this.calls.splice(index, 1);
        this.lingering.push(scripted);
        listener.settled(error, undefined);
      },
      grant: (chunks) => {
        scripted.granted += chunks;
      },
    };
  }

  /** Notes that the session is open. */
  openSession(id: string, metadata: Readonly<Record<string, string>>): void {
    this.sessions.set(id, metadata);
  }

  /** Notes that it is not any more. */
  closeSession(id: string): void {
    this.sessions.delete(id);
  }

  /** Lets go of the oldest call that was given up. */
  letGo(): void {
    this.lingering.shift()?.listener.released();
  }

  /** Tools of the calls in flight, oldest first. */
  get tools(): string[] {
    return this.calls.map(({ tool }) => tool);
  }

  /** Ends the oldest call. */
  answer(value: unknown = 'done'): void {
    this.#end(undefined, value);
  }

  /** Ends the oldest call with an error. */
  fail(error: Error): void {
    this.#end(error, undefined);
  }

  /** Ends all its calls, as death does. */
  die(error: Error): void {
    while (this.calls.length > 0) this.fail(error);
    while (this.lingering.length > 0) this.letGo();
  }

  #end(error: Error | undefined, value: unknown): void {
    const ended = this.calls.shift();
    ended?.listener.settled(error, value);
    ended?.listener.released();
  }
}

/** One call at a {@link ScriptedWorker}. */
export interface ScriptedCall {
  /** Name of the tool. */
  readonly tool: string;
  /** All of it. */
  readonly call: ToolCall;
  /** How long it may take. */
  readonly limits: RunLimits;
  /** Who is told. */
  readonly listener: CallListener;
  /** Chunks that were granted since it began. */
  granted: number;
}

/** What a dispatcher may be given besides what every one here has. */
export type Limits = Partial<DispatcherParts>;

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
  priority: 'normal',
  binding: undefined,
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
