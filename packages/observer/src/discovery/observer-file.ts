import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';

/** An observer that runs on this machine, and how it is reached. */
export interface RunningObserver {
  /** What its system is called. */
  readonly system: string;
  /** The operating system process that it runs in. */
  readonly pid: number;
  /** Its address, with the token behind `#`: a secret. */
  readonly url: string;
}

/** What is written down of one. */
interface Entry extends RunningObserver {
  /** The machine, or the container: several may share a directory, and none knows the processes of another. */
  readonly host: string;
  /** When its process began, as the system says it: its number may be given to another one. Empty where it is not told. */
  readonly began: string;
}

/** No such file is longer. */
const longestFile = 4_096;

/** Where observers of this user are written down: beside the run records. */
export function observersDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const { SNAKEPIT_STATE_DIR: own = '', XDG_STATE_HOME: state = '' } = env;
  if (own !== '') return join(own, 'observers');
  return join(state === '' ? join(homedir(), '.local', 'state') : state, 'snakepit', 'observers');
}

/**
 * Writes down how an observer is reached, in a file that only this user may read.
 *
 * @returns Takes it away again.
 * @throws What Node says when it cannot be written.
 */
export function announceObserver(
  observer: RunningObserver,
  directory: string = observersDirectory(process.env),
): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // It may have been made by somebody with other ideas.
  chmodSync(directory, 0o700);
  const path = join(directory, `${String(observer.pid)}-${new URL(observer.url).port}.json`);
  rmSync(path, { force: true });
  // Nobody else could have made it meanwhile; and if so, this does not write where they say.
  const entry: Entry = { ...observer, host: hostname(), began: beginningOf(observer.pid) };
  writeFileSync(path, JSON.stringify(entry), { mode: 0o600, flag: 'wx' });
  return () => {
    rmSync(path, { force: true });
  };
}

/** The observers of this user that run on this machine; what is left of dead ones is taken away. */
export function findObservers(
  directory: string = observersDirectory(process.env),
): readonly RunningObserver[] {
  return namesIn(directory).flatMap((name) => {
    const path = join(directory, name);
    const found = name.endsWith('.json') ? readEntry(path) : undefined;
    if (found?.host !== hostname()) return [];
    const { system, pid, url } = found;
    if (isRunning(found)) return [{ system, pid, url }];
    rmSync(path, { force: true });
    return [];
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function readEntry(path: string): Entry | undefined {
  try {
    const { size, uid } = lstatSync(path);
    const ownUid = process.getuid?.();
    if (size > longestFile || (ownUid !== undefined && uid !== ownUid)) return undefined;
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isEntry(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { system, pid, url, host, began } = value as Readonly<Record<string, unknown>>;
  return (
    [system, host, began].every((text) => typeof text === 'string') &&
    Number.isInteger(pid) &&
    typeof url === 'string' &&
    URL.canParse(url)
  );
}

function isRunning({ pid, began }: Entry): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = beginningOf(pid);
  return began === '' || now === '' || began === now;
}

/** When a process began, where Linux tells: in ticks since the machine did. */
function beginningOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // Behind its name, which may hold anything; the 22nd field of all.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
