import { dirname, resolve } from 'node:path';
import { bridgeError } from '../errors.ts';
import { currentPlatform } from '../os/platform/current.ts';
import type { Platform } from '../os/platform/platform.ts';
import { showValue } from './config-fault.ts';
import type { ConfigFault } from './config-fault.ts';
import type { ConfiguredPython, ResolvedConfig, ResolvedPool } from './config.ts';
import { layersBelow, readEnvironment, resolveLayers } from './layers.ts';
import type { Layer } from './layers.ts';
import { readConfig } from './read-config.ts';
import { refuseLaunch } from './resolve-launch.ts';
import { forcedByRemote, resolveRemote } from './resolve-remote.ts';
import { poolSchema, runtimeSchema, sharedSchema, suppliedSchema } from './schema.ts';

/** Where a configuration is read; injected so that tests have their own. */
export interface ConfigSurroundings {
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Directory at which relative paths start. Default: that of this process. */
  readonly cwd?: string;
  /** Name of the operating system. Default: this one's. */
  readonly platform?: Platform['name'];
}

/** What says something about the pools, each by itself; only allowed values. */
export interface ConfigSources {
  /** The environment variables. */
  readonly environment: Layer;
  /** The top level. */
  readonly top: Layer;
  /** The pools by their index; undefined where there is something that is no pool. */
  readonly pools: readonly (Layer | undefined)[];
}

/** A configuration, and what it was made of. */
export interface ConfigReading {
  /** Everything that is wrong; while there is something, `config` is incomplete. */
  readonly faults: readonly ConfigFault[];
  /** Every value known and frozen; undefined when what was given is no configuration at all. */
  readonly config: ResolvedConfig | undefined;
  /** Who says what. */
  readonly sources: ConfigSources;
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
  const { faults, config: resolved } = readSources(config, surroundings);
  if (faults.length > 0 || resolved === undefined) throw bridgeError('INVALID_CONFIG', { faults });
  return resolved;
}

/** What {@link resolveConfig} does, with the sources of each value, and without throwing. */
export function readSources(config: unknown, surroundings: ConfigSurroundings): ConfigReading {
  const env = surroundings.env ?? process.env;
  const cwd = surroundings.cwd ?? process.cwd();
  const platform = surroundings.platform ?? currentPlatform.name;
  const faults: ConfigFault[] = [];
  const environment = readEnvironment({ ...sharedSchema, ...runtimeSchema }, env, faults);
  const given = readConfig(config, faults);
  if (given === undefined) {
    return { faults, config: undefined, sources: { environment, top: {}, pools: [] } };
  }
  const { top } = given;
  const sources: ConfigSources = { environment, ...given };
  const pools = given.pools.map((_, index) =>
    resolvePool({ index, sources, cwd, platform, faults }),
  );
  refuseDuplicates(pools, faults);
  const runtime = resolveLayers(runtimeSchema, [environment, top], '', faults);
  const resolved = Object.freeze({
    ...runtime,
    ...resolveLayers(suppliedSchema, [top], '', faults),
    stateDir: absolute(cwd, runtime.stateDir),
    socketDir: absolute(cwd, runtime.socketDir),
    pools: Object.freeze(pools.filter((pool) => pool !== undefined)),
  });
  return { faults, config: resolved, sources };
}

