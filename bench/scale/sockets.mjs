import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { collectGarbage } from '../collect-garbage.mjs';

/**
 * What Node needs for each child process with as many sockets as a worker has, and nothing else, in bytes: heap, buffers
 * and, with them, all that the operating system says.
 */
export async function bareChildMemory(count = 100) {
  const few = await measure(Math.ceil(count / 5));
  const many = await measure(count);
  const each = (figure) => (many[figure] - few[figure]) / (count - Math.ceil(count / 5));
  return { heap: each('heap'), rss: each('rss') };
}

async function measure(count) {
  const stdio = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'];
  const children = Array.from({ length: count }, () =>
    spawn('sleep', ['1000'], { stdio, detached: true }),
  );
  try {
    await Promise.all(children.map((child) => once(child, 'spawn')));
    for (const { stdio: streams } of children) {
      for (const stream of streams) stream?.on('data', () => undefined);
    }
    collectGarbage();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  } finally {
    const gone = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(gone);
  }
}
