import { resolve } from 'node:path';
import type { Logger, Telemetry } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { showValue } from './config-fault.ts';
import type { ConfigFault } from './config-fault.ts';
import type { ConfiguredPython, ResolvedConfig, ResolvedPool } from './config.ts';
import { isObject, readEnvironment, readLayer, resolveLayers } from './layers.ts';
import type { Layer } from './layers.ts';
import { poolSchema, runtimeSchema, sharedSchema } from './schema.ts';

/** Where a configuration is read; injected so that tests have their own. */
export interface ConfigSurroundings {
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Directory at which relative paths start. Default: that of this process. */
  readonly cwd?: string;
}

/**
 * Checks a whole configuration and fills it up, before anything is started.
 *
 * An environment variable wins over the pool's option, that over the option of the same name at the top level, and that
 * over the default (R9.5).
 *
 * @param config - What the user gave; anything, because JavaScript and JSON files know no types.
 * @param surroundings - Environment and working directory.
 * @returns Every value known, checked, frozen.
 * @throws SnakepitError INVALID_CONFIG, with all faults at once: key, value, what is allowed.
 */
export function resolveConfig(
  config: unknown,
  surroundings: ConfigSurroundings = {},
): ResolvedConfig {
  const env = surroundings.env ?? process.env;
  const cwd = surroundings.cwd ?? process.cwd();
  if (!isObject(config)) {
    throw invalid([
      {
        where: 'config',
        message: `the configuration is ${showValue(config)}; it must be an object such as { pools: [{ name: 'default', adapter: 'my_app.adapter.MyAdapter' }] }.`,
      },
    ]);
  }
  const faults: ConfigFault[] = [];
  const top = readLayer({ ...sharedSchema, ...runtimeSchema }, config, '', faults, [
    'pools',
    'logger',
    'telemetry',
  ]);
  const overrides = readEnvironment({ ...sharedSchema, ...runtimeSchema }, env, faults);
  const logger = readObject<Logger>(config, 'logger', logLevels, faults);
  const telemetry = readObject<Telemetry>(config, 'telemetry', busFunctions, faults);
  const pools = readPools(config, faults).map(({ value, path }) =>
    resolvePool({ value, path, top, overrides, cwd, faults }),
  );
  refuseDuplicates(pools, faults);
  const runtime = resolveLayers(runtimeSchema, [overrides, top], '', faults);
  if (faults.length > 0) throw invalid(faults);
  return Object.freeze({
    ...runtime,
    stateDir: absolute(cwd, runtime.stateDir),
    socketDir: absolute(cwd, runtime.socketDir),
    logger,
    telemetry,
    pools: Object.freeze(pools),
  });
}

function invalid(faults: readonly ConfigFault[]): Error {
  return bridgeError('INVALID_CONFIG', { faults });
}

interface PoolSource {
  readonly value: object;
  readonly path: string;
}

function readPools(config: object, faults: ConfigFault[]): readonly PoolSource[] {
  const pools: unknown = 'pools' in config ? config.pools : undefined;
  if (!Array.isArray(pools) || pools.length === 0) {
    const what = pools === undefined ? 'is missing' : `is ${showValue(pools)}`;
    faults.push({
      where: 'pools',
      message: `pools ${what}; it must be an array with at least one pool such as { name: 'default', adapter: 'my_app.adapter.MyAdapter' }.`,
    });
    return [];
  }
  return (pools as readonly unknown[]).flatMap((value, index) => {
    const path = `pools[${index}]`;
    if (isObject(value)) return [{ value, path }];
    faults.push({
      where: path,
      message: `${path} is ${showValue(value)}; it must be an object with at least name and adapter.`,
    });
    return [];
  });
}

