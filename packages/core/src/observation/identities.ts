import type { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';
import type { ProcessIdentity } from './life-record.ts';
import { supervisionOf } from './supervision.ts';

/** Paths that are remembered; more could be made up. */
const mostPaths = 20_000;

/** Tells who processes are across restarts. What it finds out stays the same for as long as a process lives. @internal */
export class Identities {
  readonly #runtime: Runtime;
  readonly #known = new WeakMap<Pid, ProcessIdentity>();
  /** The last incarnation of each path. */
  #lives: Map<string, number> | undefined;

  /** @param runtime - Where the processes live. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Counts incarnations from now on, or no longer. */
  count(on: boolean): void {
    this.#lives = on ? (this.#lives ?? new Map<string, number>()) : undefined;
  }

  /** What is known of a process already, also of one that is gone. */
  known(pid: Pid): ProcessIdentity | undefined {
    return this.#known.get(pid);
  }

  /** Whether a supervisor is about to say who it is. */
  isOpen({ pid, parent }: Process): boolean {
    if (this.#known.has(pid)) return false;
    const supervision = supervisionOf(this.#runtime.processes.get(parent));
    return supervision !== undefined && supervision.childOf(pid.id)?.pid !== pid.id;
  }

  /** Who a process is. While its supervisor starts it, that may change yet. */
  of(process: Process): ProcessIdentity {
    // From above: each spawns the next, maybe, and that goes deeper than functions may.
    const unknown: Process[] = [];
    let above: Process | undefined = process;
    while (above !== undefined && !this.#known.has(above.pid)) {
      unknown.push(above);
      above = this.#runtime.processes.get(above.parent);
    }
    let identity = above && this.#known.get(above.pid);
    for (const one of unknown.reverse()) identity = this.#below(one, identity);
    // There is one at least: the process itself.
    return identity ?? this.#below(process, undefined);
  }

  #below(process: Process, above: ProcessIdentity | undefined): ProcessIdentity {
    const { pid } = process;
    const parent = this.#runtime.processes.get(process.parent);
    const supervision = supervisionOf(parent);
    const child = supervision?.childOf(pid.id);
    const segment = child?.segment ?? ownName(process);
    const known = above ?? this.#known.get(process.parent);
    const path = pathBelow(process.parent, known?.path ?? this.#root(process), segment);
    // While it is being started it is not yet counted by its supervisor.
    const starts = child === undefined ? 1 : child.starts + (child.pid === pid.id ? 0 : 1);
    const incarnation = Math.max(starts, (this.#lives?.get(path) ?? 0) + 1);
    const identity: ProcessIdentity = { path, incarnation };
    if (supervision === undefined || child?.pid === pid.id) this.#settle(pid, identity);
    return identity;
  }

  /** What stands for a parent of which nothing is known; nothing for the world outside. */
  #root({ parent }: Process): string {
    return parent === this.#runtime.outside ? '' : parent.toString();
  }

  /** Who a process is will not change any more. */
  settle(process: Process): void {
    this.#settle(process.pid, this.of(process));
  }

  #settle(pid: Pid, { path, incarnation }: ProcessIdentity): void {
    if (this.#known.has(pid)) return;
    this.#known.set(pid, { path, incarnation });
    const lives = this.#lives;
    if (lives === undefined) return;
    // Those that were heard of last are kept.
    lives.delete(path);
    lives.set(path, incarnation);
    if (lives.size <= mostPaths) return;
    const oldest = lives.keys().next();
    if (oldest.done !== true) lives.delete(oldest.value);
  }
}

/** Characters of a path below which names are added; below a longer one, which a chain of processes has, paths begin anew. */
const mostCharacters = 1_000;

/**
 * The path of who stands below another.
 *
 * @param parent - The other.
 * @param above - Its path; nothing for the world outside.
 * @param name - What it is called there.
 * @internal
 */
export function pathBelow(parent: Pid, above: string, name: string): string {
  // So that no two names give the same.
  const segment = name.replaceAll('%', '%25').replaceAll('/', '%2F');
  if (above === '') return segment;
  return `${above.length > mostCharacters ? parent.toString() : above}/${segment}`;
}

/** What a process is called that nobody supervises: one of a kind. */
function ownName({ name, label, pid }: Process): string {
  return name ?? `${label}${pid.toString()}`;
}
