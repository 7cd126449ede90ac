import type { ActorSystem, Pid, ProcessAction, ProcessInfo } from '@snakepit/core';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import { flatten } from '../status.ts';
import type { GrpcWorkerEvent } from '../worker/worker-life.ts';

/** How long the end of the calls of whoever is drained is waited for, in milliseconds, and how often it is looked. */
const drain = { patienceMs: 5_000, lookAgainMs: 20 };

/** States of a worker that takes calls. */
const takesCalls: ReadonlySet<string> = new Set(['ready.idle', 'ready.executing']);

/** A worker as its actions find it. */
export interface Holdable {
  /** Its id. */
  readonly workerId: string;
  /** Its process. */
  readonly pid: Pid;
  /** Where its chart is. */
  readonly state: string;
}

/** The worker that a process is. */
export function holdableOf(workerId: string, { pid, stateValue }: ProcessInfo): Holdable {
  return { workerId, pid, state: flatten(stateValue) };
}

/** Those of a pool. */
export function holdablesOf(runtime: PoolRuntime, system: ActorSystem): readonly Holdable[] {
  return runtime.workerIds.flatMap((id) => {
    const process = system.processInfo(runtime.processOf(id));
    return process === undefined ? [] : [holdableOf(id, process)];
  });
}

/** To take workers out of service without ending them, and to put them back. */
export function holdActions(
  workers: readonly Holdable[],
  runtime: PoolRuntime,
  system: ActorSystem,
): readonly ProcessAction[] {
  const serving = workers.filter(({ state }) => takesCalls.has(state));
  const drained = workers.filter(({ state }) => state === 'ready.drained');
  const tell = (told: readonly Holdable[], event: GrpcWorkerEvent): void => {
    for (const { pid } of told) system.send(pid, event);
  };
  const actions: ProcessAction[] = [];
  if (serving.length > 0) {
    const { name } = runtime.config;
    const all = serving.length === runtime.size ? `; calls of pool ${name} then wait` : '';
    actions.push({
      name: 'drain',
      consequence: `${namesOf(serving)} finishes its calls and takes no more; the process stays, until "serve", a restart or a replacement; sessions that must stay on it are lost${all}`,
      run: async () => {
        tell(serving, { type: 'worker.drain' });
        const left = await callsLeft(serving, runtime, system);
        const rest = left === 0 ? 'has none any more' : `still executes ${String(left)}`;
        return `${namesOf(serving)} takes no calls, and ${rest}`;
      },
    });
  }
  if (drained.length > 0) {
    actions.push({
      name: 'serve',
      consequence: `${namesOf(drained)} takes calls again`,
      run: () => {
        tell(drained, { type: 'worker.serve' });
        return Promise.resolve(`${namesOf(drained)} takes calls again`);
      },
    });
  }
  return actions;
}

/** Waits a while until they have no calls any more; tells how many they still have. */
async function callsLeft(
  workers: readonly Holdable[],
  { dispatcher }: PoolRuntime,
  { clock }: ActorSystem,
): Promise<number> {
  const untilMs = clock.now() + drain.patienceMs;
  for (;;) {
    // First, because they have yet to read that they are to be drained.
    await new Promise<void>((resolve) => {
      clock.setTimeout(resolve, drain.lookAgainMs);
    });
    const left = workers.reduce((sum, { workerId }) => sum + dispatcher.inFlightOf(workerId), 0);
    if (left === 0 || clock.now() >= untilMs) return left;
  }
}

function namesOf(workers: readonly Holdable[]): string {
  const [first] = workers;
  return workers.length === 1 && first !== undefined
    ? `worker ${first.workerId}`
    : `each of ${String(workers.length)} workers`;
}
