import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSnakepitError } from '@snakepit/core';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import type { ConfiguredPython, ResolvedPool } from '../config/config.ts';
import { LONGEST_SOCKET_NAME } from '../hosts/local/local-host.ts';
import { currentPlatform } from '../os/platform/current.ts';
import { createContainmentProber, describeContainment } from '../hosts/local/strict-descendants.ts';
import { maxSocketPathBytes, shortDirectories } from '../os/private-directory.ts';
import { createRunId, stateDirectoryChoices } from '../os/run-records.ts';
import { errorCode } from '../os/system-error.ts';
import { chooseLaunch, describeLaunch } from '../pool/choose-launch.ts';
import type { RoomyPool } from '../pool/worker-room.ts';
import { askAdapter, faultOfAdapter } from './adapter-report.ts';
import { checkPython, oldestPython } from './check-python.ts';
import type { PackageCheck } from './check-python.ts';
import { findPython } from './find-python.ts';
import type { FoundPython } from './find-python.ts';
import { reportRoom } from './room-report.ts';

/** One thing that the doctor looked at. */
export interface Finding {
  /** What was looked at: `node`, `python`, `python-version`, `grpcio`, `adapter:default`, … */
  readonly id: string;
  /** Whether it is as it must be. */
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to type or change; empty when it is fine. */
  readonly remedy: string;
}

/** What of a pool the doctor needs. */
export type DoctorPool = Pick<
  ResolvedPool,
  'name' | 'adapter' | 'python' | 'pythonPath' | 'cwd' | 'env'
> &
  Partial<RoomyPool & Pick<ResolvedPool, 'serverScript'>>;

/** What the doctor is to look at. */
export interface DoctorOptions {
  /** Directory of the user's project. Default: the working directory. */
  readonly projectDir?: string;
  /** Pools whose interpreter and adapter are to be tried. Default: none; then only the environment is looked at. */
  readonly pools?: readonly DoctorPool[];
  /** The interpreter to look at when no pool names one; see {@link findPython}. */
  readonly python?: ConfiguredPython | undefined;
  /** Directory of the run records, when the configuration names one. */
  readonly stateDir?: string | undefined;
  /** Directory of the sockets, when the configuration names one. */
  readonly socketDir?: string | undefined;
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Version of Node. Default: that of this process. */
  readonly nodeVersion?: string;
  /** Gives up; what was started is ended. */
  readonly signal?: AbortSignal;
}

const setUp = 'run `npx snakepit setup`.';

/**
 * Looks at everything that Snakepit needs and says what is missing and what to do about it.
 *
 * @returns One finding a thing, in the order in which to repair them; it never throws for what it finds.
 * @throws The reason of the signal, when that gives up.
 */
export async function runDoctor(options: DoctorOptions = {}): Promise<readonly Finding[]> {
  const findings = [checkNode(options.nodeVersion ?? process.versions.node)];
  const pools: readonly (DoctorPool | undefined)[] =
    options.pools === undefined || options.pools.length === 0 ? [undefined] : options.pools;
  const seen = new Map<string, boolean>();
  for (const pool of pools) {
    const { found, finding } = locate(pool, options);
    if (found === undefined) {
      findings.push(finding);
      continue;
    }
    const known = seen.get(found.executable);
    if (known === undefined) {
      const about = await checkInterpreter(found, options);
      findings.push(finding, ...about);
      seen.set(
        found.executable,
        about.every(({ ok }) => ok),
      );
    }
    // An adapter cannot be tried without what it is served by; that has its own findings.
    if (pool !== undefined && seen.get(found.executable) === true) {
      findings.push(await checkAdapter(pool, found, options));
    }
    findings.push(...launchOf(pool));
  }
  for (const [python, isFine] of seen) {
    options.signal?.throwIfAborted();
    if (isFine) findings.push(await checkDescendants(python, options));
  }
  options.signal?.throwIfAborted();
  findings.push(checkStateDirectory(options), checkSocketPath(options));
  return [...findings, reportRoom(options.pools ?? []), protection()];
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  const remedy = ok ? '' : 'install Node 20.19 or newer.';
  return { id: 'node', ok, detail: `Node ${version}; 20.19 or newer is needed`, remedy };
}

function locate(
  pool: DoctorPool | undefined,
  { projectDir, env, python }: DoctorOptions,
): { readonly found: FoundPython | undefined; readonly finding: Finding } {
  try {
    const found = findPython({ python: pool?.python ?? python, projectDir, env });
    const detail = `${found.executable} (${found.source})`;
    return { found, finding: { id: 'python', ok: true, detail, remedy: '' } };
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    const detail = String(error.details['problem']);
    return { found: undefined, finding: { id: 'python', ok: false, detail, remedy: error.remedy } };
  }
}

