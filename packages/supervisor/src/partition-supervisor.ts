import {
  ExitError,
  exitReason,
  formatProcessName,
  type ActorSystem,
  type Behaviour,
  type ExitReason,
  type Pid,
  type RegistryKey,
  type Target,
} from '@snakepit/core';
import type { ChildCounts, ChildInfo, RestartChildError } from './administration.ts';
import type { NamedByInput } from './child-handles.ts';
import { supervisorError } from './errors.ts';
import { checkPartitionOptions } from './partition-supervisor-options.ts';
import type { PartitionSupervisorOptions } from './partition-supervisor-options.ts';
import { PartitionTable } from './partition-supervisor-table.ts';
import { isWhole } from './plain-values.ts';
import { explainStart } from './start-failure.ts';
import { Supervisor } from './supervisor.ts';
import { refTo, type SupervisorRef } from './supervisor-ref.ts';

/** A partition supervisor as a behaviour, and what can be asked of one that runs. */
export interface PartitionSupervisorApi
  extends Behaviour<PartitionSupervisorOptions>, NamedByInput {
  /**
   * Starts a partition supervisor and all its partitions, and waits until they run.
   *
   * @throws {@link SnakepitError} `INVALID_SUPERVISOR` when an option is faulty; nothing was started.
   * @throws {@link ExitError} when a partition failed to start, as with `Supervisor.start`; `alreadyStarted` when the
   *   name is taken.
   */
  start(system: ActorSystem, options: PartitionSupervisorOptions): Promise<SupervisorRef>;
  /** A partition supervisor that runs already, by pid or name. */
  at(system: ActorSystem, target: Target): SupervisorRef;
  /**
   * The process that serves a key now; `undefined` while that one is being restarted (OTP PAR-002, PAR-003).
   *
   * @param key - An integer goes to its absolute value modulo the number of partitions, a pid by its number; any other
   *   plain value by a hash that is the same everywhere (FNV-1a), with lists and objects by structure.
   * @throws {@link ExitError} `noproc` when there is no such supervisor.
   * @throws {@link SnakepitError} `INVALID_ARGUMENT` for a key that does not show its value, such as an instance of a
   *   class, and when there are zero partitions.
   */
  pidFor(tree: SupervisorRef, key: RegistryKey): Pid | undefined;
  /**
   * How many partitions keys are routed to.
   *
   * @throws {@link ExitError} `noproc` when there is no such supervisor.
   */
  partitions(tree: SupervisorRef): number;
  /**
   * Stops the highest partitions, or starts stopped ones again (OTP PAR-006). Keys are routed to fewer before any is
   * stopped, and to more when all are started.
   *
   * @param partitions - From 0 to the number that it was started with.
   * @returns How many there were.
   * @throws {@link SnakepitError} `INVALID_ARGUMENT` for another number, or for a temporary child, which cannot be
   *   started again.
   * @throws {@link ExitError} the reason of a partition that fails to start; `noproc` when there is no such supervisor.
   */
  resize(tree: SupervisorRef, partitions: number): Promise<number>;
  /** All partitions, highest first; the id is the number (OTP PAR-005). */
  whichChildren(tree: SupervisorRef): Promise<readonly ChildInfo[]>;
  /** How many partitions there are and run. */
  countChildren(tree: SupervisorRef): Promise<ChildCounts>;
  /** Stops all partitions, the highest first, then the supervisor; as `Supervisor.stop`. */
  stop(tree: SupervisorRef, reason?: ExitReason): Promise<ExitReason>;
}

/**
 * Runs the same child several times under an ordinary supervisor, and routes each key to one of them, as Elixir's
 * PartitionSupervisor does: for one process that would be a bottleneck.
 *
 * With a plain name, `{ via: ['counters', key] }` is a target wherever one is accepted. A behaviour too:
 * `start: [PartitionSupervisor, { name: 'counters', child: { start: [counter, 0] } }]`.
 *
 * Differs from Elixir: keys that are no integers have another hash, and a key whose partition is being restarted has no
 * process, instead of the dead one.
 */
export const PartitionSupervisor: PartitionSupervisorApi = {
  ...Supervisor,
  label: 'partitionSupervisor',
  createInstance(process, input) {
    const checked = checkPartitionOptions(input);
    if (!checked.ok) throw supervisorError('INVALID_SUPERVISOR', { fault: checked.fault });
    const { runtime } = process;
    const table = new PartitionTable(checked.plan.partitions, (pid) => runtime.processes.has(pid));
    const options = checked.plan.options(table);
    runtime.names.routers.set(process.pid, table);
    return Supervisor.createInstance(process, options);
  },
  async start(system, options) {
    const checked = checkPartitionOptions(options);
    if (!checked.ok) throw supervisorError('INVALID_SUPERVISOR', { fault: checked.fault });
    const { name } = options;
    const started = system.start(PartitionSupervisor, options, { name, timeout: Infinity });
    const who = `partition supervisor ${formatProcessName(name)}`;
    return refTo(system, await explainStart(who, started));
  },
  pidFor: (tree, key) => tableOf(tree).find(key),
  partitions: (tree) => tableOf(tree).count,
  async resize(tree, partitions) {
    const table = tableOf(tree);
    if (!isWhole(partitions, 0) || partitions > table.limit) {
      throw supervisorError('INVALID_ARGUMENT', {
        argument: `the number of partitions ${String(partitions)}`,
        fault: `it must be a whole number from 0 to ${String(table.limit)}`,
        remedy: 'a partition supervisor never has more than it was started with',
      });
    }
    return table.inOrder(() => resize(tree, table, partitions));
  },
};

async function resize(
  tree: SupervisorRef,
  table: PartitionTable,
  partitions: number,
): Promise<number> {
  const before = table.count;
  if (partitions < before) table.route(partitions);
  // Also those that were started by a try to have more that failed further on.
  for (let id = partitions; id < table.limit; id++) {
    await Supervisor.terminateChild(tree, id);
  }
  for (let id = before; id < partitions; id++) {
    const restarted = await Supervisor.restartChild(tree, id);
    if (!restarted.ok) refuseRestart(restarted.error, id);
  }
  table.route(partitions);
  return before;
}

/** Throws, unless an earlier try that failed further on had started it already. */
function refuseRestart(error: RestartChildError, id: number): void {
  const what = `partition ${String(id)}`;
  switch (error.kind) {
    case 'running':
    case 'restarting':
      return;
    case 'notFound':
    case 'noChildIds':
      throw supervisorError('INVALID_ARGUMENT', {
        argument: what,
        fault: 'it is temporary, and was forgotten when it was stopped',
        remedy: "give the child restart: 'permanent' or 'transient' to resize",
      });
    case 'alreadyStarted':
      throw new ExitError(exitReason.alreadyStarted(error.pid), what);
    case 'startFailed':
      throw new ExitError(error.reason, what);
  }
}

/** Kept by the system for the process, and gone with it. */
function tableOf({ system, pid }: SupervisorRef): PartitionTable {
  const table = system.runtime.names.routers.get(pid);
  if (table instanceof PartitionTable) return table;
  throw new ExitError(exitReason.noproc, `partition supervisor ${pid.toString()}`);
}
