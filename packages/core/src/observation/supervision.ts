import type { ExitReason } from '../process/exit-reason.ts';
import type { Process } from '../process/process.ts';

/** A child as its supervisor knows it. */
export interface SupervisedChild {
  /** Its id. */
  readonly id: unknown;
  /** What stands for it in a path; one of a kind among its siblings. */
  readonly segment: string;
  /** Number of its pid, or of the last one it had; `undefined` when it had none. */
  readonly pid: number | undefined;
  /** `running`, `starting`, `exited`, `restarting`, `backingOff`, `failed`, or `undefined`: down, and nobody starts it. */
  readonly status: string;
  /** How often its supervisor has started it. */
  readonly starts: number;
  /** Kind of the reason of its last end. */
  readonly lastExit: ExitReason['kind'] | undefined;
  /** When it is restarted. */
  readonly restart: string;
  /** How it is stopped. */
  readonly shutdown: number | string;
  /** `worker` or `supervisor`. */
  readonly type: string;
  /** Whether its end counts for the end of its supervisor. */
  readonly significant: boolean;
}

/** A restart that still counts. */
export interface CountedRestart {
  /** When, in milliseconds of the system's clock; of whole seconds. */
  readonly at: number;
  /** Which child, where the lives of processes were recorded. */
  readonly childId: unknown;
  /** Why it had ended, where that was recorded. */
  readonly reason: ExitReason | undefined;
}

/** The restarts that a supervisor counts, and how many it allows. */
export interface RestartWindowView {
  /** Restarts allowed within {@link RestartWindowView.maxSeconds}. */
  readonly maxRestarts: number;
  /** In seconds. */
  readonly maxSeconds: number;
  /** Room left; the next one ends it; it gave up. */
  readonly standing: 'below' | 'full' | 'exceeded';
  /** What counts, oldest first. */
  readonly entries: readonly CountedRestart[];
}

/** What can be asked of a supervisor that runs. Answers from its present state, without a message. */
export interface Supervision {
  /** `oneForOne`, `oneForAll`, `restForOne`, or `dynamic`. */
  readonly strategy: string;
  /** Restarts allowed within {@link Supervision.maxSeconds}. */
  readonly maxRestarts: number;
  /** In seconds. */
  readonly maxSeconds: number;
  /** Restarts that count now: the second of the clock and how many in it, oldest first. */
  readonly restarts: readonly (readonly [atSecond: number, restarts: number])[];
  /** Whether it has given up. */
  readonly gaveUp: boolean;
  /** All its children in start order. */
  children(): readonly SupervisedChild[];
  /**
   * The child whose process has, or had last, the pid of this number; if none has, the one that is being started.
   */
  childOf(pid: number): SupervisedChild | undefined;
}

/** What can be asked of a process, if it is a supervisor that runs. @internal */
export function supervisionOf(process: Process | undefined): Supervision | undefined {
  const instance = process?.instance;
  if (process === undefined || instance === undefined) return undefined;
  return process.definition.supervision?.(instance.state, instance.effects);
}
