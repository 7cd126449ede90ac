import type { HandledRecord } from './message-record.ts';
import type { ExitReason } from '../process/exit-reason.ts';
import type { Pid } from '../process/pid.ts';
import type { Measurements, Metadata, TelemetryEventName } from '../telemetry/telemetry.ts';

/** Who a process is across restarts. */
export interface ProcessIdentity {
  /**
   * The names from the root down: `Snakepit/Pools/default/w3`. A supervised process has its child id there, where that is
   * one of a kind; any other its name, or its label and pid.
   */
  readonly path: string;
  /** Which process of that path it is, from 1, as far as that is known: see {@link Records.identityOf}. */
  readonly incarnation: number;
}

/**
 * What happened in the life of a process. `started`, `exited`, `restarted`, `startFailed`, `gaveUp` and `backingOff` are
 * the runtime's; packages add their own: `heartbeatMissed`, `drainBegan`, `osProcessGone`.
 */
export interface LifeRecord {
  /** Its number: one more than that of the record before. */
  readonly seq: number;
  /** When, in milliseconds of the system's clock. */
  readonly at: number;
  /** What. */
  readonly what: string;
  /** Whom it is about, across restarts; or what, where it is no process. */
  readonly path: string;
  /** Number of its pid; `undefined` when it has, or had, none. */
  readonly pid: number | undefined;
  /** Which process of that path it is; 0 when it is none. */
  readonly incarnation: number;
  /** Why, where there is a reason. */
  readonly reason: ExitReason | undefined;
  /** How long it took, in milliseconds: of a restart, since the end of its predecessor. */
  readonly afterMs: number | undefined;
  /** Number of the pid of its supervisor, where that one said so. */
  readonly supervisor: number | undefined;
  /** What else is known; plain JSON. */
  readonly details: Readonly<Record<string, unknown>> | undefined;
}

/** What a package makes of one of its events. */
export interface LifeNote {
  /** What happened: `heartbeatMissed`. */
  readonly what: string;
  /** The process, if it is one. */
  readonly pid?: Pid | undefined;
  /** What it is about, where it is not, or not only, a process of this system: `pools/default/w3`. */
  readonly path?: string;
  /** The supervisor and the child id, where a supervisor speaks of its child. */
  readonly child?: { readonly supervisor: Pid; readonly id: unknown };
  /** Why. */
  readonly reason?: ExitReason | undefined;
  /** How long it took, in milliseconds. */
  readonly afterMs?: number;
  /** What else is known; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Makes it an incident with this title: what happened before it is kept. */
  readonly incident?: string;
}

/** An event of the bus that tells of somebody's life. */
export interface LifeEvent<N extends TelemetryEventName = TelemetryEventName> {
  /** Its name. */
  readonly event: N;
  /** What it tells; `undefined`: nothing. */
  readonly note: (measurements: Measurements<N>, metadata: Metadata<N>) => LifeNote | undefined;
}

/** Gives a life event the types of its own event. */
export function lifeEvent<N extends TelemetryEventName>(event: LifeEvent<N>): LifeEvent {
  // Which event it is of, the bus knows; a list of them does not.
  return event as unknown as LifeEvent;
}

/**
 * What was recorded around the moment in which something went wrong: at most 2,000 records of each kind of the 30 s before,
 * the last ones, and 500 of the 2 s after.
 */
export interface Incident {
  /** Its number in this system, from 1. */
  readonly id: number;
  /** When, in milliseconds of the system's clock. */
  readonly at: number;
  /** What went wrong, as a sentence. */
  readonly title: string;
  /** What happened in processes' lives, oldest first. */
  readonly life: readonly LifeRecord[];
  /** Messages, oldest first; none when they were not recorded. */
  readonly messages: readonly HandledRecord[];
  /** Whether what followed is in it, too; until then another takes its place when it is. */
  readonly isComplete: boolean;
}
