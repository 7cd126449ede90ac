import { defineStatechart, type ProcessContext } from '@snakepit/core';
import '../telemetry/events.ts';
import type { GroupMemory } from '../os/group-memory.ts';
import { messageOf } from '../os/system-error.ts';
import {
  lifecycleManagerMachine,
  type DueWorker,
  type LifecycleManagerEvent,
  type LifecycleManagerInput,
} from './lifecycle-manager.machine.ts';
import type { RecycleReason } from './recycle-reason.ts';

/** When workers are recycled. */
export interface RecycleSettings {
  /** Age in milliseconds; `Infinity` for never. */
  readonly maxAgeMs: number;
  /** Calls executed; `Infinity` for never. */
  readonly maxRequests: number;
  /** Bytes of memory of the process group; `Infinity` for never. */
  readonly maxMemoryBytes: number;
  /** Milliseconds between two looks at the memory. */
  readonly checkIntervalMs: number;
  /** Part of age and calls by which a limit may be lower, 0 to 1: each start of a worker draws its own. */
  readonly jitter: number;
}

/** A worker as the manager sees it. */
export interface ManagedWorker {
  /** Its id. */
  readonly workerId: string;
  /** Since when it has served, by the clock of the system. */
  readonly servingSinceMs: number;
  /** Looks up the number of its operating system process. */
  readonly osPid: () => number | undefined;
  /** Whether it has executed as many calls as it may. */
  readonly isWorn: boolean;
  /** Whether the fork server that made its process is not to be trusted any more. */
  readonly isOutdated: boolean;
}

/** What makes the processes of the workers, as the manager sees it. */
export interface ManagedServer {
  /** Number of its operating system process, while it runs. */
  readonly osPid: () => number | undefined;
  /** Told how many bytes of memory its process group has, and how many it may have. */
  readonly measured: (bytes: number, limitBytes: number) => void;
}

/** What a lifecycle manager works with. */
export interface LifecycleManagerServices {
  /** When workers are recycled. */
  readonly settings: RecycleSettings;
  /** The workers that serve. */
  readonly workers: () => readonly ManagedWorker[];
  /** Its fork server; without a process where there is none. */
  readonly server: ManagedServer;
  /** Measures memory. */
  readonly memory: GroupMemory;
  /** Replaces a worker; rejects when it had to be kept. */
  readonly recycle: (
    workerId: string,
    options: { readonly reason: RecycleReason; readonly memoryBytes?: number },
  ) => Promise<void>;
  /** For the jitter, 0 to 1. */
  readonly random: () => number;
}

/** What the process is started with. */
export interface LifecycleManagerProcessInput extends LifecycleManagerInput {
  /** What its effects work with; not kept by the chart. */
  readonly services: LifecycleManagerServices;
}

/** The registered name of a pool's lifecycle manager. */
export function lifecycleManagerName(pool: string): string {
  return `snakepit.lifecycleManager.${pool}`;
}

/** The process that recycles the workers of one pool. */
export const lifecycleManager = defineStatechart(lifecycleManagerMachine, {
  trapExit: true,
  effects: (self, input) =>
    new LifecycleManagerEffects(self, input as LifecycleManagerProcessInput),
});

/** A part of a limit that one start of a worker was given. */
interface Tenure {
  readonly servingSinceMs: number;
  readonly maxAgeMs: number;
}

class LifecycleManagerEffects {
  readonly #self: ProcessContext;
  readonly #pool: string;
  readonly #services: LifecycleManagerServices;
  readonly #tenures = new Map<string, Tenure>();
  /** What was measured of those that have too much. */
  readonly #memoryBytes = new Map<string, number>();
  #nextMeasureAtMs = 0;

  constructor(self: ProcessContext, { pool, services }: LifecycleManagerProcessInput) {
    this.#self = self;
    this.#pool = pool;
    this.#services = services;
    this.#nextMeasureAtMs = self.system.clock.now() + services.settings.checkIntervalMs;
  }

  look(): void {
    void this.#look();
  }

  startRecycling({ next }: { readonly next: DueWorker | undefined }): void {
    if (next !== undefined) void this.#recycle(next.workerId, next.reason);
  }

