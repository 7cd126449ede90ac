import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const directory = new URL('.', import.meta.url);

/** A peer, from where {@link installPeers} put it. */
export const requirePeer = createRequire(directory);

/**
 * Installs the peers beside this file, where nothing but a benchmark sees them.
 *
 * @returns {string | undefined} What is not to be had, if anything: one of them is compiled.
 */
export function installPeers() {
  if (canLoad()) return undefined;
  const cwd = fileURLToPath(directory);
  const steps = [
    ['ci', '--no-audit', '--no-fund'],
    // Not all versions of npm run the scripts of what they install.
    ['rebuild', 'node-calls-python'],
  ];
  for (const step of steps) {
    const { status, stderr } = spawnSync('npm', step, { cwd, encoding: 'utf8' });
    if (status !== 0) return `npm ${step.join(' ')}: ${stderr.trim().split('\n').at(-1)}`;
  }
  return canLoad() ? undefined : 'node-calls-python was not built';
}

/** In a process of its own: this one must not get a Python inside. */
function canLoad() {
  const load = `
    const { createRequire } = require('node:module');
    createRequire(process.argv[1])('node-calls-python');
    createRequire(process.argv[1]).resolve('python-shell');
  `;
  const { status } = spawnSync(process.execPath, ['-e', load, fileURLToPath(import.meta.url)]);
  return status === 0;
}
