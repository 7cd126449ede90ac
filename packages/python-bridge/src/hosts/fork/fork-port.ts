import type { HeartbeatSettings } from '../../worker/worker-services.ts';
import type { WorkerHost, WorkerSpec } from '../worker-host.ts';
import type { WorkerLauncher } from '../worker-launcher.ts';

/** Id under which a fork server is recorded, prints and is shown, in place of that of a worker. */
export const forkServerId = 'fork-server';

/** What the fork servers of one pool work with; handed to their effects, never kept in a chart. */
export interface ForkServerInput {
  /** Name of the pool. */
  readonly pool: string;
  /** How its workers are started now, without what is made anew for each start. Asked for each server. */
  readonly spec: () => Omit<WorkerSpec, 'workerId' | 'incarnation' | 'token'>;
  /** Where processes live. Asked for each server. */
  readonly host: () => WorkerHost;
  /** Modules that are imported before anything is forked. */
  readonly preload: readonly string[];
  /** Whether an adapter that is not known to be safe is left to the workers, instead of being refused. */
  readonly isAuto: boolean;
  /** How often and how long a server is asked for a sign of life; `undefined` for never. */
  readonly heartbeat: HeartbeatSettings | undefined;
  /** Longest time until a started server is ready, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** Hears what happens to the servers. Must not throw. */
  readonly onReport: (news: ForkServerNews) => void;
}

/** News of the fork servers of one pool. */
export type ForkServerNews =
  /** A server takes launches. */
  | {
      readonly type: 'serving';
      /** Number of its process. */
      readonly osPid: number;
      /** Its incarnation. */
      readonly incarnation: string;
      /** From its start until it served, in milliseconds. */
      readonly startupMs: number;
      /** Whether it takes the place of another one. */
      readonly isReplacement: boolean;
    }
  /** The serving one has ended by itself, and its workers with it. Another one is being started. */
  | ({ readonly type: 'died'; readonly workers: number } & ForkServerLoss)
  /** The serving one gave no sign of life. Another one is being started; its workers are outdated. */
  | ({ readonly type: 'hung'; readonly workers: number } & ForkServerLoss)
  /** Nothing that the serving one forks lives long enough to say a word. Another one is being started; its workers go on. */
  | ({ readonly type: 'suspected'; readonly workers: number } & ForkServerLoss)
  /** One whose workers are outdated is gone. */
  | ({ readonly type: 'retired' } & ForkServerLoss)
  /** A server could not be started; whoever waited for it has been told. */
  | {
      readonly type: 'unavailable';
      /** Why, as half a sentence. */
      readonly reason: string;
      /** Whether trying again cannot help: it is tried again only when somebody asks for a launch. */
      readonly permanent: boolean;
      /** What the server said it was: `PRELOAD_FAILED`, `PRELOAD_UNSAFE`, `FORK_UNSUPPORTED`, …; `undefined` when it said nothing. */
      readonly code: string | undefined;
      /** Whether another one serves all the same. */
      readonly isServed: boolean;
    };

/** Which server was lost. */
export interface ForkServerLoss {
  /** Number of its process. */
  readonly osPid: number | undefined;
  /** Its incarnation. */
  readonly incarnation: string;
  /** How it ended, or what is wrong with it; half a sentence. */
  readonly reason: string;
}

/** What is known of the fork servers of one pool. Plain data. */
export interface ForkServerStatus {
  /** What they do; `stopped` before the first start, too. */
  readonly state:
    'stopped' | 'starting' | 'serving' | 'replacing' | 'backingOff' | 'failed' | 'stopping';
  /** Number of the serving one's process; `undefined` while none serves. */
  readonly osPid: number | undefined;
  /** Start time of that process, which together with its number identifies it. */
  readonly startTime: string | undefined;
  /** Its incarnation. */
  readonly incarnation: string | undefined;
  /** Workers of the serving one that live. */
  readonly workers: number;
  /** Workers of others that live: they are outdated. */
  readonly outdatedWorkers: number;
  /** Launches that wait for a server, or for their turn. */
  readonly waiting: number;
  /** Servers that were lost. */
  readonly losses: number;
  /** Why the last one could not be started or was lost, until one serves. */
  readonly reason: string | undefined;
}

/** The fork servers of one pool: one that serves, and those whose last workers still live. */
export interface ForkServers extends WorkerLauncher {
  /**
   * Has another server take the place of the one that serves, for instance because files have changed. The old one ends with
   * its last worker.
   *
   * Settles when one serves that was started after this was called: workers started by others are then outdated.
   *
   * @throws {@link WorkerStartError} when it could not be started; the old one goes on serving.
   */
  replace(): Promise<void>;
  /**
   * Whether a worker lives that a server has started which does not serve any more.
   *
   * @param incarnation - Of the worker.
   */
  isOutdated(incarnation: string): boolean;
  /** What is known of them now. */
  readonly status: ForkServerStatus;
}
