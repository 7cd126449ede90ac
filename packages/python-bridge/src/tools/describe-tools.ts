import type { Clock } from '@snakepit/core';
import type { CallPath } from '../bridge/call-path.ts';
import { encodeArguments } from '../bridge/codec.ts';
import { bridgeError } from '../errors.ts';
import type { WorkerReady } from '../hosts/worker-host.ts';
import { isSchema } from './json-schema.ts';
import { readToolInfo, type ToolInfo } from './tool-info.ts';

/** Name under which a worker tells about its tools; no method of an adapter can have it. */
const describeToolsName = 'snakepit.describe_tools';

/** Milliseconds that a worker may take to tell about its tools; its event loop may be held up by one of them. */
const timeoutMs = 30_000;

/**
 * Asks a worker what its tools are. Of one that cannot be asked, only their names are known.
 *
 * @throws SnakepitError as a call does.
 */
export async function describeTools(
  path: CallPath,
  { tools, toolsFingerprint }: Pick<WorkerReady, 'tools' | 'toolsFingerprint'>,
  clock: Clock,
): Promise<readonly ToolInfo[]> {
  if (toolsFingerprint === undefined) return tools.map((name) => readDescription({ name }));
  const value = await askWorker(path, describeToolsName, clock);
  if (Array.isArray(value)) return value.map(readDescription);
  throw bridgeError('PROTOCOL', {
    problem: 'it describes its tools as something else than a list',
  });
}

/**
 * Asks a worker something that needs no arguments.
 *
 * @param limitMs - How long it may take, in milliseconds.
 * @throws SnakepitError as a call does.
 */
export function askWorker(
  path: CallPath,
  tool: string,
  clock: Clock,
  limitMs = timeoutMs,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = { tool, arguments: encodeArguments({}) };
    const running = path.begin(
      call,
      { timeoutMs: limitMs },
      {
        settled: (error, result) => {
          clock.clearTimeout(timer);
          if (error === undefined) resolve(result);
          else reject(error);
        },
        released: () => undefined,
      },
    );
    const timer = clock.setTimeout(() => {
      const operation = `the answer to ${tool}`;
      running.cancel(bridgeError('TIMEOUT', { operation, timeoutMs: limitMs, option: 'nothing' }));
    }, limitMs);
  });
}

/** Reads what a worker said of a tool, wherever it was said. */
export function readDescription(said: unknown): ToolInfo {
  const fields = (isSchema(said) ? said : {}) as Readonly<Record<string, unknown>>;
  const { name, description, parameters, metadata, supportsStreaming } = fields;
  return readToolInfo({
    name: textOf(name),
    description: textOf(description),
    parameters: Array.isArray(parameters) ? parameters.filter(isSchema).map(readParameter) : [],
    metadata: isSchema(metadata)
      ? Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, textOf(text)]))
      : {},
    supportsStreaming: supportsStreaming === true,
  });
}

function readParameter(said: object): {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
} {
  const { name, type, required } = said as Readonly<Record<string, unknown>>;
  return { name: textOf(name), type: textOf(type), required: required === true };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