  async #recycle(workerId: string, reason: RecycleReason): Promise<void> {
    const memoryBytes = reason === 'memory_threshold' ? this.#memoryBytes.get(workerId) : undefined;
    const memory = memoryBytes === undefined ? {} : { memoryBytes };
    let type: 'recycling.ended' | 'recycling.failed' = 'recycling.ended';
    try {
      await this.#services.recycle(workerId, { reason, ...memory });
    } catch {
      // Told by whoever tried.
      type = 'recycling.failed';
    }
    this.#tell({ type, workerId });
  }

  async #look(): Promise<void> {
    const { checkIntervalMs, maxMemoryBytes } = this.#services.settings;
    const { clock } = this.#self.system;
    let hasExceeded = false;
    if (maxMemoryBytes !== Infinity && clock.now() >= this.#nextMeasureAtMs) {
      this.#nextMeasureAtMs = clock.now() + checkIntervalMs;
      hasExceeded = await this.#measure(maxMemoryBytes);
    }
    if (!this.#self.alive) return;
    const nowMs = clock.now();
    let nextLookAtMs = maxMemoryBytes === Infinity ? Infinity : this.#nextMeasureAtMs;
    for (const worker of this.#current()) {
      const { workerId } = worker;
      const expiresAtMs = this.#endOf(worker);
      if (expiresAtMs <= nowMs) {
        hasExceeded = true;
        this.#tell({ type: 'worker.exceeded', workerId, reason: 'ttl_expired' });
      } else {
        nextLookAtMs = Math.min(nextLookAtMs, expiresAtMs);
        const reason = wearOf(worker);
        if (reason === undefined) continue;
        hasExceeded = true;
        this.#tell({ type: 'worker.exceeded', workerId, reason });
      }
    }
    // Whoever cannot be replaced now is tried again then.
    if (hasExceeded) nextLookAtMs = Math.min(nextLookAtMs, clock.now() + checkIntervalMs);
    this.#tell({ type: 'look.ended', nextLookMs: Math.max(0, nextLookAtMs - clock.now()) });
  }

  /** The workers that serve; what was known of others is forgotten. */
  #current(): readonly ManagedWorker[] {
    const workers = this.#services.workers();
    if (this.#tenures.size <= workers.length) return workers;
    const ids = new Set(workers.map(({ workerId }) => workerId));
    for (const workerId of this.#tenures.keys()) {
      if (!ids.has(workerId)) this.#tenures.delete(workerId);
    }
    return workers;
  }

  /** When it is as old as it may be. */
  #endOf(worker: ManagedWorker): number {
    // Mostly: and all are looked at whenever one becomes ready.
    if (this.#services.settings.maxAgeMs === Infinity) return Infinity;
    return worker.servingSinceMs + this.#tenureOf(worker).maxAgeMs;
  }

  #tenureOf({ workerId, servingSinceMs }: ManagedWorker): Tenure {
    const known = this.#tenures.get(workerId);
    if (known?.servingSinceMs === servingSinceMs) return known;
    const { settings, random } = this.#services;
    const tenure = {
      servingSinceMs,
      maxAgeMs: jittered(settings.maxAgeMs, settings.jitter, random),
    };
    this.#tenures.set(workerId, tenure);
    return tenure;
  }

  /** Whether any has too much memory. */
  async #measure(limitBytes: number): Promise<boolean> {
    const { memory, workers, server } = this.#services;
    const leaders = workers().flatMap((worker) => {
      const osPid = worker.osPid();
      return osPid === undefined ? [] : [{ workerId: worker.workerId, osPid }];
    });
    const serverPid = server.osPid();
    if (leaders.length === 0 && serverPid === undefined) return false;
    let bytesOf: ReadonlyMap<number, number> | undefined;
    let reason = 'no process could be seen';
    try {
      bytesOf = await memory.measure(
        [...leaders.map(({ osPid }) => osPid), ...(serverPid === undefined ? [] : [serverPid])],
        limitBytes,
      );
    } catch (error) {
      reason = messageOf(error);
    }
    if (!this.#self.alive) return false;
    if (bytesOf === undefined) {
      this.#reportProbe(reason);
      return false;
    }
    const serverBytes = serverPid === undefined ? undefined : bytesOf.get(serverPid);
    if (serverBytes !== undefined) server.measured(serverBytes, limitBytes);
    this.#memoryBytes.clear();
    for (const { workerId, osPid } of leaders) {
      const bytes = bytesOf.get(osPid) ?? 0;
      if (bytes < limitBytes) continue;
      this.#memoryBytes.set(workerId, bytes);
      this.#tell({ type: 'worker.exceeded', workerId, reason: 'memory_threshold' });
    }
    return this.#memoryBytes.size > 0;
  }

  #reportProbe(reason: string): void {
    const { telemetry, logger } = this.#self.system;
    const pool = this.#pool;
    telemetry.emit('snakepit.worker.memory_probe_failed', { count: 1 }, { pool, reason });
    logger.warn(
      `pool ${pool}: the memory of its workers could not be measured (${reason}); none is recycled for it`,
    );
  }

  #tell(event: LifecycleManagerEvent): void {
    this.#self.send(this.#self.pid, event);
  }
}

/** Why a worker that is not too old is to be replaced all the same. */
function wearOf({ isWorn, isOutdated }: ManagedWorker): RecycleReason | undefined {
  if (isWorn) return 'max_requests';
  return isOutdated ? 'fork_server' : undefined;
}

/**
 * A limit, lower by a part that is left to chance, so that workers that were started together are not recycled together.
 *
 * @param random - 0 to 1.
 */
export function jittered(limit: number, jitter: number, random: () => number): number {
  return limit === Infinity ? Infinity : limit * (1 - jitter * random());
}
