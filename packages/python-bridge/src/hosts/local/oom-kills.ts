import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kills of one worker's cgroup by the kernel's out-of-memory killer. */
export interface OomWatch {
  /** Looks again where the process counts: it may have moved itself since. */
  look(): void;
  /** Whether the kernel has killed there for lack of memory since the last kill that was told; asked at the exit. */
  wasKilled(): boolean;
  /** The process is gone, nobody will ask again. */
  release(): void;
}

/** Tells a kill for lack of memory from any other SIGKILL, which the exit status alone cannot. */
export interface OomKills {
  /** Begins to watch the cgroup of a living process. */
  watch(pid: number): OomWatch;
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
  const counters = new Map<string, Counter>();
  const leave = (file: string | undefined): void => {
    const counter = file === undefined ? undefined : counters.get(file);
    if (file === undefined || counter === undefined) return;
    counter.watchers -= 1;
    if (counter.watchers === 0) counters.delete(file);
  };
  const enter = (pid: number): string | undefined => {
    for (const file of candidates(proc, cgroups, pid)) {
      const kills = readKills(file);
      if (kills === undefined) continue;
      const counter = counters.get(file);
      if (counter === undefined) {
        counters.set(file, { toldKills: kills, toldAtMs: -Infinity, watchers: 1 });
      } else counter.watchers += 1;
      return file;
    }
    return undefined;
  };
  return {
    watch: (pid) => {
      let file = enter(pid);
      return {
        look: () => {
          const found = enter(pid);
          if (found === undefined) return;
          // Entered first, so that what is known of a cgroup that it has not left is kept.
          leave(file);
          file = found;
        },
        wasKilled: () => {
          const counter = file === undefined ? undefined : counters.get(file);
          const kills = file === undefined ? undefined : readKills(file);
          if (counter === undefined || kills === undefined) return false;
          if (kills > counter.toldKills) {
            counter.toldKills = kills;
            counter.toldAtMs = now();
          }
          return now() - counter.toldAtMs < togetherMs;
        },
        release: () => {
          leave(file);
          file = undefined;
        },
      };
    },
  };
}

/**
 * The files that may count for a process. In a container the path is sometimes that of the machine, while the root of
 * the mount is the container's own: so that comes after it.
 */
function candidates(proc: string, cgroups: string, pid: number): readonly string[] {
  const text = readText(join(proc, String(pid), 'cgroup')) ?? '';
  const files: string[] = [];
  for (const line of text.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/u.exec(line) ?? [];
    if (path === undefined || path.split('/').includes('..')) continue;
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
