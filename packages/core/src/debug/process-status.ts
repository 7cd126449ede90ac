import type { Instance } from '../behaviours/behaviour.ts';
import type { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import type { RecentEvent } from './flight-recorder.ts';
import type { ProcessDebug } from './process-debug.ts';

/** A process as it was when it was asked (OTP SYS-002). Plain data, but for the state, which is the process's own. */
export interface SystemStatus {
  /** Its pid. */
  readonly pid: Pid;
  /** Which way it runs: `genServer`, `statechart` and so on. */
  readonly behaviour: string;
  /** The name it is registered under. */
  readonly name: string | undefined;
  /** What its definition is called. */
  readonly label: string;
  /** Who spawned it. */
  readonly parent: Pid;
  /** Whether it handles ordinary messages. */
  readonly status: 'running' | 'suspended';
  /** The state value of its chart, or the phase of a flat behaviour. */
  readonly stateValue: unknown;
  /** What `getState` gives. */
  readonly state: unknown;
  /** What is switched on: how many hooks, how many events are logged (0: none), whether statistics are counted. */
  readonly debug: ProcessDebug['options'];
  /** How many messages wait. */
  readonly mailboxLength: number;
  /** Who it is linked to. */
  readonly links: readonly Pid[];
  /** How many monitors watch it. */
  readonly monitors: number;
  /** How many turns it has had. */
  readonly turns: number;
  /** The last messages it handled, oldest first. */
  readonly recent: readonly RecentEvent[];
}

/** The state of a process as `sys` gives it: of a statechart its state value and context, else the data. @internal */
export function stateOf(process: Process, instance: Instance): unknown {
  const { state } = instance;
  if (process.behaviour !== 'statechart' || !hasContext(state)) return state;
  return { value: instance.stateValue, context: state.context };
}

function hasContext(state: unknown): state is { readonly context: unknown } {
  return typeof state === 'object' && state !== null && 'context' in state;
}

/** What `getStatus` gives. @internal */
export function statusOf(process: Process, instance: Instance, debug: ProcessDebug): SystemStatus {
  return {
    pid: process.pid,
    behaviour: process.behaviour,
    name: process.name,
    label: process.label,
    parent: process.parent,
    status: debug.suspended ? 'suspended' : 'running',
    stateValue: process.stateValue,
    state: stateOf(process, instance),
    debug: debug.options,
    mailboxLength: process.mailboxLength,
    links: process.linkedPids,
    monitors: process.monitorCount,
    turns: process.turns,
    recent: process.recent,
  };
}