function resolvePool(source: {
  readonly value: object;
  readonly path: string;
  readonly top: Layer;
  readonly overrides: Layer;
  readonly cwd: string;
  readonly faults: ConfigFault[];
}): ResolvedPool {
  const { value, path, top, overrides, faults } = source;
  const own = readLayer(poolSchema, value, path, faults);
  const layers = [overrides, own, top];
  const values = resolveLayers(poolSchema, layers, path, faults);
  const cwd = resolve(source.cwd, values.cwd ?? '.');
  return Object.freeze({
    ...values,
    heartbeat: resolveHeartbeat(values.heartbeat, layers, path, faults),
    python: whichPython(values.python, own, overrides, path),
    cwd,
    pythonPath: Object.freeze(values.pythonPath.map((directory) => resolve(cwd, directory))),
    adapterArgs: Object.freeze(values.adapterArgs),
    env: Object.freeze({ ...asEnv(top['env']), ...asEnv(own['env']) }),
  });
}

function resolveHeartbeat(
  heartbeat: ResolvedPool['heartbeat'],
  layers: readonly Layer[],
  path: string,
  faults: ConfigFault[],
): ResolvedPool['heartbeat'] {
  const { pingIntervalMs, timeoutThresholdMs } = heartbeat;
  const saidByUser = layers.some((layer) => {
    const group = layer['heartbeat'];
    return isObject(group) && 'timeoutThreshold' in group && group.timeoutThreshold !== undefined;
  });
  if (!saidByUser) {
    // Somebody who only pings less often must not thereby make every worker look dead between two pings.
    const threshold = Math.max(timeoutThresholdMs, Math.min(3 * pingIntervalMs, 300_000));
    return Object.freeze({ ...heartbeat, timeoutThresholdMs: threshold });
  }
  if (timeoutThresholdMs <= pingIntervalMs) {
    const where = `${path}.heartbeat.timeoutThreshold`;
    faults.push({
      where,
      message: `${where} is ${timeoutThresholdMs}; it must be longer than heartbeat.pingInterval (${pingIntervalMs}), or every worker looks dead between two pings.`,
    });
  }
  return heartbeat;
}

function whichPython(
  path: string | undefined,
  own: Layer,
  overrides: Layer,
  where: string,
): ConfiguredPython | undefined {
  if (path === undefined) return undefined;
  if (overrides['python'] !== undefined) return Object.freeze({ path, source: 'SNAKEPIT_PYTHON' });
  const source = own['python'] === undefined ? 'python' : `${where}.python`;
  return Object.freeze({ path, source });
}

function refuseDuplicates(pools: readonly ResolvedPool[], faults: ConfigFault[]): void {
  const first = new Map<string, number>();
  pools.forEach(({ name }, index) => {
    const earlier = first.get(name);
    // A name that was refused is undefined here and has its own fault.
    if (typeof name !== 'string') return;
    if (earlier === undefined) {
      first.set(name, index);
      return;
    }
    const where = `pools[${index}].name`;
    faults.push({
      where,
      message: `${where} is ${showValue(name)}, which pools[${earlier}] is called already; every pool needs a name of its own.`,
    });
  });
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

const busFunctions = [
  'enabled',
  'emit',
  'on',
  'attachMany',
  'detach',
] as const satisfies readonly (keyof Telemetry)[];

/** What is an object with functions, which only its user can make. */
function readObject<T extends object>(
  config: object,
  key: string,
  functions: readonly (keyof T & string)[],
  faults: ConfigFault[],
): T | undefined {
  const value = (config as Readonly<Record<string, unknown>>)[key];
  if (value === undefined) return undefined;
  if (isObject(value)) {
    const members = value as Readonly<Record<string, unknown>>;
    // Looked at here, so it is one.
    if (functions.every((name) => typeof members[name] === 'function')) return value as T;
  }
  faults.push({
    where: key,
    message: `${key} is ${showValue(value)}; it must be an object with the functions ${functions.join(', ')}.`,
  });
  return undefined;
}

function asEnv(layerValue: unknown): Readonly<Record<string, string>> {
  // Accepted by its field before: a map of strings, or not said.
  return (layerValue ?? {}) as Readonly<Record<string, string>>;
}

function absolute(cwd: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(cwd, path);
}