async function checkInterpreter(
  found: FoundPython,
  { env, signal }: DoctorOptions,
): Promise<readonly Finding[]> {
  const { executable } = found;
  const check = await checkPython(executable, {
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (check.kind === 'broken') {
    const remedy = 'repair this Python or name another one with SNAKEPIT_PYTHON.';
    const detail = `${executable} does not run: ${check.detail}`;
    return [{ id: 'python-version', ok: false, detail, remedy }];
  }
  const version: Finding = {
    id: 'python-version',
    ok: check.recentEnough,
    detail: `Python ${check.version}${check.freeThreaded ? ', free-threaded' : ''}; ${oldestPython} or newer is needed`,
    remedy: check.recentEnough
      ? ''
      : `install Python ${oldestPython} or newer, name it with SNAKEPIT_PYTHON, and ${setUp}`,
  };
  return [version, ...check.packages.map((entry) => packageFinding(entry, found))];
}

function packageFinding({ name, version, fault }: PackageCheck, found: FoundPython): Finding {
  if (fault === undefined) {
    return { id: name, ok: true, detail: `${name} ${version ?? 'can be imported'}`, remedy: '' };
  }
  // The bridge is no package to install: it travels with this one, so what it lacks is what setup installs.
  const remedy = found.isNamed
    ? `${found.source} names this Python, so what \`npx snakepit setup\` makes would not be used: install it there with \`${found.executable} -m pip install grpcio protobuf\`, or take ${found.source} away and ${setUp}`
    : setUp;
  return { id: name, ok: false, detail: `${name} cannot be imported: ${fault}`, remedy };
}

async function checkAdapter(
  pool: DoctorPool,
  { executable }: FoundPython,
  options: DoctorOptions,
): Promise<Finding> {
  if (pool.serverScript !== undefined) return checkServer(pool.name, pool.serverScript);
  const { env: base = process.env, signal } = options;
  const threads = pool.profile === 'thread' ? pool.threadsPerWorker : undefined;
  const answer = await askAdapter(executable, { ...pool, base, threads, signal });
  const { report } = answer;
  const id = `adapter:${pool.name}`;
  if (report?.['ok'] === true) {
    const tools = Array.isArray(report['tools']) ? report['tools'].map(String) : [];
    const detail = `${pool.adapter} has ${tools.length} tools: ${tools.join(', ')}`;
    return { id, ok: true, detail, remedy: '' };
  }
  return {
    id,
    ok: false,
    detail: `${pool.adapter}: ${faultOfAdapter(answer)}`,
    remedy:
      'correct the adapter, or where it is looked for (pools[].adapter, pools[].cwd, pools[].pythonPath), or install what it imports.',
  };
}

/** Its adapters are made for a server of the original, and ours could not import what they import from that. */
function checkServer(pool: string, serverScript: string): Finding {
  const ok = existsSync(serverScript);
  const detail = `${serverScript}, the server of pool "${pool}", is ${ok ? 'there' : 'not there'}; its adapter was not tried`;
  const remedy = ok ? '' : 'correct pools[].serverScript.';
  return { id: `server:${pool}`, ok, detail, remedy };
}

/** Which way the workers of a pool go, and why: no fault, but what to know. */
function launchOf(pool: DoctorPool | undefined): readonly Finding[] {
  if (pool?.launch === undefined) return [];
  const { name, launch, compat, descendants = 'usual', preload = [], size = 1 } = pool;
  const launched = { launch, compat, descendants, preload, size };
  const choice = chooseLaunch(launched, currentPlatform.name);
  const detail = `the workers of pool "${name}" are ${describeLaunch(choice, preload)}`;
  return [{ id: `launch:${name}`, ok: true, detail, remedy: '' }];
}

async function checkDescendants(
  python: string,
  { pools = [], env = process.env }: DoctorOptions,
): Promise<Finding> {
  const probe = await createContainmentProber(findBridgeFiles().pythonDir)(python);
  const isWanted =
    env['SNAKEPIT_DESCENDANTS'] === 'strict' ||
    pools.some(({ descendants }) => descendants === 'strict');
  const ok = probe.best !== undefined || !isWanted;
  return {
    id: 'descendants',
    ok,
    detail: `with descendants: 'strict', ${describeContainment(probe)}`,
    remedy: ok
      ? ''
      : "choose descendants: 'usual' (SNAKEPIT_DESCENDANTS=usual), or change what is said to be in its way.",
  };
}

function checkStateDirectory({ stateDir, env }: DoctorOptions): Finding {
  const choices = stateDirectoryChoices(stateDir, env);
  const usable = choices.find(({ path }) => canMake(path));
  if (usable !== undefined) {
    return { id: 'state-dir', ok: true, detail: `run records go to ${usable.path}`, remedy: '' };
  }
  return {
    id: 'state-dir',
    ok: false,
    detail: `run records cannot be written to ${choices.map(({ path }) => path).join(' or ')}`,
    remedy: 'name a directory that can be written with stateDir or SNAKEPIT_STATE_DIR.',
  };
}

function checkSocketPath({ socketDir }: DoctorOptions): Finding {
  const limit = maxSocketPathBytes();
  // The runtime makes a directory of its own below, named after the run.
  const runId = createRunId();
  const own = socketDir === undefined ? undefined : join(socketDir, runId);
  const places = [...(own === undefined ? [] : [own]), ...shortDirectories(runId)];
  const fits = (place: string): boolean =>
    Buffer.byteLength(join(place, LONGEST_SOCKET_NAME)) <= limit && canMake(place);
  const usable = places.find(fits);
  if (usable !== undefined) {
    const why =
      usable === own || socketDir === undefined
        ? ''
        : `; ${socketDir} is too long or cannot be written`;
    const detail = `sockets go below ${dirname(usable)}${why}`;
    return { id: 'socket-path', ok: true, detail, remedy: '' };
  }
  return {
    id: 'socket-path',
    ok: false,
    detail: `no directory is both writable and short enough for a socket (${limit} bytes): ${places.map((place) => dirname(place)).join(', ')}`,
    remedy: 'name a short directory that can be written with socketDir, or set TMPDIR to one.',
  };
}

/** What ends the workers when the runtime is killed: no fault, but what to know of this machine. */
function protection(): Finding {
  const { name, evidence, layers, advice } = currentPlatform;
  const present = layers.flatMap(({ layer, how }) => (how === undefined ? [] : layer));
  const detail = `against processes left behind, ${evidence} on ${name}: ${present.join(', ')}`;
  return { id: 'protection', ok: true, detail, remedy: advice };
}

// Whether a directory is there and can be written, or could be made; nothing is made by looking.
function canMake(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    return missing && dirname(path) !== path && canMake(dirname(path));
  }
}
