import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeError } from '../errors.ts';
import { systemErrorCode } from './system-error.ts';

/**
 * Makes sure that only one process sets up an environment.
 *
 * @param path - File that stands for it, with the pid of its holder in it.
 * @returns Gives it back.
 * @throws SnakepitError ENVIRONMENT, when a process that lives holds it.
 */
export async function holdSetupLock(path: string): Promise<() => Promise<void>> {
  while (!(await tryHold(path))) {
    const pid = await holderOf(path);
    if (pid === undefined) continue;
    if (isAlive(pid)) {
      throw bridgeError('ENVIRONMENT', {
        problem: `process ${pid} is setting up this environment already (${path}).`,
        advice: 'wait until it is done, then run the command again.',
      });
    }
    // Its holder was killed in the middle; what it made is not marked complete and is made anew.
    await removeStale(path, pid);
  }
  return () => rm(path, { force: true });
}

// The file appears with its content: nobody takes one that is being written for one that was left.
async function tryHold(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** The pid in it; undefined when it has been given back meanwhile. */
async function holderOf(path: string): Promise<number | undefined> {
  try {
    return Number(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const guardMaxAgeMs = 5_000;

// Of several that find the same dead holder one removes it; the others would remove the lock of that one.
async function removeStale(path: string, dead: number): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await tryHold(guard))) {
    await sleep(20);
    const made = await stat(guard).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > guardMaxAgeMs) {
      await rm(guard, { force: true });
    }
    return;
  }
  try {
    if ((await holderOf(path)) === dead) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return systemErrorCode(error) === 'EPERM';
  }
}
