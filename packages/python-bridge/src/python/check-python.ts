import { delimiter } from 'node:path';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import { parseObject } from '../bridge/codec.ts';
import { runCommand } from './run-command.ts';

/** Oldest Python that the bridge runs on. */
export const oldestPython = '3.9';

/** A package that a worker imports. */
export interface PackageCheck {
  /** Name to install it by: `grpcio`, `protobuf`, `snakepit_bridge`. */
  readonly name: string;
  /** Its version; undefined when it does not say, or cannot be imported. */
  readonly version: string | undefined;
  /** Why it cannot be imported; undefined when it can. */
  readonly fault: string | undefined;
}

/** What an interpreter is good for. */
export type PythonCheck =
  | {
      /** It runs; see `recentEnough` and `packages`. */
      readonly kind: 'runs';
      /** Such as `3.11.7`. */
      readonly version: string;
      /** Whether it is at least {@link oldestPython}. */
      readonly recentEnough: boolean;
      /** Whether it runs without the global lock, so that threads compute side by side. */
      readonly freeThreaded: boolean;
      /** What a worker imports, in the order in which to repair it. */
      readonly packages: readonly PackageCheck[];
    }
  | {
      /** It does not run, or is no Python. */
      readonly kind: 'broken';
      /** What happened. */
      readonly detail: string;
    };

/** How an interpreter is checked. */
export interface CheckOptions {
  /** Directory that holds `snakepit_bridge`. Default: that of this package. */
  readonly pythonDir?: string;
  /** Working directory. Default: that of this process. */
  readonly cwd?: string;
  /** Milliseconds until it counts as broken. Default 30 000: the first import after an installation compiles. */
  readonly timeoutMs?: number;
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives up: it then counts as broken. */
  readonly signal?: AbortSignal;
}

// Understood by every Python since 2.7, so that an old one can say how old it is.
const script = `
import json, sys
report = {"version": "%d.%d.%d" % tuple(sys.version_info[:3]), "packages": []}
for module, name in (("grpc", "grpcio"), ("google.protobuf", "protobuf"), ("snakepit_bridge", "snakepit_bridge")):
    entry = {"name": name}
    try:
        entry["version"] = getattr(__import__(module, fromlist=["x"]), "__version__", None)
    except BaseException as error:
        entry["fault"] = "%s: %s" % (type(error).__name__, error)
    report["packages"].append(entry)
report["gil"] = getattr(sys, "_is_gil_enabled", lambda: True)()
sys.stdout.write("\\n" + json.dumps(report) + "\\n")
`;

/**
 * Runs an interpreter once and asks what it has.
 *
 * @param executable - Absolute path of the interpreter.
 * @returns Data; nothing is thrown for an interpreter that is of no use.
 */
export async function checkPython(
  executable: string,
  options: CheckOptions = {},
): Promise<PythonCheck> {
  const { env = process.env, timeoutMs = 30_000, cwd } = options;
  const pythonDir = options.pythonDir ?? findBridgeFiles().pythonDir;
  const pythonPath = [pythonDir, env['PYTHONPATH']].filter((entry) => (entry ?? '') !== '');
  const result = await runCommand(executable, ['-u', '-c', script], {
    cwd,
    timeoutMs,
    signal: options.signal,
    env: { ...env, PYTHONPATH: pythonPath.join(delimiter), PYTHONNOUSERSITE: '1' },
  });
  const report = parseObject(result.lastLine);
  if (report === undefined || typeof report['version'] !== 'string') {
    const said = result.tail.length === 0 ? 'it printed nothing' : result.tail.join('\n');
    const end = result.failure ?? `it exited with code ${String(result.code)}`;
    return { kind: 'broken', detail: `${end}: ${said}` };
  }
  return {
    kind: 'runs',
    version: report['version'],
    recentEnough: isRecentEnough(report['version']),
    freeThreaded: report['gil'] === false,
    packages: readPackages(report['packages']),
  };
}

/** Whether a version is at least {@link oldestPython}. */
export function isRecentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestPython.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

function readPackages(value: unknown): readonly PackageCheck[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly Readonly<Record<string, unknown>>[]).map(
    ({ name, version, fault }) => ({
      name: String(name),
      version: typeof version === 'string' ? version : undefined,
      fault: typeof fault === 'string' ? fault : undefined,
    }),
  );
}
