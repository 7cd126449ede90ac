import { fileURLToPath } from 'node:url';
import { findPython } from '../packages/python-bridge/dist/python/find-python.js';

/** The adapter that every suite calls. */
export const benchAdapter = {
  adapter: 'bench_adapter.BenchAdapter',
  cwd: fileURLToPath(new URL('.', import.meta.url)),
};

/** The interpreter of the repository's environment, or the one that was named. */
export const python = findPython({
  projectDir: fileURLToPath(new URL('..', import.meta.url)),
}).executable;
