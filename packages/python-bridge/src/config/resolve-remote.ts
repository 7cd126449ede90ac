import { resolve } from 'node:path';
import { faultOfToken, type RemotePlaces } from '../hosts/remote/remote-places.ts';
import type { ConfigFault } from './config-fault.ts';
import { isObject, type Resolved } from './fields.ts';
import type { Layer } from './layers.ts';
import type { remoteSchema } from './schema-remote.ts';

/** Keys that are about processes which we start. */
const ofOurProcesses = [
  ...['size', 'adapter', 'adapterArgs', 'python', 'pythonPath', 'cwd', 'env', 'envAllow'],
  ...['compat', 'serverScript', 'profile', 'threadsPerWorker', 'threadSafetyCheck'],
  ...['watchdog', 'descendants', 'unserializable', 'recycle', 'termTimeout', 'launch', 'preload'],
] as const;

/** What a pool says of workers that others start; `undefined` when it has workers of our own. */
function remoteOf(own: Layer): Layer | undefined {
  return isObject(own['remote']) ? (own['remote'] as Layer) : undefined;
}

/** What holds for a pool of workers that others start, whoever says something else. */
export function forcedByRemote(own: Layer): Layer {
  const remote = remoteOf(own);
  if (remote === undefined) return {};
  const { address } = remote;
  const never = { maxAge: Infinity, maxRequests: Infinity, maxMemoryBytes: Infinity };
  return {
    ...{ size: Array.isArray(address) ? address.length : 1, adapter: '', profile: 'process' },
    ...{ watchdog: false, descendants: 'usual', recycle: never },
    ...{ launch: 'spawn', preload: [] },
  };
}

/**
 * Checks what a pool says of workers that others start.
 *
 * @param values - The keys of `remote`, each allowed by itself.
 * @param own - What the pool says.
 * @param cwd - Where relative paths start.
 * @param path - Path of the pool in the configuration.
 * @param faults - Receives every fault found; no token is shown.
 */
export function resolveRemote(
  values: Resolved<(typeof remoteSchema)['fields']>,
  own: Layer,
  cwd: string,
  path: string,
  faults: ConfigFault[],
): RemotePlaces | undefined {
  if (remoteOf(own) === undefined) return undefined;
  const { token, tokenFile, address = [] } = values;
  const addresses = typeof address === 'string' ? [address] : address;
  const absolute = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : resolve(cwd, file);
  refuseOurs(own, path, faults);
  const where = `${path}.remote`;
  const blame = (key: string, what: string): void => {
    const at = `${where}.${key}`;
    // A value that was refused by itself has its fault.
    if (faults.every((fault) => fault.where !== at)) {
      faults.push({ where: at, message: `${at} ${what}` });
    }
  };
  checkAddresses(addresses, values.tls.ca, blame);
  checkToken(token, tokenFile, blame);
  checkTls(values.tls, blame);
  return Object.freeze({
    address: Object.freeze([...addresses]),
    tls: tlsOf(values.tls, absolute),
    token,
    tokenFile: absolute(tokenFile),
  });
}

type Blame = (key: string, what: string) => void;
type Tls = Resolved<(typeof remoteSchema)['fields']>['tls'];

function refuseOurs(own: Layer, path: string, faults: ConfigFault[]): void {
  for (const key of ofOurProcesses) {
    if (own[key] === undefined) continue;
    const where = `${path}.${key}`;
    const message = `${where} does not count with remote; say it where the workers are started.`;
    faults.push({ where, message });
  }
}

function checkAddresses(addresses: readonly string[], ca: string | undefined, blame: Blame): void {
  if (addresses.length === 0) {
    blame('address', 'is missing; it must be an address such as "gpu1.example.com:7443".');
  }
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (twice !== undefined) {
    blame('address', `names ${twice} twice; each worker has its own address.`);
  }
  const far = addresses.find((address) => !isLoopback(address));
  if (far !== undefined && ca === undefined) {
    blame('tls.ca', `is missing; ${far} is not on this machine's loopback and needs TLS.`);
  }
}

/** The same places at which workers listen without TLS. */
function isLoopback(address: string): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\]):\d+$/u.test(address);
}

function checkToken(token: string | undefined, tokenFile: string | undefined, blame: Blame): void {
  if (token !== undefined && tokenFile !== undefined) {
    blame('tokenFile', 'goes not with token; give one of them.');
  } else if (token === undefined && tokenFile === undefined) {
    blame('token', 'is missing; give the token of the workers, or tokenFile.');
  }
  const fault = token === undefined ? undefined : faultOfToken(token);
  if (fault !== undefined) blame('token', `${fault}.`);
}

function checkTls({ ca, cert, key, serverName }: Tls, blame: Blame): void {
  const isWanted = [cert, key, serverName].some((given) => given !== undefined);
  if (ca === undefined && isWanted) blame('tls.ca', 'is missing; it goes with the rest of tls.');
  if ((cert === undefined) === (key === undefined)) return;
  if (cert === undefined) blame('tls.cert', 'is missing; it goes with tls.key.');
  else blame('tls.key', 'is missing; it goes with tls.cert.');
}

function tlsOf(
  { ca, cert, key, serverName }: Tls,
  absolute: (file: string | undefined) => string | undefined,
): RemotePlaces['tls'] {
  const authorities = absolute(ca);
  if (authorities === undefined) return undefined;
  return Object.freeze({ ca: authorities, cert: absolute(cert), key: absolute(key), serverName });
}