function resolvePool(options: {
  readonly index: number;
  readonly sources: ConfigSources;
  readonly cwd: string;
  readonly platform: Platform['name'];
  readonly faults: ConfigFault[];
}): ResolvedPool | undefined {
  const { index, platform, faults } = options;
  const { environment, top, pools } = options.sources;
  const own = pools[index];
  if (own === undefined) return undefined;
  const path = `pools[${index}]`;
  const layers = [forcedByRemote(own), environment, own, top];
  const values = resolveLayers(poolSchema, layers, path, faults);
  const remote = resolveRemote(values.remote, own, options.cwd, path, faults);
  const { compat, serverScript } = compatOf(values, remote !== undefined, options.cwd);
  if (remote === undefined) refuseHalfCompat(values, path, faults);
  refuseOtherProfile(values.profile, own, path, faults);
  const { launch, descendants, preload, size } = values;
  const speakers = { environment, own, top, path };
  // What others start is no matter of ours.
  if (remote === undefined) {
    const launched = { launch, compat, descendants, preload, size };
    refuseLaunch(launched, platform, speakers, faults);
  }
  // The original's servers run where they are, unless somebody says otherwise (SNK §3.2).
  const ownPlace = serverScript === undefined ? '.' : dirname(serverScript);
  const cwd = resolve(options.cwd, values.cwd ?? ownPlace);
  return Object.freeze({
    ...values,
    concurrency: values.profile === 'thread' ? values.threadsPerWorker : values.concurrency,
    heartbeat: resolveHeartbeat(values.heartbeat, layersBelow(layers, 'heartbeat'), path, faults),
    python: whichPython(values.python, own, environment, path),
    cwd,
    remote,
    compat,
    serverScript,
    pythonPath: Object.freeze(values.pythonPath.map((directory) => resolve(cwd, directory))),
  });
}

function resolveHeartbeat(
  heartbeat: ResolvedPool['heartbeat'],
  layers: readonly Layer[],
  path: string,
  faults: ConfigFault[],
): ResolvedPool['heartbeat'] {
  const { pingIntervalMs, timeoutThresholdMs } = heartbeat;
  if (layers.every(({ timeoutThreshold }) => timeoutThreshold === undefined)) {
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

/** A pool that says how many calls, and not by the key that counts in its profile, would wonder about its numbers. */
function refuseOtherProfile(
  profile: ResolvedPool['profile'],
  own: Layer,
  path: string,
  faults: ConfigFault[],
): void {
  const [idle, counts] =
    profile === 'thread'
      ? ['concurrency', 'threadsPerWorker']
      : ['threadsPerWorker', 'concurrency'];
  if (own[idle] === undefined) return;
  const where = `${path}.${idle}`;
  const message = `${where} is ${showValue(own[idle])}; with profile "${profile}" it does not count, say ${counts} instead.`;
  faults.push({ where, message });
}

function whichPython(
  path: string | undefined,
  own: Layer,
  environment: Layer,
  where: string,
): ConfiguredPython | undefined {
  if (path === undefined) return undefined;
  if (environment['python'] !== undefined) {
    return Object.freeze({ path, source: 'SNAKEPIT_PYTHON' });
  }
  const source = own['python'] === undefined ? 'python' : `${where}.python`;
  return Object.freeze({ path, source });
}

function refuseHalfCompat(
  { compat, serverScript }: Pick<ResolvedPool, 'compat' | 'serverScript'>,
  path: string,
  faults: ConfigFault[],
): void {
  if ((compat === undefined) === (serverScript === undefined)) return;
  const [missing, there] =
    compat === undefined ? ['compat', 'serverScript'] : ['serverScript', 'compat'];
  const where = `${path}.${missing}`;
  if (faults.some((fault) => [missing, where].includes(fault.where))) return;
  const example = `compat: 'snakepit-0.13', serverScript: 'deps/snakepit/priv/python/grpc_server.py'`;
  const message = `${where} is missing; it goes with ${there}, such as { ${example} }.`;
  faults.push({ where, message });
}

function refuseDuplicates(
  pools: readonly (ResolvedPool | undefined)[],
  faults: ConfigFault[],
): void {
  const first = new Map<string, number>();
  pools.forEach((pool, index) => {
    // A pool or a name that was refused has its own fault.
    const name = pool?.name;
    if (name === undefined) return;
    const earlier = first.get(name);
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

/** What the top level says of servers of the original is not meant for workers that others start. */
function compatOf(
  { compat, serverScript }: Pick<ResolvedPool, 'compat' | 'serverScript'>,
  isRemote: boolean,
  cwd: string,
): Pick<ResolvedPool, 'compat' | 'serverScript'> {
  if (isRemote) return { compat: undefined, serverScript: undefined };
  return { compat, serverScript: absolute(cwd, serverScript) };
}

function absolute(cwd: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(cwd, path);
}
