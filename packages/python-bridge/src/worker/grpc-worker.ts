import { randomBytes } from 'node:crypto';
import {
  defineStatechart,
  exitReason,
  type ExitReason,
  type Pid,
  type ProcessContext,
} from '@snakepit/core';
import { createWorkerClient } from '../bridge/worker-client.ts';
import type { WorkerHandle } from '../hosts/worker-host.ts';
import type { GracefulShutdownContext } from './graceful-shutdown.machine.ts';
import { grpcWorkerMachine } from './grpc-worker.machine.ts';
import { describeHeartbeatFault, heartbeatFaultOf } from './heartbeat-fault.ts';
import { heartbeatMonitor } from './heartbeat-monitor.ts';
import { createWorkerConnection, type OwnedConnection } from './worker-connection.ts';
import {
  connectFailure,
  crash,
  deathOf,
  diedBeforeServing,
  lateConnection,
  lateStart,
  startFailure,
  type FailedWorker,
} from './worker-failure.ts';
import {
  type GrpcWorkerContext,
  type GrpcWorkerEvent,
  type GrpcWorkerInput,
} from './worker-life.ts';
import { WorkerReports } from './worker-reports.ts';

/** How long a start whose connection failed waits to learn whether the worker has ended, in milliseconds. */
const deathNewsMs = 1_000;

/** The registered name of a worker's process. */
export function workerName(pool: string, workerId: string): string {
  return `snakepit.worker.${pool}.${workerId}`;
}

/** The process of one Python worker. */
export const grpcWorker = defineStatechart(grpcWorkerMachine, {
  trapExit: true,
  effects: (self, input) => new GrpcWorkerEffects(self, input),
});

interface EffectArguments {
  readonly context: GrpcWorkerContext;
}

/** Does what the chart of one worker names, and holds what must not be in a chart: process, connection, monitor. */
class GrpcWorkerEffects {
  readonly #self: ProcessContext;
  readonly #input: GrpcWorkerInput;
  /** Ends the start, also one that has not begun; let go of when it is over, because it is not small. */
  #abort: AbortController | undefined = new AbortController();
  readonly #who: FailedWorker;
  readonly #reports: WorkerReports;
  #handle: WorkerHandle | undefined;
  #connection: OwnedConnection | undefined;
  #target: { readonly target: string; readonly token: string } | undefined;
  #monitor: Pid | undefined;
  #isGone = false;
  /** Why we end its process: somebody asked, or something is wrong with it; `undefined` while we do not. */
  #ending: 'asked' | 'sick' | undefined;
  /** What its heartbeat found wrong. */
  #sickness: { readonly reason: string } | undefined;

