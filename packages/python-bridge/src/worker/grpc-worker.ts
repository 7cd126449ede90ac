import { randomBytes } from 'node:crypto';
import {
  defineStatechart,
  exitReason,
  isSnakepitError,
  type ExitReason,
  type Pid,
  type ProcessContext,
} from '@snakepit/core';
import { callsOfOriginal } from '../bridge/original-calls.ts';
import { openWorkerClient } from '../bridge/open-worker-client.ts';
import type { WorkerClient } from '../bridge/worker-client.ts';
import type { WorkerHandle, WorkerReady } from '../hosts/worker-host.ts';
import type { GracefulShutdownContext } from './graceful-shutdown.machine.ts';
import { grpcWorkerMachine } from './grpc-worker.machine.ts';
import { describeHeartbeatFault, heartbeatFaultOf } from './heartbeat-fault.ts';
import { heartbeatMonitor } from './heartbeat-monitor.ts';
import {
  createWorkerConnection,
  type OwnedConnection,
  type WorkerDeath,
} from './worker-connection.ts';
import {
  connectFailure,
  crash,
  deathOf,
  diedBeforeServing,
  lateConnection,
  lateStart,
  lostConnection,
  sicknessOfConnection,
  startFailure,
  type FailedWorker,
} from './worker-failure.ts';
import {
  describeStuck,
  type DrainEnd,
  type GrpcWorkerContext,
  type GrpcWorkerEvent,
  type GrpcWorkerInput,
} from './worker-life.ts';
import { WorkerReports } from './worker-reports.ts';

/** How long a start whose connection failed waits to learn whether the worker has ended, in milliseconds. */
const deathNewsMs = 1_000;

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
  #target: WorkerReady | undefined;
  #monitor: Pid | undefined;
  #isGone = false;
  /** Why we end its process: somebody asked, or something is wrong with it; `undefined` while we do not. */
  #ending: 'asked' | 'sick' | undefined;
  /** What is wrong with it, so that it has to be killed. */
  #sickness: Pick<WorkerDeath, 'reason' | 'failure'> | undefined;

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
      ...{ pool, workerId },
      ...services.heartbeat,
      moments: services.moments,
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
    if (fault === undefined) return;
    this.#sickness = { reason: describeHeartbeatFault(fault), failure: 'heartbeat' };
  }

  noteStuck({ tool }: { readonly tool: string }): void {
    this.#sickness = { reason: describeStuck(tool), failure: 'timeout' };
  }

  withdraw(): void {
    this.#withdraw();
    this.#input.tellPool({ type: 'worker.down' });
  }

  reportDraining({ then }: { readonly then: DrainEnd }, { context }: EffectArguments): void {
    this.#reports.draining(context, then, this.#connection?.inFlight ?? 0);
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

  reportFailed(_params: unknown, { context: { failure } }: EffectArguments): void {
    if (failure === undefined) return;
    this.#reports.failed(failure);
    this.#input.tellPool({ type: 'worker.failed', error: failure.error });
  }

  #tell(event: GrpcWorkerEvent): void {
    this.#self.send(this.#self.pid, event);
  }

  #withdraw(): void {
    const { dispatcher } = this.#input.services;
    if (this.#connection !== undefined) dispatcher.withdraw(this.#connection);
  }

  #closeConnection(): void {
    this.#connection?.close('it was stopped before the call had ended');
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
      this.#input.onSpawned?.(handle);
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
      const { target: address, gil } = this.#target;
      this.#tell({ type: 'process.ready', address, gil });
    } catch (error) {
      if (this.#handle === undefined) this.#isGone = true;
      const type = this.#handle === undefined ? 'spawn.failed' : 'start.failed';
      this.#tell({ type, failure: startFailure(error, this.#who) });
    }
  }

  #exited(handle: WorkerHandle, exit: Parameters<typeof deathOf>[0]): void {
    const death = { ...deathOf(exit, handle.lastOutput()), osPid: handle.pid };
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
    const ready = this.#target;
    if (ready === undefined) return;
    try {
      const client = await this.#openClient(ready, timeoutMs);
      this.#connection = createWorkerConnection({
        client,
        pool,
        workerId,
        clock: this.#self.system.clock,
        ready,
        onActivity: (isBusy) => {
          this.#tell({ type: isBusy ? 'calls.began' : 'calls.ended' });
        },
      });
      // Ended meanwhile, it lets go of nothing any more.
      if (!this.#self.alive) this.#closeConnection();
      else this.#reports.connected(ready);
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

  async #openClient(ready: WorkerReady, deadlineMs: number): Promise<WorkerClient> {
    const { target: address, token, tls, serve, session, features = [] } = ready;
    const { services, pool, workerId } = this.#input;
    const client = await openWorkerClient(
      {
        ...services.calls,
        ...{ address, token, tls, serve, features },
        calls: this.#handle?.calls,
        beats: this.#handle?.beats,
        mode: session === undefined ? 'values' : 'plain',
        ids: { pool, worker: workerId },
        clock: this.#self.system.clock,
        onLost: (error) => {
          this.#lost(error);
        },
      },
      deadlineMs,
    );
    return session === undefined ? client : callsOfOriginal(client, session);
  }

  /** A connection that is lost does not come back; it may be the first sign of a death, which says more and is waited for. */
  #lost(error: Error): void {
    const { alive, system } = this.#self;
    // One that we end closes its connection, too.
    if (!alive || this.#isGone || this.#ending !== undefined) return;
    if (this.#connection === undefined) return;
    this.#connection.lost();
    this.#withdraw();
    this.#sickness ??= sicknessOfConnection(error);
    if (isSnakepitError(error) && error.code === 'PROTOCOL') {
      system.logger.warn(error.message, { ...this.#who });
    }
    const failure = lostConnection(error, this.#who);
    this.#self.sendAfter(deathNewsMs, { type: 'connection.lost', failure });
  }

  #joinPool(): void {
    // First, because what waits may wear it out at once.
    this.#input.tellPool({ type: 'worker.ready' });
    if (this.#connection !== undefined) this.#input.services.dispatcher.admit(this.#connection);
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
    const isFreed = this.#ending === 'asked' && this.#isGone;
    // At the end of everything the host waits, once for all, while what comes after the workers ends, too.
    if (isFreed && !this.#input.services.isStopping()) await this.#handle?.cleaned;
    this.#tell({ type: 'resources.released' });
  }

  #letGo(): void {
    this.#reports.leave();
    this.#withdraw();
    this.#closeConnection();
    this.#abort?.abort();
    if (!this.#isGone) void this.#handle?.signal('kill');
  }
}
