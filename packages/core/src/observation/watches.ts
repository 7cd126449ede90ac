import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';
import { isThenable } from '../thenable.ts';
import { Pid } from '../process/pid.ts';
import type { SentMessage, TransitionStep, WatchedRecord, WatchTarget } from './message-record.ts';
import { WatchBudget, type WatchLimit } from './watch-budget.ts';

/** Who wants to see what some processes do. @internal */
export interface Watch {
  /** Shown each record. */
  readonly listener: (record: WatchedRecord) => unknown;
  /** Whether it concerns what those processes spawn, too. */
  readonly isTree: boolean;
  /** Whom it concerns. */
  readonly processes: Set<Process>;
  /** How much of it is wanted; `undefined`: all. */
  readonly limit: WatchLimit | undefined;
  /** What of that is left. */
  readonly budget: WatchBudget | undefined;
}

/** What a watched process does in its turn, as it is collected. @internal */
export interface Frame {
  /** Transitions taken. */
  readonly steps: TransitionStep[];
  /** Actions that ran. */
  readonly actions: string[];
  /** What it sent. */
  readonly sent: SentMessage[];
}

const none: readonly never[] = Object.freeze([]);

/** Who watches whom. A watched process has its watches at hand. @internal */
export class Watches {
  readonly #runtime: Runtime;
  readonly #onEnd: () => void;
  readonly #all = new Set<Watch>();

  /**
   * @param runtime - Where the processes live.
   * @param onEnd - Told when one has ended.
   */
  constructor(runtime: Runtime, onEnd: () => void) {
    this.#runtime = runtime;
    this.#onEnd = onEnd;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** Begins one; returns what ends it. */
  add(target: WatchTarget, listener: Watch['listener'], limit?: WatchLimit): () => void {
    const isTree = !(target instanceof Pid) && 'tree' in target;
    const budget = limit && new WatchBudget(limit.perSecond, this.#nowMs);
    const watch: Watch = { listener, isTree, processes: new Set(), limit, budget };
    const processes = isTree ? this.#below(target.tree) : this.#each(target);
    this.#all.add(watch);
    for (const process of processes) include(process, watch);
    return () => {
      this.#remove(watch);
    };
  }

  /** A process exists: who watches its parent with all below it watches it, too. */
  spawned(process: Process): void {
    const parent = this.#runtime.processes.get(process.parent);
    for (const watch of parent?.watches ?? []) {
      if (watch.isTree) include(process, watch);
    }
  }

  /** A process is gone. */
  ended(process: Process): void {
    for (const watch of process.watches ?? []) watch.processes.delete(process);
    process.watches = undefined;
  }

  /**
   * Whether anybody wants to see a message that a process is given or handles now.
   *
   * Of too many, those are preferred after which nothing else waits: what it did last says most. And those whose way is
   * known, or else few would be seen of which it is.
   *
   * @param isKnown - Whether its way to the process is, or will be, known.
   */
  want({ watches, mailbox }: Process, isKnown: boolean): boolean {
    const kept = (mailbox.length === 0 ? 0 : 0.25) + (isKnown ? 0 : 0.25);
    for (const { budget } of watches ?? none) {
      if (budget === undefined || budget.has(kept)) return true;
    }
    return false;
  }

  /** A message was handled that nobody is shown. */
  miss(process: Process): void {
    for (const watch of process.watches ?? none) this.#miss(watch, process.pid.id);
  }

  /** Shows a record to who watches: as far as they want it, but the end of a process in any case. */
  show(process: Process, record: WatchedRecord): void {
    const isEnd = record.outcome === 'crashed' || record.outcome === 'stopped';
    for (const watch of [...(process.watches ?? none)]) {
      const isWanted = watch.budget === undefined || watch.budget.take();
      if (isWanted || isEnd) this.#show(watch, record);
      else this.#miss(watch, record.pid);
    }
  }

  #miss(watch: Watch, pid: number): void {
    try {
      watch.limit?.missed(pid);
    } catch (error) {
      this.#giveUp(watch, error);
    }
  }

  #show(watch: Watch, record: WatchedRecord): void {
    try {
      const result = watch.listener(record);
      if (!isThenable(result)) return;
      result.then(undefined, (error: unknown) => {
        this.#giveUp(watch, error);
      });
    } catch (error) {
      this.#giveUp(watch, error);
    }
  }

  #giveUp(watch: Watch, error: unknown): void {
    // An async one may have been shown more before it failed.
    if (!this.#remove(watch)) return;
    this.#runtime.logger.warn('who watches processes failed, and is not shown any more', { error });
  }

  /** From outside of turns the coarse time may be old: it is not so often that somebody asks there. */
  readonly #nowMs = (): number => {
    const { current, scheduler } = this.#runtime;
    return current === undefined ? scheduler.lookAtClock() : scheduler.roughMs;
  };

  #remove(watch: Watch): boolean {
    for (const process of watch.processes) {
      process.watches?.delete(watch);
      if (process.watches?.size === 0) process.watches = undefined;
    }
    watch.processes.clear();
    const isEnd = this.#all.delete(watch);
    if (isEnd) this.#onEnd();
    return isEnd;
  }

  #each(target: Pid | readonly Pid[]): Process[] {
    const pids = target instanceof Pid ? [target] : target;
    return pids.map((pid) => this.#runtime.byPid(pid)).filter((found) => found !== undefined);
  }

  /** Parents are older than what they spawn, so one walk will do. */
  #below(pid: Pid): Set<Process> {
    const found = new Set<Process>(this.#each(pid));
    const pids = new Set<Pid>([pid]);
    for (const process of this.#runtime.processes.values()) {
      if (!pids.has(process.parent)) continue;
      pids.add(process.pid);
      found.add(process);
    }
    return found;
  }
}

function include(process: Process, watch: Watch): void {
  watch.processes.add(process);
  (process.watches ??= new Set()).add(watch);
}
