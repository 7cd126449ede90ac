import { defineStatechart, exitReason, type Pid, type ProcessContext } from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import { heartbeatMonitor } from '../../worker/heartbeat-monitor.ts';
import { createSharedMoments } from '../../worker/shared-moments.ts';
import { ForkDesk, type ForkServerKeeper } from './fork-desk.ts';
import { lateForkServer, type ForkServerFailure } from './fork-failures.ts';
import {
  forkServerId,
  type ForkServerInput,
  type ForkServers,
  type ForkServerStatus,
} from './fork-port.ts';
import { forkServerMachine, type ForkServerContext } from './fork-server.machine.ts';

/** How long everything may take, in milliseconds; see {@link ForkServerContext}. */
export const forkServerTimes = {
  settleTimeMs: 10_000,
  backoffMs: 200,
  maxBackoffMs: 5_000,
  stopTimeoutMs: 3_000,
  killTimeoutMs: 2_000,
} as const;

/** Time beyond its own limits that the process has to end, in milliseconds. */
const shutdownMarginMs = 2_000;

/** The registered name of the process that looks after the fork servers of a pool. */
export function forkServerName(pool: string): string {
  return `snakepit.forkServer.${pool}`;
}

/** Makes the fork servers of a pool; none is started before {@link forkServerSpec} is. */
export function createForkServers(input: ForkServerInput): ForkServers {
  return new ForkDesk(input);
}

/**
 * The child spec of the process that looks after the fork servers of a pool; its place is before the workers.
 *
 * @param servers - Made by {@link createForkServers}.
 */
export function forkServerSpec(servers: ForkServers): ChildSpec {
  if (!(servers instanceof ForkDesk)) throw new TypeError('these are no fork servers');
  const { pool, startupTimeoutMs } = servers.input;
  const input = { ...forkServerTimes, startupTimeoutMs, desk: servers };
  return {
    id: 'forkServer',
    name: forkServerName(pool),
    start: [forkServer, input],
    shutdown: input.stopTimeoutMs + input.killTimeoutMs + shutdownMarginMs,
  };
}

/** Looks after the fork servers of a pool; see {@link forkServerMachine}. */
export const forkServer = defineStatechart(forkServerMachine, {
  trapExit: true,
  effects: (self, { desk }) => {
    if (!(desk instanceof ForkDesk)) throw new TypeError('there is no desk for launches');
    return new ForkServerEffects(self, desk);
  },
});

interface EffectArguments {
  readonly context: ForkServerContext;
}

/** Has the desk do what the chart names, and asks the server that serves for signs of life. */
class ForkServerEffects {
  readonly #self: ProcessContext;
  readonly #desk: ForkDesk;
  #monitor: Pid | undefined;

  constructor(self: ProcessContext, desk: ForkDesk) {
    this.#self = self;
    this.#desk = desk;
    const keeper = keeperOf(self);
    desk.open(keeper);
    // Killed, this process runs no code of its own.
    self.onExit(() => {
      desk.close(keeper);
    });
  }

  startNext(): void {
    this.#desk.startNext();
  }

  promoteNext(): void {
    this.#stopHeartbeat();
    this.#desk.promoteNext();
    this.#startHeartbeat();
  }

  discardNext(_params: unknown, { context }: EffectArguments): void {
    this.#desk.failNext(lateForkServer(context.startupTimeoutMs, this.#desk.input.preload));
  }

  reportFailure(failure: ForkServerFailure): void {
    this.#desk.failNext(failure);
  }

  reportDeath(why: string): void {
    this.#stopHeartbeat();
    this.#desk.loseCurrent(why);
  }

  retireSilent(why: string): void {
    this.#stopHeartbeat();
    this.#desk.retireSilent(why);
  }

  retireSuspected(why: string): void {
    this.#stopHeartbeat();
    this.#desk.retireSuspected(why);
  }

  stopServers(): void {
    this.#stopHeartbeat();
    this.#desk.stopServers();
  }

  killServers(): void {
    this.#desk.killServers();
  }

  #startHeartbeat(): void {
    const { heartbeat, pool } = this.#desk.input;
    const { beats } = this.#desk;
    if (heartbeat === undefined || beats === undefined) return;
    this.#monitor = this.#self.spawnLink(heartbeatMonitor, {
      pool,
      workerId: forkServerId,
      ...heartbeat,
      beatChannel: beats,
      // It has one thread: who answers beats would answer there, too.
      server: {
        succeeded: 0,
        ping: () => Promise.resolve({ success: true, statistics: undefined }),
      },
      moments: createSharedMoments(this.#self.system.clock),
    });
  }

  #stopHeartbeat(): void {
    if (this.#monitor === undefined) return;
    this.#self.unlink(this.#monitor, { flush: true });
    this.#self.exit(this.#monitor, exitReason.shutdown);
    this.#monitor = undefined;
  }
}

function keeperOf(self: ProcessContext): ForkServerKeeper {
  return {
    tell: (event) => {
      self.send(self.pid, event);
    },
    now: () => self.system.clock.now(),
    state: () => stateOf(self.system.processInfo(self.pid)?.stateValue),
  };
}

/** States of the chart that have none inside, as they are told. */
const plainStates: ReadonlyMap<unknown, ForkServerStatus['state']> = new Map([
  ['starting', 'starting'],
  ['backingOff', 'backingOff'],
  ['failed', 'failed'],
  ['stopping', 'stopping'],
  ['killing', 'stopping'],
] as const);

function stateOf(value: unknown): ForkServerStatus['state'] {
  if (typeof value !== 'object' || value === null) return plainStates.get(value) ?? 'stopped';
  const { serving } = value as { readonly serving?: unknown };
  return serving === 'replacing' ? 'replacing' : 'serving';
}
