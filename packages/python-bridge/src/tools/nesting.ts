import { AsyncLocalStorage } from 'node:async_hooks';
import type { ToolRequest } from '../bridge/tool-table.ts';
import { bridgeError } from '../errors.ts';

/** How many calls of Python may be inside of each other. */
export const maxDepth = 32;

/** Name of the metadata that says how many calls of Python a call is inside of; Python adds itself when it calls Node. */
export const depthKey = 'snakepit_depth';

/** What a call of Python inherits that is made while Python waits for Node. */
export interface OuterCall {
  /** The call of Node that it is made in. */
  readonly request: ToolRequest;
  /** Milliseconds that its caller will still wait; `Infinity` without a limit. */
  readonly remainingMs: () => number;
}

/** What a nested call adds to its options. */
export interface NestedLimits {
  /** Milliseconds: its own, or what its caller has left, if that is less. */
  readonly timeoutMs: number;
  /** Aborted when its own signal is, or when its caller gave up. */
  readonly signal: AbortSignal;
  /** For the Python side. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Knows which calls of Python are made while Python waits for Node. */
export interface Nesting {
  /** The call of Node that runs here, while it runs. */
  current(): OuterCall | undefined;
  /** Runs a function of Node, so that calls made in it are known as nested. */
  run<T>(request: ToolRequest, body: (outer: OuterCall) => T): T;
}

/**
 * Makes what knows of nested calls of one Snakepit.
 *
 * The storage costs every promise of the process about a tenth of a microsecond, but only while a function of Node runs.
 *
 * @param now - Time in milliseconds.
 */
export function createNesting(now: () => number): Nesting {
  const storage = new AsyncLocalStorage<OuterCall & { isOver: boolean }>();
  let running = 0;
  const end = (): void => {
    running -= 1;
    if (running === 0) storage.disable();
  };
  return {
    current() {
      if (running === 0) return undefined;
      const outer = storage.getStore();
      // What goes on after the function has ended holds nobody up any more.
      return outer?.isOver === false ? outer : undefined;
    },
    run(request, body) {
      const startedAtMs = now();
      const outer = {
        request,
        remainingMs: () => Math.max(0, request.timeoutMs - (now() - startedAtMs)),
        isOver: false,
      };
      running += 1;
      const over = (): void => {
        if (outer.isOver) return;
        outer.isOver = true;
        end();
      };
      let result: ReturnType<typeof body>;
      try {
        result = storage.run(outer, body, outer);
      } catch (error) {
        over();
        throw error;
      }
      // A promise, or anything that behaves like one.
      void Promise.resolve(result).then(over, over);
      return result;
    },
  };
}

/**
 * The limits of a call that is made while Python waits for Node.
 *
 * @throws SnakepitError NESTED_TOO_DEEP; TIMEOUT, when no time is left.
 */
export function nestedLimits(
  outer: OuterCall,
  tool: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): NestedLimits {
  const { request } = outer;
  const depth = request.depth + 1;
  if (depth > maxDepth) throw bridgeError('NESTED_TOO_DEEP', { tool, depth, limit: maxDepth });
  const leftMs = outer.remainingMs();
  if (leftMs === 0) {
    const operation = `tool "${tool}", called while "${request.tool}" was running for Python,`;
    const option = '{ timeout } of the outer call';
    throw bridgeError('TIMEOUT', { tool, operation, timeoutMs: 0, option });
  }
  return {
    timeoutMs: Math.min(timeoutMs, leftMs),
    signal: signal === undefined ? request.signal : AbortSignal.any([request.signal, signal]),
    metadata: { ...request.traceContext, [depthKey]: String(request.depth) },
  };
}
