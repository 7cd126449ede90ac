/**
 * Generates everything that follows from proto/snakepit_bridge.proto:
 * the Python stubs (grpcio-tools, pinned in priv/python/requirements.lock) and the TypeScript types
 * (proto-loader-gen-types). `--check` compares instead of writing, and exits 1 with the stale files.
 *
 * Usage: node scripts/proto.mjs [--check] [--python PATH]
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PROTO_FILE = 'snakepit_bridge.proto';

/**
 * How messages look in TypeScript. The client must load the contract with the same options:
 * `loadSync(path, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true })`.
 */
const TYPE_OPTIONS = [
  '--keepCase',
  '--longs=Number',
  '--enums=String',
  '--defaults',
  '--oneofs',
  '--grpcLib=@grpc/grpc-js',
  '--targetFileExtension=.ts',
  '--importFileExtension=.ts',
];

const TARGETS = [
  { dir: join('priv', 'python', 'snakepit_bridge', 'gen'), generate: generatePython },
  { dir: join('packages', 'python-bridge', 'src', 'gen'), generate: generateTypeScript },
];

class ProtoError extends Error {}

/** Runs one generator and fails with what it printed. */
function run(command, args, remedy) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (result.status === 0) return;
  const output = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new ProtoError(`${command} ${args.join(' ')}\nfailed: ${output}\n${remedy}`);
}

function defaultPython() {
  const bin = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return join(ROOT, '.venv', ...bin);
}

function generatePython(out, { python }) {
  if (!existsSync(python)) {
    throw new ProtoError(
      `No Python at ${python}.\nRemedy: node scripts/bootstrap.mjs, or pass --python PATH.`,
    );
  }
  run(
    python,
    ['-m', 'grpc_tools.protoc', '-Iproto']
      .concat(['python_out', 'pyi_out', 'grpc_python_out'].map((plugin) => `--${plugin}=${out}`))
      .concat(PROTO_FILE),
    'Remedy: install priv/python/requirements.lock with Python 3.9 to 3.12 (the pinned grpcio-tools has no build for newer ones).',
  );
  // The generator only knows top-level modules; ours live in a package.
  const stub = join(out, 'snakepit_bridge_pb2_grpc.py');
  const code = readFileSync(stub, 'utf8');
  const fixed = code.replace(
    /^import snakepit_bridge_pb2 as /m,
    'from . import snakepit_bridge_pb2 as ',
  );
  if (fixed === code) throw new ProtoError(`${stub} has no import to make relative.`);
  writeFileSync(stub, fixed);
  writeFileSync(
    join(out, '__init__.py'),
    '"""Generated from proto/snakepit_bridge.proto by `npm run proto`. Never edit."""\n',
  );
}

function generateTypeScript(out) {
  const require = createRequire(join(ROOT, 'packages', 'python-bridge', 'package.json'));
  let manifestPath;
  try {
    manifestPath = require.resolve('@grpc/proto-loader/package.json');
  } catch {
    throw new ProtoError('@grpc/proto-loader is not installed.\nRemedy: npm ci');
  }
  const bin = require(manifestPath).bin['proto-loader-gen-types'];
  run(
    process.execPath,
    [
      join(dirname(manifestPath), bin),
      ...TYPE_OPTIONS,
      '--includeDirs=proto',
      `--outDir=${out}`,
      PROTO_FILE,
    ],
    'Remedy: npm ci',
  );
}

/** Relative path (with slashes) → content, of every generated file below `dir`. */
function readTree(dir) {
  if (!existsSync(dir)) return new Map();
  return new Map(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(py|pyi|ts)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .map((path) => [relative(dir, path).split(sep).join('/'), readFileSync(path, 'utf8')]),
  );
}

function differences(expected, actual) {
  return [...new Set([...expected.keys(), ...actual.keys()])]
    .sort()
    .filter((path) => expected.get(path) !== actual.get(path));
}

function update(target, expected, stale) {
  for (const path of stale) {
    const file = join(ROOT, target.dir, path);
    const content = expected.get(path);
    if (content === undefined) {
      rmSync(file);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

function main() {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      python: { type: 'string', default: defaultPython() },
    },
  });
  const scratch = mkdtempSync(join(tmpdir(), 'snakepit-proto-'));
  const stale = [];
  try {
    for (const [index, target] of TARGETS.entries()) {
      const out = join(scratch, String(index));
      mkdirSync(out);
      target.generate(out, { python: resolve(values.python) });
      const expected = readTree(out);
      const changed = differences(expected, readTree(join(ROOT, target.dir)));
      if (!values.check) update(target, expected, changed);
      stale.push(...changed.map((path) => `${target.dir.split(sep).join('/')}/${path}`));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (stale.length === 0) {
    console.log('proto: generated code is up to date');
  } else if (values.check) {
    console.error(`proto: stale generated code:\n  ${stale.join('\n  ')}\nRemedy: npm run proto`);
    process.exitCode = 1;
  } else {
    console.log(`proto: wrote\n  ${stale.join('\n  ')}`);
  }
}

try {
  main();
} catch (error) {
  const known = error instanceof ProtoError || error?.code?.startsWith('ERR_PARSE_ARGS');
  console.error(known ? `proto: ${error.message}` : error);
  process.exitCode = 1;
}
