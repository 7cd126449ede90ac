import { availableParallelism, totalmem } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { currentPlatform } from '../../os/platform/current.ts';
import type { Platform } from '../../os/platform/platform.ts';
import { createProcessScanner } from '../../os/process-scanner.ts';
import type { ProcessIdentity } from '../../os/process-identity.ts';
import { workerLabel } from '../../os/run-record-format.ts';
import type { RecordResult, RunRecords } from '../../os/run-records.ts';
import type { GroupGuard } from '../../os/watchdog-groups.ts';
import { WorkerStartError, type StartFailure } from '../start-failure.ts';
import type {
  Capacity,
  HostEvent,
  HostTraits,
  OutputLine,
  WorkerHost,
  WorkerSpec,
} from '../worker-host.ts';
import { createBroadcast } from './broadcast.ts';
import { createLiveGroups, type LiveGroups } from './live-groups.ts';
import { createOomKills } from './oom-kills.ts';
import {
  LocalWorker,
  type HostNotice,
  type ListenAddress,
  type WorkerSurroundings,
} from './local-worker.ts';
import { checkWorkingDirectory, spawnWorker, toStartError } from './spawn-worker.ts';
import { isContained } from './strict-descendants.ts';

/** What {@link createLocalHost} takes. */
export interface LocalHostOptions {
  /** Records of the run: written before every spawn. */
  readonly run: RunRecords;
  /**
   * Private directory for the workers' Unix sockets; `undefined` lets them listen on loopback ports.
   * Its owner removes it, after `close()`.
   */
  readonly socketDirectory: string | undefined;
  /** Name of this host in `WorkerRef`; default `local`. */
  readonly name?: string;
  /** Workers that may live at a time; default without limit. */
  readonly maxWorkers?: number;
  /** Environment that workers inherit; default this process's. Never changed. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether a worker's group and escapees are killed at its exit, and all at this process's; default true. */
  readonly killsAtExit?: boolean;
  /** The operating system; default this one. */
  readonly platform?: Platform;
  /** Between TERM and KILL for workers that live when the host is closed, in ms; default 3,000. */
  readonly closeGraceMs?: number;
  /** Told of every group in the turn of its spawn, and when it is confirmed gone. */
  readonly guard?: GroupGuard | undefined;
  /** Hears every line that a worker prints. Must not throw. */
  readonly onOutput?: (line: OutputLine) => void;
  /** Hears what no promise tells. Must not throw. */
  readonly onNotice?: (notice: HostNotice) => void;
}

/** Longest name of a socket that the host makes: for whoever chooses the directory. */
export const LONGEST_SOCKET_NAME = 'w9999999.sock';

/** Between TERM and KILL at the end of a host, in milliseconds: as long as a worker may take (R3.2). */
const CLOSE_GRACE_MS = 3_000;

/** What this machine can do. */
const LOCAL_TRAITS: HostTraits = {
  exactExit: true,
  survivesRuntime: false,
  localSockets: currentPlatform.sockets !== undefined,
  remote: false,
  restartOwner: 'tree',
  lifeline: 'pipe',
  pingBy: 'runtime',
};

/**
 * Makes the host that runs workers on this machine.
 *
 * Every worker leads a group of its own, is recorded before it is spawned, and is confirmed gone
 * before its exit is told. When this process exits in an orderly way, all groups are killed; when it
 * is killed, the kernel does that through the lifelines.
 */
export function createLocalHost(options: LocalHostOptions): WorkerHost {
  return new LocalHost(options);
}

class LocalHost implements WorkerHost {
  readonly traits = LOCAL_TRAITS;
  readonly #options: LocalHostOptions;
  readonly #surroundings: WorkerSurroundings;
  readonly #maxWorkers: number;
  /** Until nothing of them is left to do. */
  readonly #workers = new Set<LocalWorker>();
  readonly #capacity = createBroadcast<Capacity>(16);
  readonly #events = createBroadcast<HostEvent>(16);
  /** Workers of which something may live. */
  #occupiedSlots = 0;
  #socketCount = 0;
  #closing: Promise<void> | undefined;

