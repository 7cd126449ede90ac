import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf, readStamp, writeStamp } from './digest.mjs';
import { runCommand } from './run-command.mjs';

/** @typedef {import('./main.mjs').Context} Context */

/**
 * The step that installs the locked npm packages.
 *
 * The stamp lies inside node_modules, which `npm ci` removes first: it cannot outlive a broken install.
 *
 * @param {Context} context
 */
export function nodeModulesStep({ root, signal }) {
  const folder = join(root, 'node_modules');
  const stamp = join(folder, '.snakepit-bootstrap');
  const machine = [process.versions.node.split('.')[0], process.platform, process.arch].join(' ');
  const wanted = `${digestOf(root, ['package-lock.json', '.npmrc'])} ${machine}`;
  return {
    title: 'installing npm packages (npm ci)',
    isDone() {
      if (readStamp(stamp) === wanted) return true;
      const isFromHere = (readStamp(stamp) ?? machine).endsWith(machine);
      if (!isFromHere || !installedTreeMatches(root)) return false;
      // npm ci was run by hand, or the lock file changed in a way that changes no package.
      writeStamp(stamp, wanted);
      return true;
    },
    async make() {
      try {
        const { command, args } = npm();
        await runCommand(command, [...args, 'ci', '--include=dev', '--no-audit', '--no-fund'], {
          cwd: root,
          signal,
        });
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
      writeStamp(stamp, wanted);
    },
  };
}

/** npm itself, as the JavaScript program it is: on Windows, `npm` is a script that needs a shell. */
function npm() {
  const running = process.env.npm_execpath ?? '';
  const bundled = join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
  const program = [running, bundled].find((one) => one.endsWith('npm-cli.js') && existsSync(one));
  return program ? { command: process.execPath, args: [program] } : { command: 'npm', args: [] };
}

/**
 * Whether what npm says it installed is what the lock file asks for.
 *
 * @param {string} root
 */
function installedTreeMatches(root) {
  const hidden = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = packagesIn(hidden);
  const locked = packagesIn(join(root, 'package-lock.json'));
  const complete = Object.entries(locked).every(
    ([path, { version, link, optional }]) =>
      path === '' || link || optional || installed[path]?.version === version,
  );
  return (
    complete &&
    Object.entries(installed).every(([path, { version }]) => locked[path]?.version === version)
  );
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, link?: boolean, optional?: boolean }>}
 */
function packagesIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}
