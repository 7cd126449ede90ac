// Puts the contract and the Python side into the package that carries them to users, as dist is made from src,
// and makes the commands of the packages executable, which the compiler does not.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'packages/python-bridge/priv');
const python = join(root, 'priv/python');
const SHIPPED = /^(snakepit_bridge|pyproject\.toml|README\.md|requirements.*\.(txt|lock))$/;
const isMade = (/** @type {string} */ path) =>
  /^(__pycache__|\..*_cache|.*\.egg-info|tests)$/.test(basename(path));

rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, 'python'), { recursive: true });
cpSync(join(root, 'proto'), join(target, 'proto'), { recursive: true });
for (const name of readdirSync(python).filter((one) => SHIPPED.test(one))) {
  cpSync(join(python, name), join(target, 'python', name), {
    recursive: true,
    filter: (path) => !isMade(path),
  });
}
const scripts = join(root, 'priv/scripts');
if (existsSync(scripts)) cpSync(scripts, join(target, 'scripts'), { recursive: true });

for (const name of readdirSync(join(root, 'packages'))) {
  const manifest = join(root, 'packages', name, 'package.json');
  if (!existsSync(manifest)) continue;
  const { bin = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
  for (const path of Object.values(bin)) {
    const file = join(root, 'packages', name, String(path));
    if (existsSync(file)) chmodSync(file, 0o755);
  }
}
