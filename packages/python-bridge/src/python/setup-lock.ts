import { readFile, rm, writeFile } from 'node:fs/promises';
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
  if (!(await tryHold(path))) {
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isAlive(pid)) {
      throw bridgeError('ENVIRONMENT', {
        problem: `process ${pid} is setting up this environment already (${path}).`,
        advice: 'wait until it is done, then run the command again.',
      });
    }
    // Its holder was killed in the middle; what it made is not marked complete and is made anew.
    await rm(path, { force: true });
    if (!(await tryHold(path))) return await holdSetupLock(path);
  }
  return () => rm(path, { force: true });
}

async function tryHold(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
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