  constructor(self: ProcessContext, input: GrpcWorkerInput) {
    this.#self = self;
    this.#input = input;
    this.#reports = new WorkerReports(self.system, input);
    this.#who = {
      pool: input.pool,
      workerId: input.workerId,
      adapter: input.services.configuration.adapter,
    };
    // Killed, this process runs no code of its own: what it holds is let go of here, at once.
    self.onExit(() => {
      this.#letGo();
    });
  }

  reserve(): void {
    this.#tell({ type: 'worker.reserved', incarnation: randomBytes(6).toString('hex') });
  }

  spawnProcess(_params: unknown, { context }: EffectArguments): void {
    void this.#spawn(context.incarnation ?? '');
  }

  reportLateStart(_params: unknown, { context }: EffectArguments): void {
    const lastOutput = this.#handle?.lastOutput() ?? [];
    const failure = lateStart(this.#who, context.startupTimeoutMs, lastOutput);
    this.#tell({ type: 'start.failed', failure });
  }

  connect(_params: unknown, { context }: EffectArguments): void {
    void this.#connect(context.connectTimeoutMs);
  }

  reportLateConnection(_params: unknown, { context }: EffectArguments): void {
    const failure = lateConnection(this.#who, context.connectTimeoutMs);
    this.#tell({ type: 'start.failed', failure });
  }

  announceReady(): void {
    this.#reports.ready();
    this.#joinPool();
  }

  announceAgain(): void {
    this.#joinPool();
  }

  startHeartbeat(): void {
    const { services, pool, workerId } = this.#input;
    if (services.heartbeat === undefined) return;
    if (this.#handle === undefined || this.#connection === undefined) return;
    this.#monitor = this.#self.spawnLink(heartbeatMonitor, {
      pool,
      workerId,
      ...services.heartbeat,
      beatChannel: this.#handle.beats,
      server: this.#connection,
    });
  }

  stopHeartbeat(): void {
    if (this.#monitor === undefined) return;
    this.#self.unlink(this.#monitor);
    this.#self.exit(this.#monitor, exitReason.shutdown);
    this.#monitor = undefined;
  }

  noteSickness(reason: ExitReason): void {
    const fault = heartbeatFaultOf(reason);
    if (fault !== undefined) this.#sickness = { reason: describeHeartbeatFault(fault) };
  }

  withdraw(): void {
    this.#withdraw();
    this.#tellPool({ type: 'worker.down' });
  }

  awaitCalls(): void {
    if ((this.#connection?.inFlight ?? 0) === 0) this.#tell({ type: 'calls.drained' });
  }

  failCalls(): void {
    // The connection was told by whoever saw the death; here only those that came between are left.
    this.#closeConnection();
  }

  askProcess(): void {
    this.#ending ??= 'asked';
    this.#end('term');
  }

  killProcess(
    _params: unknown,
    { context }: { readonly context: GrpcWorkerContext | GracefulShutdownContext },
  ): void {
    // Healthy ones are asked first.
    this.#ending ??= context.begin === 'kill' ? 'sick' : 'asked';
    this.#end('kill');
  }

  cleanUp(): void {
    this.#closeConnection();
    void this.#release();
  }

  reportTerminated(_params: unknown, { context }: EffectArguments): void {
    this.#reports.terminated(context);
  }

  reportFailed(_params: unknown, { context }: EffectArguments): void {
    const { failure } = context;
    if (failure === undefined) return;
    this.#reports.failed(failure);
    this.#tellPool({ type: 'worker.failed', error: failure.error });
  }

  #tell(event: GrpcWorkerEvent): void {
    this.#self.send(this.#self.pid, event);
  }

  #withdraw(): void {
    if (this.#connection !== undefined) {
      this.#input.services.dispatcher.withdraw(this.#connection);
    }
  }

  #closeConnection(): void {
    this.#connection?.close('it was stopped before the call had ended');
  }

  #tellPool(news: { readonly type: string; readonly error?: Error }): void {
    const { services, workerId } = this.#input;
    const message = { ...news, workerId };
    // A cast, because the pool may be between two lives: then the news is dropped, and asked for again.
    this.#self.cast(services.poolName, message);
  }

  async #spawn(incarnation: string): Promise<void> {
    const { services, workerId } = this.#input;
    const token = randomBytes(32).toString('hex');
    try {
      const spec = { ...services.spec(), workerId, incarnation, token };
      const { signal } = (this.#abort ??= new AbortController());
      const handle = await services.host().start(spec, signal);
      this.#handle = handle;
      this.#reports.spawned(handle);
      void handle.exited.then((exit) => {
        this.#exited(handle, exit);
      });
      // Died while the process was being made: nobody else knows of it.
      if (!this.#self.alive) {
        void handle.signal('kill');
        return;
      }
      this.#tell({ type: 'process.spawned', osPid: handle.pid });
      this.#target = await handle.ready;
      this.#abort = undefined;
      this.#tell({ type: 'process.ready', address: this.#target.target });
    } catch (error) {
      if (this.#handle === undefined) this.#isGone = true;
      const type = this.#handle === undefined ? 'spawn.failed' : 'start.failed';
      this.#tell({ type, failure: startFailure(error, this.#who) });
    }
  }

  #exited(handle: WorkerHandle, exit: Parameters<typeof deathOf>[0]): void {
    const death = deathOf(exit, handle.lastOutput());
    this.#reports.gone(death);
    this.#isGone = true;
    // Before its calls fail, so that none of them is given to it again.
    this.#withdraw();
    if (this.#ending === 'asked') this.#closeConnection();
    else if (this.#ending === 'sick') this.#connection?.died({ ...death, ...this.#sickness });
    else this.#connection?.died(death);
    const failure = this.#reports.hasServed
      ? crash(this.#who, death)
      : diedBeforeServing(this.#who, death);
    this.#tell({ type: 'process.died', failure });
    this.#tell({ type: 'process.gone' });
  }

  async #connect(timeoutMs: number): Promise<void> {
    const { pool, workerId } = this.#input;
    if (this.#target === undefined) return;
    const { target: address, token } = this.#target;
    const client = createWorkerClient({ address, token, ids: { pool, worker: workerId } });
    const connection = createWorkerConnection({
      client,
      pool,
      workerId,
      clock: this.#self.system.clock,
      onActivity: (isBusy) => {
        this.#tell({ type: isBusy ? 'calls.began' : 'calls.ended' });
      },
    });
    this.#connection = connection;
    try {
      await client.ping({ deadlineMs: timeoutMs });
      this.#tell({ type: 'connection.established' });
    } catch (error) {
      if (!this.#self.alive) return;
      const failure: GrpcWorkerEvent = {
        type: 'start.failed',
        failure: connectFailure(error, this.#who),
      };
      // The socket of one that has ended closes before its end is told, which says more.
      this.#self.sendAfter(deathNewsMs, failure);
    }
  }

  #joinPool(): void {
    if (this.#connection !== undefined) this.#input.services.dispatcher.admit(this.#connection);
    this.#tellPool({ type: 'worker.ready' });
  }

  #end(signal: 'term' | 'kill'): void {
    // It may be gone already, and then nobody would tell it again.
    if (this.#isGone) this.#tell({ type: 'process.gone' });
    else if (this.#handle === undefined) this.#abort?.abort();
    else void this.#handle.signal(signal);
  }

  /** Whoever is asked to end leaves nothing behind for its successor; that of a crashed one does not wait. */
  async #release(): Promise<void> {
    // What does not even die of SIGKILL frees nothing.
    if (this.#ending === 'asked' && this.#isGone) await this.#handle?.cleaned;
    this.#tell({ type: 'resources.released' });
  }

  #letGo(): void {
    this.#withdraw();
    this.#closeConnection();
    this.#abort?.abort();
    if (!this.#isGone) void this.#handle?.signal('kill');
  }
}
