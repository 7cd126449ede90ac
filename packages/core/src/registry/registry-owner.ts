import { defineServer } from '../behaviours/gen-server.ts';
import { noreply, ok, stop, type HandleResult } from '../behaviours/gen-server-results.ts';
import { exitReason, ExitError } from '../process/exit-reason.ts';
import type { ExitMessage } from '../process/messages.ts';
import type { Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import { checkRegistryOptions, type RegistryOptions, type RegistryPlan } from './registry-plan.ts';
import type { RegistryStore } from './registry-store.ts';

/** How often the partitions of a registry may be restarted within the period, as under a supervisor in Elixir. */
const maxRestarts = 3;
/** In seconds. */
const periodSeconds = 5;

/** What the process of a registry knows. */
interface RegistryState {
  readonly plan: RegistryPlan;
  readonly partitions: readonly Pid[];
  /** Whole seconds of the clock, oldest first (INT-001). */
  readonly restartsAtSecond: readonly number[];
}

interface PartitionInput {
  readonly store: RegistryStore;
  readonly index: number;
}

/** Everybody registered is linked to a partition; it outlives them, they do not outlive it (RGY-010). */
const partition = defineServer({
  name: 'registryPartition',
  trapExit: true,
  init: ({ store, index }: PartitionInput, self) => {
    store.open(index, ProcessContext.processOf(self));
    return ok({ registry: store.plan.name, index });
  },
  // Those registered end, and their entries are gone by then.
  info: (state) => noreply(state),
});

/** The process of a registry: starts its partitions, restarts them, stops them in reverse order. @internal */
export const registryOwner = defineServer({
  name: 'registry',
  trapExit: true,
  init: async (options: RegistryOptions, self) => {
    const checked = checkRegistryOptions(options);
    if (!checked.ok) throw checked.fault;
    const { plan } = checked;
    // Whoever starts it by another way than Registry.start or a child spec has not registered it.
    if (self.system.whereis(plan.name) !== self.pid) self.register(plan.name);
    const store = self.system.registries.add(plan, self.pid);
    const indexes = Array.from({ length: plan.partitions }, (_, index) => index);
    const partitions = await Promise.all(
      indexes.map((index) => startPartition(self, store, index)),
    );
    return ok<RegistryState>({ plan, partitions, restartsAtSecond: [] });
  },
  info: (state, message, self) =>
    isExit(message) ? partitionEnded(state, message.from, self) : noreply(state),
  terminate: ({ partitions }, _, self) => stopPartitions(self, partitions),
});

/** Restarts it: all of them where keys are unique, as the keys of one may be held by those linked to another. */
async function partitionEnded(
  state: RegistryState,
  pid: Pid,
  self: ProcessContext,
): Promise<HandleResult<RegistryState, never>> {
  const { plan, partitions } = state;
  const ended = partitions.indexOf(pid);
  // Else it was stopped for the restart of another, or it is none.
  if (ended === -1) return noreply(state);
  const atSecond = Math.floor(self.system.clock.now() / 1_000);
  const restartsAtSecond = [
    ...state.restartsAtSecond.filter((second) => second >= atSecond - periodSeconds),
    atSecond,
  ];
  if (restartsAtSecond.length > maxRestarts) {
    self.system.logger.error(
      `registry "${plan.name}" gives up: more than ${String(maxRestarts)} restarts of its partitions in ${String(periodSeconds)} s`,
      { registry: plan.name, pid: self.pid.toString() },
    );
    return stop(exitReason.shutdown, state);
  }
  const store = self.system.registries.get(plan.name);
  if (plan.keys === 'unique') await stopPartitions(self, partitions);
  const restarted = await Promise.all(
    partitions.map((one, index) =>
      plan.keys === 'unique' || index === ended
        ? startPartition(self, store, index)
        : Promise.resolve(one),
    ),
  );
  return noreply({ plan, partitions: restarted, restartsAtSecond });
}

function startPartition(self: ProcessContext, store: RegistryStore, index: number): Promise<Pid> {
  return new Promise((resolve, reject) => {
    const pid = self.startLink(partition, { store, index }, {}, (result) => {
      if (result.ok) resolve(pid);
      else reject(new ExitError(result.reason, `partition ${String(index)} of a registry`));
    });
  });
}

/** Ends them in reverse order, and waits for each. */
async function stopPartitions(self: ProcessContext, partitions: readonly Pid[]): Promise<void> {
  for (const pid of [...partitions].reverse()) {
    const gone = self.system.awaitExit(pid);
    self.exit(pid, exitReason.shutdown);
    await gone;
  }
}

function isExit(message: unknown): message is ExitMessage {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'EXIT'
  );
}
