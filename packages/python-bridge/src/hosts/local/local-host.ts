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
import { createDeferred } from '../../deferred.ts';
import type { SpawnedWorker, WorkerLauncher } from '../worker-launcher.ts';
import { createBroadcast } from './broadcast.ts';
import { createLiveGroups, type LiveGroups } from './live-groups.ts';
import { createOomKills } from './oom-kills.ts';
import type { ListenAddress } from './listen-address.ts';
import { LocalWorker } from './local-worker.ts';
import type { HostNotice, WorkerSurroundings } from './worker-surroundings.ts';
import { workerEnvironment } from './spawn-command.ts';
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

/** A start that is left to a launcher. */
interface LaunchedStart {
  readonly spec: WorkerSpec;
  readonly env: Readonly<Record<string, string>>;
  readonly listen: ListenAddress;
  readonly abort: AbortSignal;
}

/** A start that may still come to nothing. */
interface LaunchInProgress {
  /** Has it come to nothing, or its worker ended. */
  readonly stop: () => void;
  /** Settles when one of the two has happened; never rejects. */
  readonly settled: Promise<unknown>;
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
  /** Starts of which nobody knows yet whether there is a process. */
  readonly #launches = new Set<LaunchInProgress>();
  readonly #capacity = createBroadcast<Capacity>(16);
  /** Asked once: for each slot that is taken it would cost more than all else about it. */
  readonly #machine = { cpus: availableParallelism(), memoryBytes: totalmem() };
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
    const { run } = this.#surroundings;
    // From here to the worker everything happens in one turn, unless somebody else launches it: whenever this process is
    // killed, a record or a marker leads the next one to what was started.
    this.#tellFailure(spec, run.recordIntent(spec));
    const listen = this.#nextAddress(spec);
    const env = workerEnvironment(spec, this.#options.env ?? process.env, listen.readyFile);
    if (spec.launcher !== undefined) {
      return this.#launch(spec.launcher, { spec, env, listen, abort });
    }
    const result = spawnWorker(spec, env, this.#surroundings.platform);
    if (!result.ok) {
      const error = await result.error;
      this.#tellFailure(spec, await run.removeRecord(spec));
      throw toStartError(spec, error);
    }
    this.#occupySlots(1);
    const worker = this.#attach(spec, result.spawned, listen, abort);
    // Behind a launcher the worker comes a moment later, and only then has a number.
    if (isContained(spec)) await worker.identified;
    return worker;
  }

  /** Its slot is taken from the beginning, and whoever closes this host waits for what comes of it. */
  async #launch(launcher: WorkerLauncher, start: LaunchedStart): Promise<LocalWorker> {
    const giveUp = new AbortController();
    const stop = (): void => giveUp.abort();
    const settled = createDeferred<undefined>();
    const launch = { stop, settled: settled.promise };
    start.abort.addEventListener('abort', stop, { once: true });
    this.#launches.add(launch);
    this.#occupySlots(1);
    try {
      const worker = await this.#attachLaunched(launcher, start, giveUp.signal);
      if (giveUp.signal.aborted) await endTooLate(worker, start);
      return worker;
    } finally {
      start.abort.removeEventListener('abort', stop);
      this.#launches.delete(launch);
      settled.resolve(undefined);
    }
  }

  async #attachLaunched(
    launcher: WorkerLauncher,
    { spec, env, listen, abort }: LaunchedStart,
    giveUp: AbortSignal,
  ): Promise<LocalWorker> {
    let spawned: SpawnedWorker;
    try {
      spawned = await launcher.launch(spec, env, giveUp);
    } catch (error) {
      this.#occupySlots(-1);
      this.#tellFailure(spec, await this.#surroundings.run.removeRecord(spec));
      throw error instanceof WorkerStartError ? error : toStartError(spec, error);
    }
    return this.#attach(spec, spawned, listen, abort);
  }

  /** In the turn in which its process was made, or is told of. */
  #attach(
    spec: WorkerSpec,
    spawned: SpawnedWorker,
    listen: ListenAddress,
    abort: AbortSignal,
  ): LocalWorker {
    const { run, groups } = this.#surroundings;
    // A launcher ends what is behind it when this process exits; killed before, it could not.
    if (isContained(spec)) groups.spare(spawned.identity);
    else groups.add(spawned.identity);
    this.#tellFailure(spec, run.recordSpawned(spec, spawned.identity));
    this.#options.guard?.add(spawned.identity, spec.pool);
    const worker = new LocalWorker(this.#surroundings, spec, spawned, listen, abort);
    this.#remember(worker);
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
    if (spec.original !== undefined && this.#options.socketDirectory === undefined) {
      invalid('servers of the original need a private directory for their ready files');
    }
    if (spec.runId !== runId) invalid(`run id ${spec.runId} is not the host's, ${runId}`);
    checkWorkingDirectory(spec);
  }

  #nextAddress({ original }: WorkerSpec): ListenAddress {
    const { socketDirectory } = this.#options;
    if (original !== undefined) {
      this.#socketCount += 1;
      const readyFile = `${socketDirectory ?? ''}/w${this.#socketCount}.port`;
      return { listen: readyFile, socketPath: undefined, readyFile };
    }
    if (socketDirectory === undefined) return { listen: 'tcp:127.0.0.1:0', socketPath: undefined };
    this.#socketCount += 1;
    // Not join(): it makes its string of many parts, which each worker would keep.
    const socketPath = `${socketDirectory}/w${this.#socketCount}.sock`;
    return { listen: `unix:${socketPath}`, socketPath };
  }

  #remember(worker: LocalWorker): void {
    this.#workers.add(worker);
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
    return { freeSlots, ...this.#machine, gpus: 0 };
  }

  #tellFailure({ pool, workerId, incarnation }: WorkerSpec, result: RecordResult): void {
    if (result.ok) return;
    const ref = { host: this.#surroundings.hostName, pool, workerId, incarnation };
    this.#surroundings.onNotice({ kind: 'recordFailed', ref, reason: result.reason });
  }

  async #endAll(): Promise<void> {
    const graceMs = this.#options.closeGraceMs ?? CLOSE_GRACE_MS;
    const ended = new Set<LocalWorker>();
    const endWorkers = async (): Promise<void> => {
      const workers = [...this.#workers].filter((worker) => !ended.has(worker));
      for (const worker of workers) ended.add(worker);
      await Promise.all(workers.map((worker) => this.#end(worker, graceMs)));
    };
    for (const { stop } of this.#launches) stop();
    await Promise.all([...Array.from(this.#launches, ({ settled }) => settled), endWorkers()]);
    // Those that were made meanwhile.
    await endWorkers();
    this.#capacity.close();
    this.#events.close();
  }

  async #end(worker: LocalWorker, graceMs: number): Promise<void> {
    if (await worker.end(graceMs)) return;
    this.#surroundings.onNotice({ kind: 'stuck', ref: worker.ref, pid: worker.pid });
  }
}

/**
 * Ends a worker whose process was made though its start had been given up.
 *
 * @throws WorkerStartError when nothing of it is left.
 */
async function endTooLate(worker: LocalWorker, { spec, abort }: LaunchedStart): Promise<never> {
  void worker.signal('kill');
  await worker.exited;
  // Mostly it rejects, and says how it ended.
  await worker.ready;
  const failure: StartFailure = abort.aborted
    ? { kind: 'aborted', ended: undefined }
    : { kind: 'unavailable', detail: 'the host is closed' };
  throw new WorkerStartError(`worker ${workerLabel(spec)} was given up`, failure);
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
