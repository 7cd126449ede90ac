import type { CallOptions, CallStreamOptions } from '../call-options.ts';
import { bridgeError } from '../errors.ts';
import type { ToolArguments } from '../pool/caller.ts';
import type { Pool } from '../pool/pool-handle.ts';
import type { Session } from '../pool/session.ts';
import type { Snakepit } from '../snakepit.ts';
import { signatureOf, type ToolInfo } from './tool-info.ts';

/** What a generated client knows of the adapter that it was made from. */
export interface ClientManifest {
  /** Dotted path of the adapter. */
  readonly adapter: string;
  /** What to type to make it again. */
  readonly command: string;
  /** The tools: their signatures, and whether they are streams. */
  readonly tools: Readonly<
    Record<string, { readonly signature: string; readonly stream: boolean }>
  >;
}

/** How a generated client is bound. */
export interface BindToolsOptions {
  /** Which pool; default that of the session, or the first of the configuration. */
  readonly pool?: string | undefined;
  /** The session whose calls it makes; default none. */
  readonly session?: Session | undefined;
  /** What happens when the running adapter is another than the one that the types are of. Default `throw`. */
  readonly onStale?: 'throw' | 'warn' | undefined;
}

type Target = Pick<Snakepit | Pool | Session, 'execute' | 'stream'>;

/** One line of a generated client: a tool as a method. */
type Method = (args?: ToolArguments, options?: CallOptions & CallStreamOptions) => unknown;

/**
 * Makes the methods of a generated client, and compares its types with what the workers offer: what was changed since, or is
 * not there any more, is told. Tools that came anew are told as a warning, for the types are right without them.
 *
 * Called by what `snakepit gen types` writes.
 *
 * @throws SnakepitError STALE_TYPES; POOL_NOT_FOUND; WORKER_UNAVAILABLE when no worker is ready.
 */
export async function bindTools<C extends object>(
  snakepit: Snakepit,
  manifest: ClientManifest,
  options: BindToolsOptions = {},
): Promise<C> {
  const { session, onStale = 'throw' } = options;
  const pool = session?.pool ?? options.pool;
  const offered = await snakepit.tools({ pool });
  const stale = compare(manifest, offered, pool);
  if (stale !== undefined) {
    if (onStale === 'throw' && stale.isWrong) throw stale.error;
    snakepit.system.logger.warn(stale.error.message);
  }
  const inPool = pool === undefined ? snakepit : snakepit.pool(pool);
  const target: Target = session ?? inPool;
  const methods = Object.entries(manifest.tools).map(([name, { stream }]): [string, Method] => [
    name,
    stream
      ? (args, options) => target.stream(name, args, options)
      : (args, options) => target.execute(name, args, options),
  ]);
  return Object.freeze(Object.fromEntries(methods)) as C;
}

function compare(
  { adapter, command, tools }: ClientManifest,
  offered: readonly ToolInfo[],
  pool: string | undefined,
): { readonly error: Error; readonly isWrong: boolean } | undefined {
  const now = new Map(offered.map((tool) => [tool.name, tool]));
  const names = Object.keys(tools);
  const missing = names.filter((name) => !now.has(name));
  const changed = names.filter((name) => {
    const tool = now.get(name);
    // Of workers of the original nothing is known but the name.
    if (tool === undefined || Object.keys(tool.inputSchema).length === 0) return false;
    return signatureOf(tool) !== tools[name]?.signature;
  });
  const added = [...now.keys()].filter((name) => !Object.hasOwn(tools, name));
  if (missing.length + changed.length + added.length === 0) return undefined;
  const details = { adapter, pool, changed, missing, added, command };
  return {
    error: bridgeError('STALE_TYPES', details),
    isWrong: missing.length + changed.length > 0,
  };
}
