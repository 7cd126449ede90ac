import type { ConfigFault } from './config-fault.ts';
import type { ResolvedConfig } from './config.ts';
import { isObject } from './fields.ts';
import type { Field, Schema } from './fields.ts';
import { layersBelow, resolvedName } from './layers.ts';
import type { Layer } from './layers.ts';
import { readSources } from './resolve-config.ts';
import type { ConfigSurroundings } from './resolve-config.ts';
import { poolSchema, runtimeSchema } from './schema.ts';

/** One key of an effective configuration. */
export interface ExplainedValue {
  /** Path of the key, such as `pools[0].heartbeat.pingInterval`. */
  readonly key: string;
  /** Its value, as JSON can hold it: `"Infinity"` for Infinity, null for none; what may be secret is `"***"`. */
  readonly value: unknown;
  /** What is used where the value is null, in words; otherwise empty. */
  readonly meaning: string;
  /**
   * Who says so: `default`, `derived` (from another key), `top level`, `pools[0]`, or the name of an environment variable.
   * Where several count together they are joined by `, `.
   */
  readonly source: string;
}

/** What a configuration comes to, and why. */
export interface ConfigExplanation {
  /** Everything that is wrong with it. The values of keys that are wrong are those that would hold without them. */
  readonly faults: readonly ConfigFault[];
  /** Every key. */
  readonly values: readonly ExplainedValue[];
  /** The resolved configuration; undefined while there are faults. */
  readonly config: ResolvedConfig | undefined;
}

/** What says something, most important first. */
interface Speaker {
  readonly name: string | undefined;
  readonly layer: Layer;
}

/** A pool of which nothing is said, for when only the environment is to be explained. */
const silentPool = { name: 'default', adapter: 'package.module.Adapter' };

/**
 * Says of every key what it is and who says so.
 *
 * @param config - As for `Snakepit.start`; undefined for what the environment alone says of any pool.
 * @param surroundings - Environment and working directory.
 * @returns The values also where there are faults; nothing secret is in it, except in `config`.
 */
export function explainConfig(
  config: unknown,
  surroundings: ConfigSurroundings = {},
): ConfigExplanation {
  const isSilent = config === undefined;
  const reading = readSources(isSilent ? { pools: [silentPool] } : config, surroundings);
  const { faults, config: resolved } = reading;
  const { environment, top, pools } = reading.sources;
  if (resolved === undefined) return { faults, values: [], config: undefined };
  const above = [
    { name: undefined, layer: environment },
    { name: 'top level', layer: top },
  ];
  const values = explainSchema(runtimeSchema, resolved, above, '');
  let next = 0;
  pools.forEach((own, index) => {
    const pool = own === undefined ? undefined : resolved.pools[next++];
    if (own === undefined || pool === undefined) return;
    const path = `pools[${index}]`;
    const speakers = [...above.slice(0, 1), { name: path, layer: own }, ...above.slice(1)];
    const flat = { ...pool, python: pool.python?.path };
    // What holds for any pool is called as at the top level, where it could be said for all.
    values.push(...explainSchema(poolSchema, flat, speakers, isSilent ? '' : path));
  });
  return {
    faults,
    values: isSilent ? values.filter(({ key }) => !Object.hasOwn(silentPool, key)) : values,
    config: faults.length === 0 && !isSilent ? resolved : undefined,
  };
}

function explainSchema(
  schema: Schema,
  resolved: object,
  speakers: readonly Speaker[],
  path: string,
): ExplainedValue[] {
  return Object.entries(schema).flatMap(([key, entry]) => {
    const where = path === '' ? key : `${path}.${key}`;
    const own = resolved as Readonly<Record<string, unknown>>;
    if (entry.kind === 'group') {
      const layers = layersBelow(
        speakers.map(({ layer }) => layer),
        key,
      );
      const below = speakers.map(({ name }, index) => ({ name, layer: layers[index] ?? {} }));
      const values = own[key];
      return isObject(values) ? explainSchema(entry.fields, values, below, where) : [];
    }
    const value = own[resolvedName(key, entry)];
    return [
      {
        key: where,
        value: showable(entry, value),
        meaning: value === undefined ? entry.shownDefault.replaceAll('`', '') : '',
        source: sourceOf(key, entry, value, speakers),
      },
    ];
  });
}

function sourceOf(
  key: string,
  entry: Field<unknown>,
  value: unknown,
  speakers: readonly Speaker[],
): string {
  const said = speakers.filter(({ layer }) => layer[key] !== undefined);
  const names = said.map(({ name }) => name ?? entry.variable ?? 'environment');
  const [first] = names;
  const stated = said[0]?.layer[key];
  // In the thread profile `threadsPerWorker` counts, whoever says something of `concurrency`.
  if (typeof value === 'number' && stated !== undefined && stated !== value) return 'derived';
  if (first !== undefined) return entry.isMerged ? names.toReversed().join(', ') : first;
  return typeof value === 'number' && value !== entry.fallback() ? 'derived' : 'default';
}

function showable(entry: Field<unknown>, value: unknown): unknown {
  if (value === undefined) return null;
  if (value === Infinity) return 'Infinity';
  if (Array.isArray(value)) return hideArguments(value.map(String), entry.secret === true);
  if (entry.secret !== true) return value;
  if (!isObject(value)) return hidden;
  return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]));
}

const hidden = '***';

const secretName = /key|token|secret|passw|credential|auth/i;

/** Arguments of a command line, without the values of options that are called as secrets are. */
function hideArguments(values: readonly string[], all: boolean): readonly string[] {
  return values.map((value, index) => {
    if (all) return hidden;
    const before = values[index - 1] ?? '';
    if (/^-[^=]*$/.test(before) && secretName.test(before) && !value.startsWith('-')) return hidden;
    const [name = '', ...rest] = value.split('=');
    return rest.length > 0 && secretName.test(name) ? `${name}=${hidden}` : value;
  });
}
