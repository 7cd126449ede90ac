// Runs an example in its own folder, as its user would: npm run example -- quick-start
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'examples');
const [name = '', ...args] = process.argv.slice(2);
const file = ['main.ts', 'main.mjs'].find((one) => existsSync(join(folder, name, one)));

if (name === '' || file === undefined) {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) =>
      ['main.ts', 'main.mjs'].some((one) => existsSync(join(folder, entry.name, one))),
    )
    .map((entry) => entry.name);
  console.error(name === '' ? 'Which example?' : `There is no example "${name}".`);
  console.error(`Usage: npm run example -- NAME [options]\nNames: ${names.join(', ')}`);
  process.exitCode = 2;
} else {
  const loader = pathToFileURL(join(root, 'scripts/typescript-loader.mjs')).href;
  const child = spawn(process.execPath, ['--import', loader, file, ...args], {
    cwd: join(folder, name),
    stdio: 'inherit',
    // The environment that the bootstrap has made; examples are two folders below it.
    env: { SNAKEPIT_PYTHON: join(root, '.venv/bin/python'), ...process.env },
  });
  // Ctrl-C reaches the example too, which stops in order; this process waits for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
  child.on('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
