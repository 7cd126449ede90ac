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
      'scripts/build-page.mjs',
      'scripts/page',
      ...packages.flatMap((path) => [
        `${path}/tsconfig.json`,
        `${path}/package.json`,
        `${path}/src`,
        `${path}/ui`,
      ]),
    ],
    (path) => !/\.test\.ts$|\.tsbuildinfo$|_cache\/|\/\.types\//.test(path),
  );
  const isBuilt = (/** @type {string} */ path) => existsSync(join(root, path, 'dist/index.js'));
  // The bundled page of the packages that have one.
  const pages = packages.filter((path) => existsSync(join(root, path, 'ui/index.html')));
  const isBundled = (/** @type {string} */ path) =>
    existsSync(join(root, path, 'dist/page/index.html'));
  return {
    title: 'compiling',
    isDone: () => readStamp(stamp) === wanted && packages.every(isBuilt) && pages.every(isBundled),
    async make() {
      rmSync(stamp, { force: true });
      for (const path of packages.filter((one) => !isBuilt(one))) {
        // Without it the compiler believes its output is still there.
        rmSync(join(root, path, '.tsbuildinfo'), { force: true });
      }
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      await runCommand(process.execPath, [tsc, '-b', ...packages], { cwd: root, signal });
      const scripts = ['prune-dist', 'copy-priv', ...(pages.length > 0 ? ['build-page'] : [])];
      for (const script of scripts) {
        const file = join(root, `scripts/${script}.mjs`);
        await runCommand(process.execPath, [file], { cwd: root, signal });
      }
      writeStamp(stamp, wanted);
    },
  };
}
