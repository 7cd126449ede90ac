import {
  createToolTable,
  type ToolRequest,
  type ToolRunner,
  type ToolTable,
} from '../bridge/tool-table.ts';
import { readCaller } from '../bridge/node-tool.ts';
import type { ExecuteOptions, SessionOptions } from '../call-options.ts';
import type { ToolArguments } from '../pool/caller.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import type { Pools } from '../pool/pools.ts';
import type { Session } from '../pool/session.ts';
import { createNesting, type Nesting } from './nesting.ts';
import { createNodeTools, type NodeTools } from './node-tools.ts';

/** What the tools of a Snakepit need of it. Asked only when it has been made. */
export interface ToolDeskParts {
  /** Time in milliseconds. */
  readonly now: () => number;
  /** All pools. */
  readonly pools: () => Pools;
  /** Whether there is a session with this id. */
  readonly hasSession: (id: string) => boolean;
  /** Calls Python. */
  readonly execute: (
    tool: string,
    args: ToolArguments | undefined,
    options: ExecuteOptions,
  ) => Promise<unknown>;
  /** A session. */
  readonly session: (id: string, options: SessionOptions) => Session;
}

/** Tools in both directions, put together for one Snakepit. */
export interface ToolDesk {
  /** What Python can call. */
  readonly table: ToolTable;
  /** Knows of calls that are made while Python waits for Node. */
  readonly nesting: Nesting;
  /** Registers functions of Node. */
  readonly register: NodeTools['register'];
}

/** Puts together what tools in both directions need. */
export function createToolDesk(parts: ToolDeskParts): ToolDesk {
  const nesting = createNesting(parts.now);
  const runtimeOf = (pool: string | undefined): PoolRuntime | undefined =>
    parts.pools().runtimes.find(({ config }) => config.name === pool);
  const lendPlace = ({ caller, signal }: ToolRequest): (() => void) => {
    const takeBack = runtimeOf(caller?.pool)?.dispatcher.lend(caller?.worker ?? '');
    if (takeBack === undefined) return () => undefined;
    let isLent = true;
    const end = (): void => {
      if (isLent) takeBack();
      isLent = false;
    };
    // A function may go on when its caller has given up; the worker holds no place for that caller any more.
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
    return end;
  };
  const runnerOf = (label: string): { worker: string; run: ToolRunner } | undefined => {
    const caller = readCaller(label);
    if (caller === undefined) return undefined;
    const { pool, worker } = caller;
    if (runtimeOf(pool)?.workerIds.includes(worker) !== true) return undefined;
    return {
      worker: `${pool}/${worker}`,
      // Any worker of its pool has it: the session decides which.
      run: (args, request) =>
        nesting.run(request, async () => {
          const giveBack = lendPlace(request);
          try {
            return await parts.session(request.session, { pool }).execute(request.tool, args);
          } finally {
            giveBack();
          }
        }),
    };
  };
  const table = createToolTable({ workers: { runnerOf } });
  const { register } = createNodeTools({
    table,
    nesting,
    execute: parts.execute,
    hasSession: parts.hasSession,
    lendPlace,
  });
  return { table, nesting, register };
}
