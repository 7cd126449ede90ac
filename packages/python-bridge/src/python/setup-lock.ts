import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeError } from '../errors.ts';
import { isDeadState, readProcessStat, readStartTime } from '../os/process-identity.ts';
import { errorCode } from '../os/system-error.ts';

/**
 * Makes sure that only one process sets up an environment.
 *
 * @param path - File that stands for it, with the pid of its holder in it.
 * @returns Gives it back.
 * @throws SnakepitError ENVIRONMENT, when a process that lives holds it.
 */
export async function holdSetupLock(path: string): Promise<() => Promise<void>> {
  while (!(await tryHold(path))) {
    const holder = await holderOf(path);
    if (holder === undefined) continue;
    if (isHolding(holder)) {
      throw bridgeError('ENVIRONMENT', {
        problem: `process ${holder.pid} is setting up this environment already (${path}).`,
        advice: 'wait until it is done, then run the command again.',
      });
    }
    // Its holder was killed in the middle; what it made is not marked complete and is made anew.
    await removeStale(path, holder);
  }
  return () => rm(path, { force: true });
}

// The file appears with its content: nobody takes one that is being written for one that was left.
async function tryHold(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, `${process.pid} ${readStartTime(process.pid) ?? ''}`.trimEnd());
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Who holds a lock. */
interface Holder {
  /** What the file says. */
  readonly text: string;
  /** Number of the process; 0 when the file says none. */
  readonly pid: number;
  /** Its start time, because after a restart of the machine its number may be another's; empty where unknown. */
  readonly startTime: string;
}

/** What the file says; undefined when it has been given back meanwhile. */
async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const [, pid = '0', startTime = ''] = /^(\d+)(?: (.+))?$/.exec(text) ?? [];
    return { text, pid: Number(pid), startTime };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const guardMaxAgeMs = 5_000;

// Of several that find the same dead holder one removes it; the others would remove the lock of that one.
async function removeStale(path: string, dead: Holder): Promise<void> {
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
    if ((await holderOf(path))?.text === dead.text) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function isHolding({ pid, startTime }: Holder): boolean {
  if (pid <= 0) return false;
  if (startTime !== '') {
    const stat = readProcessStat(pid);
    return stat?.startTime === startTime && !isDeadState(stat.state);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return errorCode(error) === 'EPERM';
  }
}
