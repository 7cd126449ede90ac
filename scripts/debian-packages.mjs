// Installs Debian packages that are missing, on Debian as root or as one whom sudo asks for no password; else says what to
// type.
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
  if (run('update') && run(...command)) return;
  console.error(
    `Missing: ${names.join(', ')}\nRemedy: on Debian or Ubuntu, as root: apt-get update && apt-get ${command.join(' ')}`,
  );
  process.exitCode = 2;
}

/** @param {string[]} args */
function run(...args) {
  const isRoot = process.getuid?.() === 0;
  // Without a password, as on the machines of CI, or not at all: nobody is asked for one.
  const [program, ...before] = isRoot
    ? ['apt-get']
    : ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  // Quiet unless it fails.
  const { status, error, stdout, stderr } = spawnSync(String(program), [...before, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) console.error(error?.message ?? `${stdout}${stderr}`.trimEnd());
  return status === 0;
}
