import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * One hash over the names and contents of files; a path that is a directory stands for all under it.
 *
 * @param {string} root
 * @param {string[]} paths relative to `root`; those that do not exist count as absent
 * @param {(path: string) => boolean} [wanted]
 * @returns {string}
 */
export function digestOf(root, paths, wanted = () => true) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((one) => filesUnder(root, one)).filter(wanted)) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {string[]}
 */
function filesUnder(root, path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full)
    .sort()
    .filter((name) => name !== '__pycache__' && name !== 'node_modules')
    .flatMap((name) => filesUnder(root, `${path}/${name}`));
}

/** @param {string} path */
export function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/**
 * @param {string} path
 * @param {string} content
 */
export function writeStamp(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
