import { fileURLToPath } from 'node:url';
import { python } from '../settings.mjs';
import { requirePeer } from './install.mjs';
import { worksOf } from './load-work.mjs';

const { PythonShell } = requirePeer('python-shell');
const shell = new PythonShell('shell_worker.py', {
  mode: 'json',
  pythonPath: python,
  scriptPath: fileURLToPath(new URL('.', import.meta.url)),
});
const waiting = [];
shell.on('message', (result) => waiting.shift()(result));

export const works = worksOf(
  (text) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      shell.send({ text });
    }),
);
