import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freemem } from 'node:os';

/** What a worker and the pages of its tables may need, in bytes; forked ones need less. */
const workerBytes = { fork: 8 * 2 ** 20, spawn: 26 * 2 ** 20 };

const touch = `
const kept = [];
for (let left = Number(process.argv[1]); left > 0; left -= 2 ** 28) kept.push(Buffer.alloc(Math.min(left, 2 ** 28), 1));
`;

/**
 * Writes to as much memory as so many workers will need, and gives it back. A virtual machine may have to get pages from its host
 * when they are wanted for the first time, which takes ten times as long as to be given one that is there: that is no part of
 * a start, and meets only whoever needs the most.
 */
export async function warmMemory(workers, launch) {
  const bytes = Math.min(workers * workerBytes[launch], Math.floor(freemem() / 2));
  const child = spawn(process.execPath, ['-e', touch, String(bytes)], { stdio: 'inherit' });
  await once(child, 'exit');
}
