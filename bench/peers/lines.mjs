import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { python } from '../settings.mjs';
import { worksOf } from './load-work.mjs';

const program = fileURLToPath(new URL('line_worker.py', import.meta.url));
const worker = spawn(python, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
let lastId = 0;
let rest = '';

worker.stdout.setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    const { id, result } = JSON.parse(line);
    waiting.get(id)(result);
    waiting.delete(id);
  }
});

export const works = worksOf(
  (text) =>
    new Promise((resolve) => {
      lastId += 1;
      waiting.set(lastId, resolve);
      worker.stdin.write(`${JSON.stringify({ id: lastId, args: { text } })}\n`);
    }),
);
