import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kills of one worker's cgroup by the kernel's out-of-memory killer. */
export interface OomWatch {
  /** It has started, so it moves no more: looks for the last time where it is. */
  settle(): void;
  /** Whether the kernel has killed there for lack of memory since the last kill that was told; asked at the exit. */
  wasKilled(): boolean;
  /** The process is gone, nobody will ask again. */
  release(): void;
}

/** Tells a kill for lack of memory from any other SIGKILL, which the exit status alone cannot. */
export interface OomKills {
  /**
   * Begins to watch a process that was just made.
   *
   * @param mayMove - Whether what starts it may put it into a cgroup of its own.
   */
  watch(pid: number, mayMove: boolean): OomWatch;
}

/** Where the kernel tells it, and time; both are the tests'. */
export interface OomKillsParts {
  /** Default `/proc`. */
  readonly proc?: string;
  /** Default `/sys/fs/cgroup`. */
  readonly cgroups?: string;
  /** Milliseconds, monotonic; default `performance.now`. */
  readonly now?: () => number;
}

/** Those that one lack of memory ended are told of one after the other, within this time, in milliseconds. */
const togetherMs = 1_000;

/** Time between two looks where a process that is starting has got to, in milliseconds. */
const lookMs = 50;

/** What is known of one cgroup. */
interface Counter {
  /** Kills that were told of, or were there before. */
  toldKills: number;
  /** When a kill was last told of. */
  toldAtMs: number;
  /** How many watch it. */
  watchers: number;
}

/**
 * Makes the reader of `memory.events` (cgroup v2) and `memory.oom_control` (v1).
 *
 * The kernel counts by cgroup, not by process: when a worker shares its cgroup, the kill of somebody else there, since
 * the last one that was told, is taken for the worker's. Where neither file can be read (other systems, the root of v2)
 * no kill is ever told.
 */
export function createOomKills(parts: OomKillsParts = {}): OomKills {
  const { proc = '/proc', cgroups = '/sys/fs/cgroup', now = () => performance.now() } = parts;
  const counters = new Counters();
  // Most processes are where the one before was.
  let last = { text: '', where: '', files: [] as readonly string[] };
  const candidatesOf = (pid: number, where: Where): readonly string[] => {
    const text = readText(`${proc}/${String(pid)}/cgroup`) ?? '';
    if (text !== last.text || where !== last.where) {
      last = { text, where, files: candidates(text, cgroups, where) };
    }
    return last.files;
  };
  return {
    watch: (pid, mayMove) => new Watch(counters, (where) => candidatesOf(pid, where), now, mayMove),
  };
}

/** Of which cgroups a look may tell. */
type Where = 'anywhere' | 'belowTheRoot';

/** What is known of the cgroups in which somebody is watched. */
class Counters {
  readonly #counters = new Map<string, Counter>();

  /** The first of these files that counts; what it counts from now on is known until as many have left. */
  enter(files: readonly string[]): string | undefined {
    for (const file of files) {
      const counter = this.#counters.get(file);
      // It is there, and what it counts by now is asked at an exit only: to read it takes the kernel long.
      if (counter !== undefined) {
        counter.watchers += 1;
        return file;
      }
      const kills = readKills(file);
      if (kills === undefined) continue;
      this.#counters.set(file, { toldKills: kills, toldAtMs: -Infinity, watchers: 1 });
      return file;
    }
    return undefined;
  }

  leave(file: string): void {
    const counter = this.#counters.get(file);
    if (counter === undefined) return;
    counter.watchers -= 1;
    if (counter.watchers === 0) this.#counters.delete(file);
  }

  hasNew(file: string, nowMs: number): boolean {
    const counter = this.#counters.get(file);
    const kills = readKills(file);
    if (counter === undefined || kills === undefined) return false;
    if (kills > counter.toldKills) {
      counter.toldKills = kills;
      counter.toldAtMs = nowMs;
    }
    return nowMs - counter.toldAtMs < togetherMs;
  }
}

class Watch implements OomWatch {
  readonly #counters: Counters;
  readonly #candidates: (where: Where) => readonly string[];
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #file: string | undefined;

  constructor(
    counters: Counters,
    candidatesOf: (where: Where) => readonly string[],
    now: () => number,
    mayMove: boolean,
  ) {
    this.#counters = counters;
    this.#candidates = candidatesOf;
    this.#now = now;
    this.#file = counters.enter(candidatesOf('anywhere'));
    // Nothing of the event loop has to wait for it.
    if (mayMove) this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  settle(): void {
    this.#stopLooking();
    this.#look();
  }

  wasKilled(): boolean {
    return this.#file !== undefined && this.#counters.hasNew(this.#file, this.#now());
  }

  release(): void {
    this.#stopLooking();
    if (this.#file !== undefined) this.#counters.leave(this.#file);
    this.#file = undefined;
  }

  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    // One that has ended is shown in the root until it is reaped (v1).
    const found = this.#counters.enter(this.#candidates('belowTheRoot'));
    if (found === undefined) return;
    // Entered first, so that what is known of a cgroup that it has not left is kept.
    if (this.#file !== undefined) this.#counters.leave(this.#file);
    this.#file = found;
  }
}

/**
 * The files that may count for a process, by what `/proc/PID/cgroup` says. In a container the path is sometimes that of the machine, while the root of
 * the mount is the container's own: so that comes after it.
 */
function candidates(text: string, cgroups: string, where: Where): readonly string[] {
  const files: string[] = [];
  for (const line of text.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/u.exec(line) ?? [];
    if (path === undefined || path.split('/').includes('..')) continue;
    if (path === '/' && where === 'belowTheRoot') continue;
    if (id === '0' && controllers === '') {
      for (const mount of [cgroups, join(cgroups, 'unified')]) {
        files.push(join(mount, path, 'memory.events'), join(mount, 'memory.events'));
      }
    } else if (controllers?.split(',').includes('memory') === true) {
      const mount = join(cgroups, 'memory');
      files.push(join(mount, path, 'memory.oom_control'), join(mount, 'memory.oom_control'));
    }
  }
  return files;
}

function readKills(file: string): number | undefined {
  const found = /^oom_kill (\d+)$/mu.exec(readText(file) ?? '');
  return found === null ? undefined : Number(found[1]);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not this system, not this version, or the process or the cgroup is gone: then nothing is known.
    return undefined;
  }
}
