import { bridgeError } from '../errors.ts';
import type { CallListener, CallPath, ToolCall } from './call-path.ts';

/** How a call may end early. */
export interface TestLimits {
  /** Milliseconds until it is cancelled with TIMEOUT. */
  readonly deadlineMs?: number;
  /** Cancels it with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** Makes a call as the dispatcher does, with a real timer: what the tool returned. */
export async function execute(
  path: CallPath,
  call: ToolCall,
  limits: TestLimits = {},
): Promise<unknown> {
  const { deadlineMs = Infinity, signal } = limits;
  const listener = new RecordingListener();
  const running = path.begin(call, { timeoutMs: deadlineMs }, listener);
  const ids = { tool: call.tool };
  const details = { ...ids, operation: 'the call', timeoutMs: deadlineMs, option: 'timeout' };
  const timer =
    deadlineMs === Infinity
      ? undefined
      : setTimeout(() => {
          running.cancel(bridgeError('TIMEOUT', details));
        }, deadlineMs);
  const cancel = (): void => {
    running.cancel(bridgeError('CANCELLED', ids, { cause: signal?.reason }));
  };
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted === true) cancel();
  try {
    return await listener.outcome;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

/** Remembers what it is told, and refuses to be told twice. */
export class RecordingListener implements CallListener {
  /** How the call ended. */
  readonly outcome: Promise<unknown>;
  /** Ends when the worker has let go. */
  readonly letGo: Promise<void>;
  /** What happened, in order: `settled`, `released`, and chunks as they are. */
  readonly events: unknown[] = [];
  #resolve: (value: unknown) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #released: () => void = () => undefined;
  readonly #onChunk: ((value: unknown) => void) | undefined;

  constructor(onChunk?: (value: unknown) => void) {
    this.#onChunk = onChunk;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.outcome.catch(() => undefined);
    this.letGo = new Promise((resolve) => {
      this.#released = resolve;
    });
  }

  /** Notes how it ended. */
  settled(error: Error | undefined, value: unknown): void {
    if (this.events.includes('settled')) throw new Error('settled twice');
    this.events.push('settled');
    if (error === undefined) this.#resolve(value);
    else this.#reject(error);
  }

  /** Notes that the worker has let go. */
  released(): void {
    if (!this.events.includes('settled')) throw new Error('released before it was settled');
    if (this.events.includes('released')) throw new Error('released twice');
    this.events.push('released');
    this.#released();
  }

  /** Notes a chunk. */
  chunk(value: unknown): void {
    if (this.events.includes('settled')) throw new Error('a chunk after the end');
    this.events.push(value);
    this.#onChunk?.(value);
  }
}
