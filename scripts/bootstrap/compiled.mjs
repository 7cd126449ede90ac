import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, readStamp, writeStamp } from './digest.mjs';
import { runCommand } from './run-command.mjs';

/** @typedef {import('./main.mjs').Context} Context */

/**
 * The step that compiles the packages, and puts the Python side into the one that carries it.
 *
 * @param {Context} context
 */
export function compiledStep({ root, signal }) {
  const packages = readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((path) => existsSync(join(root, path, 'tsconfig.json')));
  const stamp = join(root, '.bootstrap/compiled');
  const wanted = digestOf(
    root,
    [
      'package-lock.json',
      'tsconfig.base.json',
      'proto',
      'priv/python',
      ...packages.flatMap((path) => [
        `${path}/tsconfig.json`,
        `${path}/package.json`,
        `${path}/src`,
      ]),
    ],
    (path) => !path.endsWith('.test.ts') && !path.includes('_cache/'),
  );
  const isBuilt = (/** @type {string} */ path) => existsSync(join(root, path, 'dist/index.js'));
  return {
    title: 'compiling',
    isDone: () => readStamp(stamp) === wanted && packages.every(isBuilt),
    async make() {
      rmSync(stamp, { force: true });
      for (const path of packages.filter((one) => !isBuilt(one))) {
        // Without it the compiler believes its output is still there.
        rmSync(join(root, path, '.tsbuildinfo'), { force: true });
      }
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      await runCommand(process.execPath, [tsc, '-b', ...packages], { cwd: root, signal });
      for (const script of ['prune-dist', 'copy-priv']) {
        const file = join(root, `scripts/${script}.mjs`);
        await runCommand(process.execPath, [file], { cwd: root, signal });
      }
      writeStamp(stamp, wanted);
    },
  };
}
