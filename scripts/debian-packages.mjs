// Installs Debian packages that are missing, when this is root on Debian; else says what to type.
// node scripts/debian-packages.mjs erlang-base
import { spawnSync } from 'node:child_process';

const missing = process.argv.slice(2).filter((name) => !isInstalled(name));
if (missing.length > 0) install(missing);

/** @param {string} name */
function isInstalled(name) {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], {
    encoding: 'utf8',
  });
  return status === 0 && stdout === 'installed';
}

/** @param {string[]} names */
function install(names) {
  const command = ['install', '-y', '--no-install-recommends', ...names];
  const isRoot = process.getuid?.() === 0;
  if (isRoot && run('update') && run(...command)) return;
  console.error(
    `Missing: ${names.join(', ')}\nRemedy: on Debian or Ubuntu, as root: apt-get update && apt-get ${command.join(' ')}`,
  );
  process.exitCode = 2;
}

/** @param {string[]} args */
function run(...args) {
  // Quiet unless it fails.
  const { status, error, stdout, stderr } = spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) console.error(error?.message ?? `${stdout}${stderr}`.trimEnd());
  return status === 0;
}
