// Removes compiled files whose source is gone: the compiler leaves them, and a package would ship them.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = join(dirname(fileURLToPath(import.meta.url)), '../packages');
const COMPILED = /\.(js|d\.ts)(\.map)?$/;

for (const name of readdirSync(packages)) {
  const dist = join(packages, name, 'dist');
  if (!existsSync(dist)) continue;
  for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    // The page is a bundle; its build removes what is old.
    if (!COMPILED.test(path) || path.startsWith(`page${sep}`)) continue;
    const source = join(packages, name, 'src', path.replace(COMPILED, '.ts'));
    if (!existsSync(source)) rmSync(join(dist, path));
  }
}
