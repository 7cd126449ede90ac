import { availableParallelism } from 'node:os';
import { Pid, type ProcessName, type StartResult } from '@snakepit/core';
import { isNamedByInput } from './child-handles.ts';
import {
  checkChildSpec,
  type ChildSpec,
  type ChildStart,
  type StartFunction,
} from './child-spec.ts';
import type { PartitionTable } from './partition-supervisor-table.ts';
import { isPlainObject, isWhole } from './plain-values.ts';
import {
  checkSupervisorOptions,
  refuse,
  type CheckedOptions,
  type Strategy,
  type SupervisorOptions,
} from './supervisor-options.ts';

/** What each partition runs; its id is its number. */
export type PartitionChild = Pick<ChildSpec, 'start' | 'restart' | 'shutdown' | 'type'>;

/** How a partition supervisor works (OTP PAR-001). */
export interface PartitionSupervisorOptions {
  /** Name to register it under, by which it routes too. */
  readonly name: ProcessName;
  /** What each partition runs. */
  readonly child: PartitionChild;
  /** How many there are; a whole number ≥ 1, default the number of cores. */
  readonly partitions?: number;
  /**
   * Makes the input of each partition from the input in `child`; default: all get that one (OTP PAR-004).
   *
   * With a start function there is no input: it gets `undefined`, and the start function what this returns, as its
   * second argument.
   */
  readonly withArguments?: (input: unknown, partition: number) => unknown;
  /** Default `'oneForOne'`. */
  readonly strategy?: Strategy;
  /** Restarts allowed within {@link PartitionSupervisorOptions.maxSeconds}; default 3. */
  readonly maxRestarts?: number;
  /** In seconds; default 5. */
  readonly maxSeconds?: number;
}

/** Options of a partition supervisor that were checked. */
export interface PartitionPlan {
  /** How many there are at first. */
  readonly partitions: number;
  /** What the supervisor itself is started with, for a table that routes. */
  readonly options: (table: PartitionTable) => SupervisorOptions;
}

/** Checks a partition supervisor's options; what is common to all supervisors comes last. */
export function checkPartitionOptions(input: unknown): CheckedOptions<PartitionPlan> {
  if (!isPlainObject(input)) {
    return refuse(
      'invalidType',
      'partition supervisor options are an object { name, child, … }',
      input,
    );
  }
  const { name, child, partitions = availableParallelism(), withArguments, autoShutdown } = input;
  if (name === undefined) {
    return refuse('missingName', 'a partition supervisor needs a name, to route by', name);
  }
  if (child === undefined) {
    return refuse('missingChild', 'a partition supervisor needs child: { start }', child);
  }
  if (!isWhole(partitions, 1)) {
    return refuse('invalidPartitions', 'partitions must be a whole number ≥ 1', partitions);
  }
  if (withArguments !== undefined && typeof withArguments !== 'function') {
    return refuse('invalidWithArguments', 'withArguments must be a function', withArguments);
  }
  if (autoShutdown !== undefined && autoShutdown !== 'never') {
    const message = `autoShutdown of a PartitionSupervisor can only be 'never'`;
    return refuse('invalidAutoShutdown', message, autoShutdown);
  }
  return checkRest(input, child, partitions);
}

type Given = Readonly<Record<string, unknown>>;

function checkRest(
  input: Given,
  child: unknown,
  partitions: number,
): CheckedOptions<PartitionPlan> {
  const supervisor = checkSupervisorOptions({ ...input, children: [] });
  if (!supervisor.ok) return supervisor;
  if (!isPlainObject(child)) {
    return refuse('invalidChild', 'child must be an object { start, … }', child);
  }
  if (child['name'] !== undefined) {
    const message =
      'only one partition could have the name in child; give each its own by withArguments';
    return refuse('invalidChild', message, child['name']);
  }
  const checked = checkChildSpec({ ...child, id: 'of each partition' });
  if (!checked.ok) return { ok: false, fault: { kind: 'startSpec', fault: checked.fault } };
  const { start, restart, shutdown, type } = checked.spec;
  // All that was looked at above, or by the checks that all supervisors share.
  const options = input as unknown as PartitionSupervisorOptions;
  const { withArguments } = options;
  return {
    ok: true,
    plan: {
      partitions,
      options: (table) => ({
        ...options,
        children: Array.from({ length: partitions }, (_, id) => ({
          id,
          start: startOf(start, id, withArguments, table),
          restart,
          shutdown,
          type,
        })),
      }),
    },
  };
}

/** Starts one partition, and tells the table who serves it before anybody can ask. */
function startOf(
  start: ChildStart,
  partition: number,
  withArguments: PartitionSupervisorOptions['withArguments'],
  table: PartitionTable,
): StartFunction {
  if (typeof start === 'function') {
    const extra = withArguments === undefined ? [] : [withArguments(undefined, partition)];
    return async (self) => {
      const result: unknown = await start(self, ...extra);
      if (isStarted(result)) table.serve(partition, result.pid);
      // Whatever it is, the supervisor judges it.
      return result as StartResult;
    };
  }
  const [logic, own] = start;
  const input = withArguments === undefined ? own : withArguments(own, partition);
  const name = isNamedByInput(logic) ? logic.nameIn(input) : undefined;
  const begin: StartFunction = (self) =>
    new Promise((resolve) => {
      // The spec's author ties the input to the logic; a supervisor passes both on unseen.
      self.startLink(logic, input as never, name === undefined ? {} : { name }, (result) => {
        if (result.ok) table.serve(partition, result.pid);
        resolve(result);
      });
    });
  return 'label' in logic ? Object.assign(begin, { label: logic.label }) : begin;
}

function isStarted(result: unknown): result is { readonly pid: Pid } {
  return (
    typeof result === 'object' && result !== null && 'pid' in result && result.pid instanceof Pid
  );
}
