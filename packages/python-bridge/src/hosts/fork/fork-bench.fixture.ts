import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSystem, exitReason, silentLogger, type ActorSystem, type Pid } from '@snakepit/core';
import { carriers, statOf, until } from '../../../../../test/fixtures/processes/census.mjs';
import { openBench, type Bench } from '../../../../../test/fixtures/processes/host-bench.mjs';
import { findBridgeFiles } from '../../bridge/bridge-files.ts';
import type { WorkerHandle, WorkerHost, WorkerSpec } from '../worker-host.ts';
import type { ForkServerInput, ForkServerNews, ForkServers } from './fork-port.ts';
import { createForkServers, forkServer, forkServerTimes } from './fork-server.ts';

const repository = fileURLToPath(new URL('../../../../../', import.meta.url));
const adapters = `${repository}test/fixtures/adapters`;

/** Fork servers of one pool on a host of their own, with the processes and the news that belong to them. */
export class ForkBench {
  readonly bench: Bench = openBench();
  readonly host: WorkerHost;
  readonly servers: ForkServers;
  readonly system: ActorSystem;
  readonly news: ForkServerNews[] = [];
  readonly keeper: Pid;
  readonly #changes: Partial<WorkerSpec>;
  readonly #workers: WorkerHandle[] = [];
  #started = 0;

  /**
   * @param changes - To how servers, and workers, are started.
   * @param times - Other limits than usual.
   */
  constructor(
    options: Partial<ForkServerInput> = {},
    changes: Partial<WorkerSpec> = {},
    times: Partial<Record<keyof typeof forkServerTimes, number>> = {},
  ) {
    this.#changes = changes;
    this.host = this.bench.createHost();
    this.system = createSystem({ logger: silentLogger, longTurnMs: Infinity });
    const input: ForkServerInput = {
      pool: 'default',
      spec: () => this.#base(),
      host: () => this.host,
      preload: [],
      isAuto: true,
      heartbeat: undefined,
      startupTimeoutMs: 30_000,
      onReport: (news) => this.news.push(news),
      ...options,
    };
    this.servers = createForkServers(input);
    const { startupTimeoutMs } = input;
    const given = { ...forkServerTimes, ...times, startupTimeoutMs, desk: this.servers };
    this.keeper = this.system.spawn(forkServer, given);
  }

  /** Number of the process of the server that serves. */
  get serverPid(): number {
    const { osPid } = this.servers.status;
    if (osPid === undefined) throw new Error('no server serves');
    return osPid;
  }

  /** How often something was told. */
  told(type: ForkServerNews['type']): number {
    return this.news.filter((one) => one.type === type).length;
  }

  /** Waits until somebody looks after servers. */
  async looked(): Promise<void> {
    await until(() => this.servers.status.state !== 'stopped', 'somebody looks after them');
  }

  /** Waits until servers have become ready so often; the number of the process of the one that serves. */
  async serving(times = 1): Promise<number> {
    await until(() => this.told('serving') >= times, `server ${String(times)} serves`, 30_000);
    return this.serverPid;
  }

  /** Starts a worker; with a deed it does that while it imports its adapter. */
  async start(
    env: Readonly<Record<string, string>> = {},
    abort: AbortSignal = new AbortController().signal,
    changes: Partial<WorkerSpec> = {},
  ): Promise<WorkerHandle> {
    this.#started += 1;
    const { env: always, ...base } = this.#base();
    const worker = await this.host.start(
      {
        ...base,
        workerId: 'w1',
        incarnation: `i${String(this.#started)}`,
        token: 'c0ffee',
        env: { ...always, ...env },
        launcher: this.servers,
        ...changes,
      },
      abort,
    );
    this.#workers.push(worker);
    return worker;
  }

  /** Waits until nothing is left but these processes, their records and their sockets. */
  async onlyLeft(pids: readonly number[]): Promise<void> {
    const left = (): number[] => carriers(this.bench.token).sort((a, b) => a - b);
    const wanted = JSON.stringify([...pids].sort((a, b) => a - b));
    await until(
      () =>
        JSON.stringify(left()) === wanted && this.bench.recordedWorkers().length === pids.length,
      `only ${wanted} are left, and not ${JSON.stringify(left())}`,
    );
    const sockets = readdirSync(this.bench.sockets);
    if (sockets.length > pids.length) throw new Error(`sockets are left: ${sockets.join(', ')}`);
  }

  /** Stops a process, and has it go on at the latest when the bench is closed. */
  async pause(pid: number): Promise<void> {
    process.kill(pid, 'SIGSTOP');
    await until(() => statOf(pid)?.state === 'T', 'stopped');
  }

  /** Ends everything. */
  async close(): Promise<void> {
    // Before their servers, which would wait for them.
    for (const worker of this.#workers) void worker.signal('kill');
    await Promise.all(this.#workers.map((worker) => worker.exited));
    this.system.exit(this.keeper, exitReason.shutdown);
    await this.system.stop();
    await this.bench.close();
  }

  #base(): Omit<WorkerSpec, 'workerId' | 'incarnation' | 'token'> {
    const { pool, env, runId } = this.bench.spec('unused');
    return {
      ...{ pool, env, runId, pythonPath: [adapters], adapterArgs: [], bridge: null },
      python: { executable: `${repository}.venv/bin/python` },
      bridgePath: findBridgeFiles().pythonDir,
      adapter: 'forked.Forked',
      cwd: repository,
      ...this.#changes,
    };
  }
}

/** How many descriptors a process has open; default this one. */
export function openDescriptors(pid: number | 'self' = 'self'): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}
