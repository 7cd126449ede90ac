import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// Asks the operating system, with none of the code that is measured.

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function namesIn(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function statOf(pid) {
  const text = textOf(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Whether a process lives; one that only waits to be reaped does not. */
function isAlive(pid) {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The living processes that have an entry in their environment. */
export function carriersOf(entry) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter((pid) => textOf(`/proc/${pid}/environ`)?.split('\0').includes(entry) === true)
    .filter(isAlive);
}

/** Resolves when none of these lives any more; how many do after the limit. */
export async function allGone(pids, limitMs) {
  const deadlineMs = performance.now() + limitMs;
  const left = [...pids];
  while (left.length > 0 && performance.now() < deadlineMs) {
    // Mostly the last is one of many: nobody asks for the others while it lives.
    if (isAlive(left.at(-1))) await sleep(1);
    else left.pop();
  }
  return left.filter(isAlive).length;
}

/** Kills these, one by one. */
export function killAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }
}

/**
 * CPU time that the threads of these have used so far, in milliseconds; of those that are gone nothing. By the scheduler's
 * own account: the ticks of `stat` are longer than what an idle worker uses in a second.
 */
export function cpuMsOf(pids) {
  let spentNs = 0;
  for (const pid of pids) {
    for (const thread of namesIn(`/proc/${pid}/task`)) {
      spentNs += Number(textOf(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0);
    }
  }
  return spentNs / 1e6;
}

/** Memory of these in bytes; what they share with others counts in part. */
export function pssOf(pids) {
  let bytes = 0;
  for (const pid of pids) {
    const [, kilobytes] =
      /^Pss:\s+(\d+) kB$/mu.exec(textOf(`/proc/${pid}/smaps_rollup`) ?? '') ?? [];
    bytes += Number(kilobytes ?? 0) * 1024;
  }
  return bytes;
}

/** How many descriptors a process has open. */
export function descriptorsOf(pid) {
  return namesIn(`/proc/${pid}/fd`).length;
}

/** How many workers fit into what this machine has left, and what limits them. */
export function roomFor(launch) {
  const [, kilobytes] = /^MemAvailable:\s+(\d+) kB$/mu.exec(textOf('/proc/meminfo') ?? '') ?? [];
  const [, files] = /^Max open files\s+\S+\s+(\d+)/mu.exec(textOf('/proc/self/limits') ?? '') ?? [];
  const workerBytes = (launch === 'fork' ? 10 : 40) * 1024 * 1024;
  const byMemory = Math.floor((Number(kilobytes ?? Infinity) * 1024 * 0.8) / workerBytes);
  // Five sockets each, and some for the rest of the program.
  const byFiles = Math.floor((Number(files ?? Infinity) - 256) / 6);
  return byMemory < byFiles
    ? { most: byMemory, by: 'memory' }
    : { most: byFiles, by: 'file descriptors (ulimit -n)' };
}
