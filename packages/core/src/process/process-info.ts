import type { RecentEvent } from '../debug/flight-recorder.ts';
import type { ExitReason } from './exit-reason.ts';
import type { Pid } from './pid.ts';

/** Where a process is in its life; `exiting` when it is to end as soon as its callback returns (PRC-021). */
export type ProcessStatus =
  'starting' | 'waiting' | 'running' | 'busy' | 'suspended' | 'exiting' | 'dead';

/** A process as the process table shows it: a live view, not a copy. */
export interface ProcessInfo {
  /** Its pid. */
  readonly pid: Pid;
  /** Its registered name; by a registry, that and the key: `rooms["lobby"]`. */
  readonly name: string | undefined;
  /** What its definition is called. */
  readonly label: string;
  /** Which way it runs: `genServer`, `statechart`, `task`, `actor`. */
  readonly behaviour: string;
  /** Who spawned it; `<0>` is the world outside. */
  readonly parent: Pid;
  /** Where it is in its life. */
  readonly status: ProcessStatus;
  /** The state value of its chart, or the phase of a flat behaviour. */
  readonly stateValue: unknown;
  /** Its data: a GenServer's state, a statechart's snapshot. */
  readonly state: unknown;
  /** How many messages wait. */
  readonly mailboxLength: number;
  /** Who it is linked to. */
  readonly linkedPids: readonly Pid[];
  /** How many monitors watch it. */
  readonly monitorCount: number;
  /** How many turns it has had; what OTP counts as reductions. */
  readonly turns: number;
  /** The last messages it handled, oldest first; made anew each time it is read. */
  readonly recent: readonly RecentEvent[];
  /** Why it is gone; `undefined` while it lives. */
  readonly reason: ExitReason | undefined;
}
