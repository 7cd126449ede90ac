import { fileURLToPath } from 'node:url';
import { requirePeer } from './install.mjs';
import { worksOf } from './load-work.mjs';

const { interpreter } = requirePeer('node-calls-python');
const module = await interpreter.import(fileURLToPath(new URL('echo.py', import.meta.url)));

export const works = worksOf((text) => interpreter.call(module, 'echo', text));
