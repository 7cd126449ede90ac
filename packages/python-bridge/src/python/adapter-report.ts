import { delimiter } from 'node:path';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import { parseObject } from '../bridge/codec.ts';
import type { ConfiguredPython } from '../config/config.ts';
import { bridgeError } from '../errors.ts';
import { readDescription } from '../tools/describe-tools.ts';
import type { ToolInfo } from '../tools/tool-info.ts';
import { findPython } from './find-python.ts';
import { runCommand, type CommandResult } from './run-command.ts';

/** An adapter, and where it is looked for. */
export interface AdapterQuestion {
  /** Dotted path of its class. */
  readonly adapter: string;
  /** Working directory; modules in it can be imported. */
  readonly cwd: string;
  /** Further directories to import from. */
  readonly pythonPath: readonly string[];
  /** Variables on top of `base`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Environment of this process. */
  readonly base: Readonly<Record<string, string | undefined>>;
  /** How many calls are to run at the same time, for the thread profile; it must be made for that then. */
  readonly threads?: number | undefined;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/** What a Python said of an adapter. */
export interface AdapterReport {
  /** What it said; undefined when it said nothing that can be understood. */
  readonly report: Readonly<Record<string, unknown>> | undefined;
  /** How it went. */
  readonly result: CommandResult;
}

/** Has a Python import an adapter and tell about it. */
export async function askAdapter(
  executable: string,
  { adapter, cwd, pythonPath, env, base, threads, signal }: AdapterQuestion,
): Promise<AdapterReport> {
  const usual = env['PYTHONPATH'] ?? base['PYTHONPATH'] ?? '';
  const path = [findBridgeFiles().pythonDir, ...pythonPath, usual];
  const together = threads === undefined ? [] : ['--max-workers', String(threads)];
  const result = await runCommand(
    executable,
    ['-u', '-m', 'snakepit_bridge', '--health-check', '--adapter', adapter, ...together],
    {
      cwd,
      timeoutMs: 60_000,
      signal,
      // Importing it may take for ever.
      lifeline: true,
      env: {
        ...base,
        ...env,
        PYTHONPATH: path.filter((entry) => entry !== '').join(delimiter),
        PYTHONNOUSERSITE: '1',
      },
    },
  );
  return { report: parseObject(result.lastLine), result };
}

/** Why an adapter cannot be used, as Python said it. */
export function faultOfAdapter({ report, result }: AdapterReport): string {
  const error = report?.['error'];
  const said =
    typeof error === 'object' && error !== null && 'message' in error
      ? [
          String(error.message),
          'traceback' in error && typeof error.traceback === 'string' ? error.traceback : '',
        ]
      : [result.failure ?? `exit code ${String(result.code)}`, result.tail.join('\n')];
  return said.filter((part) => part !== '').join('\n');
}

/** An adapter whose tools are asked for without a pool. */
export interface DescribeAdapterOptions {
  /** Dotted path of its class. */
  readonly adapter: string;
  /** Directory of the user's project. */
  readonly projectDir: string;
  /** The interpreter; default as for a pool. */
  readonly python?: ConfiguredPython | undefined;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tools of an adapter, from its signatures, type hints and docstrings; its code is imported, and no pool is started.
 *
 * @throws SnakepitError ENVIRONMENT, when no Python is found, when it cannot import the adapter, or when the adapter has no
 *   tools that could be described.
 */
export async function describeAdapter(
  options: DescribeAdapterOptions,
): Promise<readonly ToolInfo[]> {
  const { adapter, projectDir: cwd, python, env: base, signal } = options;
  const { executable } = findPython({ python, projectDir: cwd, env: base });
  const answer = await askAdapter(executable, {
    ...{ adapter, cwd, base, signal, pythonPath: [], env: {} },
  });
  const specs: unknown = answer.report?.['specs'];
  const tools = Array.isArray(specs) ? specs.map(readDescription) : [];
  if (answer.report?.['ok'] === true && tools.length > 0) return tools;
  const problem =
    answer.report?.['ok'] === true
      ? `${adapter} has no method with @tool: what it can do is known to its execute_tool only`
      : `the adapter ${adapter} cannot be looked at: ${faultOfAdapter(answer)}`;
  const advice =
    'correct the adapter, run this where it can be imported from, or name its Python with --python.';
  throw bridgeError('ENVIRONMENT', { problem, advice });
}