  constructor(options: LocalHostOptions) {
    this.#options = options;
    this.#maxWorkers = options.maxWorkers ?? Infinity;
    const killsAtExit = options.killsAtExit ?? true;
    this.#surroundings = {
      hostName: options.name ?? 'local',
      platform: options.platform ?? currentPlatform,
      run: options.run,
      killsAtExit,
      groups: guarded(createLiveGroups(options.run.marker, killsAtExit), options.guard),
      scanner: createProcessScanner(),
      oomKills: createOomKills(),
      onOutput: options.onOutput ?? ignore,
      onNotice: options.onNotice ?? ignore,
    };
  }

  async start(spec: WorkerSpec, abort: AbortSignal): Promise<LocalWorker> {
    this.#refuseWhatCannotStart(spec, abort);
    const { run, groups } = this.#surroundings;
    // From here to the worker everything happens in one turn: whenever this process is killed, a
    // record or a marker leads the next one to what was started.
    this.#tellFailure(spec, run.recordIntent(spec));
    const result = spawnWorker(spec, this.#options.env ?? process.env, this.#surroundings.platform);
    if (!result.ok) {
      const error = await result.error;
      this.#tellFailure(spec, run.removeRecord(spec));
      throw toStartError(spec, error);
    }
    const { spawned } = result;
    // A launcher ends what is behind it when this process exits; killed before, it could not.
    if (isContained(spec)) groups.spare(spawned.identity);
    else groups.add(spawned.identity);
    this.#tellFailure(spec, run.recordSpawned(spec, spawned.identity));
    this.#options.guard?.add(spawned.identity, spec.pool);
    const listen = this.#nextAddress();
    const worker = new LocalWorker(this.#surroundings, spec, spawned, listen, abort);
    this.#remember(worker);
    // Behind a launcher the worker comes a moment later, and only then has a number.
    if (isContained(spec)) await worker.identified;
    return worker;
  }

  adopt(): Promise<readonly LocalWorker[]> {
    return Promise.resolve([]);
  }

  capacity(): AsyncIterable<Capacity> {
    return this.#capacity.subscribe([this.#currentCapacity()]);
  }

  hosts(): AsyncIterable<HostEvent> {
    const { hostName } = this.#surroundings;
    return this.#events.subscribe([{ host: hostName, state: 'up', confirmed: true }]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#endAll();
    return this.#closing;
  }

  #refuseWhatCannotStart(spec: WorkerSpec, abort: AbortSignal): void {
    const refuse = (failure: StartFailure, why: string): never => {
      throw new WorkerStartError(`worker ${workerLabel(spec)} cannot start: ${why}`, failure);
    };
    const unavailable = (detail: string): never => refuse({ kind: 'unavailable', detail }, detail);
    const invalid = (detail: string): never => refuse({ kind: 'invalidSpec', detail }, detail);
    const { runId } = this.#surroundings.run;
    if (abort.aborted) refuse({ kind: 'aborted', ended: undefined }, 'given up before');
    if (this.#closing !== undefined) unavailable('the host is closed');
    const isFull = this.#occupiedSlots >= this.#maxWorkers;
    if (isFull) unavailable(`all ${this.#maxWorkers} slots are taken`);
    // A child belongs to the thread that made it, and would be reaped by nobody after that thread.
    if (!isMainThread) invalid('workers can be started from the main thread of Node only');
    if (spec.runId !== runId) invalid(`run id ${spec.runId} is not the host's, ${runId}`);
    checkWorkingDirectory(spec);
  }

  #nextAddress(): ListenAddress {
    const { socketDirectory } = this.#options;
    if (socketDirectory === undefined) return { listen: 'tcp:127.0.0.1:0', socketPath: undefined };
    this.#socketCount += 1;
    // Not join(): it makes its string of many parts, which each worker would keep.
    const socketPath = `${socketDirectory}/w${this.#socketCount}.sock`;
    return { listen: `unix:${socketPath}`, socketPath };
  }

  #remember(worker: LocalWorker): void {
    this.#workers.add(worker);
    this.#occupySlots(1);
    // A slot is free when nothing of the group lives (WH-4), the worker forgotten when the last look
    // for escapees is over.
    void worker.exited.then(() => this.#occupySlots(-1));
    void worker.cleaned.then(() => this.#workers.delete(worker));
  }

  #occupySlots(change: 1 | -1): void {
    this.#occupiedSlots += change;
    this.#capacity.publish(this.#currentCapacity());
  }

  #currentCapacity(): Capacity {
    const freeSlots = this.#closing === undefined ? this.#maxWorkers - this.#occupiedSlots : 0;
    return { freeSlots, cpus: availableParallelism(), memoryBytes: totalmem(), gpus: 0 };
  }

  #tellFailure({ pool, workerId, incarnation }: WorkerSpec, result: RecordResult): void {
    if (result.ok) return;
    const ref = { host: this.#surroundings.hostName, pool, workerId, incarnation };
    this.#surroundings.onNotice({ kind: 'recordFailed', ref, reason: result.reason });
  }

  async #endAll(): Promise<void> {
    const graceMs = this.#options.closeGraceMs ?? CLOSE_GRACE_MS;
    await Promise.all(
      [...this.#workers].map(async (worker) => {
        if (await worker.end(graceMs)) return;
        this.#surroundings.onNotice({ kind: 'stuck', ref: worker.ref, pid: worker.pid });
      }),
    );
    this.#capacity.close();
    this.#events.close();
  }
}

/** Tells the guard, too, that a group is gone; that it came is told where its pool is known. */
function guarded(groups: LiveGroups, guard: GroupGuard | undefined): LiveGroups {
  if (guard === undefined) return groups;
  return {
    ...groups,
    remove(leader: ProcessIdentity) {
      groups.remove(leader);
      guard.remove(leader);
    },
  };
}

function ignore(): void {
  // Nobody asked to hear it.
}
