/**
 * What the observer and its viewers say to each other: one JSON object a line, UTF-8, as `application/x-ndjson`.
 *
 * Both sides ignore kinds and members that they do not know. Pids are numbers, 0 is the world outside. Times named `t`
 * and `at` are milliseconds on the clock of the system; {@link HelloLine} ties that clock to the calendar.
 */

import type { ChartLayout } from './chart/chart-layout.ts';
import type { Chart } from './chart/chart.ts';

/** The version of this protocol; only {@link HelloLine} carries it. */
export const protocolVersion = 1;

/** The columns of a row, in their order. */
export const rowColumns = [
  'pid',
  'parent',
  'path',
  'inc',
  'kind',
  'name',
  'label',
  'value',
  'status',
  'restarts',
  'window',
  'mbox',
  'since',
  'last',
  'lastAt',
  'err',
  'chart',
  'os',
  'rss',
  'hb',
  'inflight',
] as const;

/** The name of a column. */
export type RowColumn = (typeof rowColumns)[number];

/** The columns whose texts are interned: on the wire they hold a place in the dictionary. */
export const internedColumns: ReadonlySet<RowColumn> = new Set<RowColumn>([
  'kind',
  'label',
  'value',
  'status',
  'window',
  'last',
  'err',
  'chart',
]);

/** One process, as a viewer shows it. `null` where nothing is known, or where it does not apply. */
export interface ActorRow {
  /** Its pid; never used twice. */
  readonly pid: number;
  /** Who spawned it; 0 is the world outside. */
  readonly parent: number;
  /** Who it is across restarts: the names from the root down to it, `Snakepit/Pools/default/w3`. */
  readonly path: string;
  /** Which process of that path it is, from 1. Whoever acts on a process names both, so as not to hit its successor. */
  readonly inc: number;
  /** What it is: its role (`worker`, `pool`), or the way it runs (`supervisor`, `statechart`, `genServer`, `task`). */
  readonly kind: string;
  /** What it is called among its siblings: the last part of its path. */
  readonly name: string;
  /** What its definition is called; the same for all workers of a pool. */
  readonly label: string;
  /** The state value of its chart, or its phase. A text; where it is a nested value, its JSON, which starts with a brace. */
  readonly value: string | null;
  /** Where it is in its life: `starting`, `waiting`, `running`, `busy`, `suspended`, `exiting`. */
  readonly status: string;
  /** How often it was started again. */
  readonly restarts: number;
  /** Of a supervisor: restarts that still count, and how many are allowed: `1/3`. */
  readonly window: string | null;
  /** How many messages wait for it. */
  readonly mbox: number;
  /** When it was first seen with its present value. Sampled: two changes between two looks are one. */
  readonly since: number;
  /** The type of the last message that it handled. */
  readonly last: string | null;
  /** When it was first seen to have handled it. Sampled. */
  readonly lastAt: number | null;
  /** Why its predecessor on this path ended, when that was abnormal. */
  readonly err: string | null;
  /** Names the chart of its definition, for `GET /api/chart?hash=`. */
  readonly chart: string | null;
  /** Of a worker: its operating system process. */
  readonly os: number | null;
  /** Of a worker: the memory of its process group, in bytes. */
  readonly rss: number | null;
  /** Of a worker: the round trip of its last heartbeat, in milliseconds. */
  readonly hb: number | null;
  /** Of a worker: calls that it executes. */
  readonly inflight: number | null;
}

/** A row on the wire: a value for each of {@link rowColumns}. */
export type WireRow = readonly (string | number | null)[];

/** The first line of every stream. */
export interface HelloLine {
  /** Its kind. */
  readonly k: 'hello';
  /** Version of the protocol; a viewer that knows another one says so and stops. */
  readonly v: typeof protocolVersion;
  /** Names this run of the observer: sequence numbers of another one mean nothing here. */
  readonly epoch: string;
  /** What the system is called. */
  readonly system: string;
  /** The calendar time when the observer began, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The time of the system when this line was written. */
  readonly now: number;
  /** The calendar time when this line was written, in milliseconds since 1970: `wall - now` is the offset. */
  readonly wall: number;
  /** The process that the system runs in. */
  readonly pid: number;
  /** Its version of Node. */
  readonly node: string;
  /** Its version of XState. */
  readonly xstate: string;
  /** How often the tree is looked at, per second. */
  readonly hz: number;
  /** What this observer allows. */
  readonly can: {
    /** Whether `POST /api/act` is switched on. */
    readonly act: boolean;
    /** Whether contexts and message bodies are shown, or only their keys, or nothing. */
    readonly context: ContextMode;
  };
}

/** How much of contexts and of messages leaves the process. */
export type ContextMode = 'none' | 'keys' | 'full';

/** The whole table. A parent's row comes before its children's. */
export interface SnapLine {
  /** Its kind. */
  readonly k: 'snap';
  /** The table is as after the delta of this number. */
  readonly seq: number;
  /** When. */
  readonly t: number;
  /** The order of the columns. */
  readonly cols: readonly RowColumn[];
  /** The interned texts; replaces what the viewer had. */
  readonly dict: readonly string[];
  /** The rows. */
  readonly rows: readonly WireRow[];
}

/** What was counted between two deltas. */
export interface DeltaCounts {
  /** Turns of all processes: what OTP calls reductions. */
  readonly turns: number;
  /** Processes that began. */
  readonly born: number;
  /** Processes that ended. */
  readonly died: number;
  /** Messages that wait, in all mailboxes, at the end. */
  readonly waiting: number;
  /** Processes, at the end. */
  readonly processes: number;
}

/** What changed since the last delta or snap. */
export interface DeltaLine {
  /** Its kind. */
  readonly k: 'delta';
  /** One more than that of the delta or snap before. */
  readonly seq: number;
  /** When. */
  readonly t: number;
  /** New rows and rows that changed, whole; a parent before its children. */
  readonly up: readonly WireRow[];
  /** Interned texts that are new, to be put after those that the viewer has. */
  readonly dict: readonly string[];
  /**
   * Who is gone: pid, the place of its exit reason in the dictionary (-1: not known), when. Names everyone, since a
   * process may outlive who spawned it; its row then stays, with a parent that is not there. Done before `up`.
   */
  readonly del: readonly (readonly [pid: number, reason: number, t: number])[];
  /** What was counted since the last delta. */
  readonly n: DeltaCounts;
}

/** Something in the life of a process. */
export interface LifeRecord {
  /** Its number: one more than that of the record before. What was sent already may be sent again. */
  readonly seq: number;
  /** When. */
  readonly at: number;
  /** `started`, `exited`, `restarted`, `gaveUp`, `heartbeatMissed`, `drainBegan`, `osProcessGone`, `acted`, … */
  readonly what: string;
  /** Whose life. */
  readonly path: string;
  /** Its pid; `null` when it has none any more. */
  readonly pid: number | null;
  /** Which process of that path. */
  readonly inc: number;
  /** Why, in one line. */
  readonly reason?: string;
  /** Which supervisor did it: its path. */
  readonly sup?: string;
  /** How long it took, in milliseconds. */
  readonly afterMs?: number;
  /** Whatever else is known; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Life records. They come before the delta that shows their effect, and carry its number. The first ones, before the
 * first snap, tell what happened before this viewer came: at most 1,000.
 */
export interface LifeLine {
  /** Its kind. */
  readonly k: 'life';
  /** The number of the delta that follows. */
  readonly seq: number;
  /** When. */
  readonly t: number;
  /** The records, oldest first. */
  readonly list: readonly LifeRecord[];
}

/** One handled message. */
export interface Handled {
  /** Counts the records of a system; below 0: the call of a Python tool, which is no message, counted for this viewer. */
  readonly seq: number;
  /** When it was handled. */
  readonly t: number;
  /** How long it waited, in milliseconds; `null` when that is not known. */
  readonly waitedMs: number | null;
  /** How long its turn took, in milliseconds. */
  readonly tookMs: number;
  /** Who handled it: a pid. */
  readonly actor: number;
  /** Who sent it, where that is known: a pid. */
  readonly from: number | null;
  /** How it came; `own` is a timer or an actor of the process itself, or its wish to continue. */
  readonly kind: 'call' | 'cast' | 'info' | 'own';
  /** The type of the message. */
  readonly event: string;
  /** The message itself, redacted and cut, as {@link HelloLine.can} says; not in incidents. */
  readonly body?: unknown;
  /** The transitions taken. */
  readonly steps: readonly HandledStep[];
  /** The actions run, by name, in order. */
  readonly actions: readonly string[];
  /** What was sent meanwhile. */
  readonly sent: readonly HandledSend[];
  /** What came of it; `failed`: a call of a Python tool, and its process goes on. */
  readonly outcome:
    'handled' | 'ignored' | 'postponed' | 'stopped' | 'crashed' | 'deadletter' | 'failed';
  /** The status afterwards. */
  readonly status: string;
  /** The state value afterwards, as in {@link ActorRow.value}. */
  readonly value: string | null;
  /** Why it crashed. */
  readonly error?: string;
  /** The id of the OpenTelemetry trace that it belongs to. */
  readonly trace?: string;
}

/** One transition. */
export interface HandledStep {
  /** The state that it starts in: an id of the chart. */
  readonly source: string;
  /** The event that it is for; `null` of one that needs none (`always`). */
  readonly event: string | null;
  /** The states that it leads to. */
  readonly targets: readonly string[];
  /** The guard that let it pass. */
  readonly guard?: string;
}

/** One message sent while another was handled. */
export interface HandledSend {
  /** To whom: a pid; `null` when it is no process. */
  readonly to: number | null;
  /** The type of the message. */
  readonly event: string;
  /** After how long, in milliseconds. */
  readonly delay?: number;
}

/** Records of messages, only for what this viewer watches. */
export interface RecLine {
  /** Its kind. */
  readonly k: 'rec';
  /** The number of the last delta. */
  readonly seq: number;
  /** The records, oldest first. */
  readonly list: readonly Handled[];
  /** How many there were besides, which nobody kept: a gap to be shown, never hidden. */
  readonly dropped: number;
  /** Whose those were: pids, each with how many; left out when there are none. */
  readonly droppedOf?: readonly (readonly [pid: number, count: number])[];
}

/** Deltas were left out for this viewer; a snap follows. */
export interface GapLine {
  /** Its kind. */
  readonly k: 'gap';
  /** It read too slowly; or it came back too late for the deltas that are kept. */
  readonly why: 'slow' | 'ring';
  /** The last delta that it got. */
  readonly from: number;
  /** The last delta that it did not get. */
  readonly to: number;
}

/** An incident was kept. */
export interface IncidentLine {
  /** Its kind. */
  readonly k: 'inc';
  /** For `GET /api/incidents/ID`. */
  readonly id: string;
  /** When. */
  readonly t: number;
  /** What happened, as a sentence. */
  readonly title: string;
}

/** The last line: nothing follows, and there is nobody to come back to. */
export interface ByeLine {
  /** Its kind. */
  readonly k: 'bye';
  /** The system stopped; only the observer was closed; another stream came with the same `viewer`. */
  readonly why: 'stopped' | 'closed' | 'replaced';
}

/** One line of `GET /api/live?since=SEQ&epoch=EPOCH&viewer=ID`. */
export type LiveLine =
  HelloLine | SnapLine | DeltaLine | LifeLine | RecLine | GapLine | IncidentLine | ByeLine;

/** A timer of a process. */
export interface PendingTimer {
  /** A delay of its chart; the time that a server waits for messages; a message that somebody sends later. */
  readonly kind: 'after' | 'timeout' | 'sendAfter';
  /** The type of the event that it will bring. */
  readonly event: string;
  /** The id of the state that it belongs to; of `after` only. */
  readonly state: string | null;
  /** What it was set to, in milliseconds. */
  readonly delayMs: number;
  /** What is left, in milliseconds, when the answer was made. */
  readonly leftMs: number;
}

/** A message that waits. */
export interface WaitingMessage {
  /** How it came. */
  readonly kind: Handled['kind'];
  /** Its type. */
  readonly event: string;
  /** Who sent it, where that is known: a pid. */
  readonly from: number | null;
  /** Itself, redacted and cut, as {@link HelloLine.can} says. */
  readonly body: unknown;
}

/** A restart that still counts for the restart intensity of a supervisor. */
export interface CountedRestart {
  /** When. */
  readonly at: number;
  /** The id of the child; `null` where that was not recorded. */
  readonly child: unknown;
  /** Why it had ended, in one line. */
  readonly reason: string | null;
}

/** What a supervisor decides by. */
export interface SupervisorAnswer {
  /** `oneForOne`, `oneForAll`, `restForOne`, `dynamic`. */
  readonly strategy: string | null;
  /** Restarts allowed within {@link SupervisorAnswer.maxSeconds}. */
  readonly maxRestarts: number;
  /** In seconds. */
  readonly maxSeconds: number;
  /** Room left; the next restart ends it; it gave up. */
  readonly standing: 'below' | 'full' | 'exceeded';
  /** What counts, oldest first. */
  readonly entries: readonly CountedRestart[];
  /** Its children in start order, as plain members; at most 1,000. */
  readonly children: readonly unknown[];
}

/** What may be done to a process. */
export interface OfferedAction {
  /** For `do` of {@link ActRequest}. */
  readonly name: string;
  /** What it will do to this process, as a sentence. */
  readonly consequence: string;
  /** Whether the viewer must have a person confirm it. */
  readonly confirm: boolean;
}

/** Answer of `GET /api/actor?pid=PID`. Values are redacted and cut; what was cut says so in its place. */
export interface ActorAnswer {
  /** Its row, as plain members. */
  readonly row: ActorRow;
  /** When. */
  readonly t: number;
  /** Its context, or its data; a list of keys when only those are shown. */
  readonly context: unknown;
  /** Ids of the states of its chart that it is in; none of what has no chart. */
  readonly active: readonly string[];
  /** Its timers, the next first. */
  readonly timers: readonly PendingTimer[];
  /** What waits in its mailbox, first in first; the first 100. */
  readonly mailbox: readonly WaitingMessage[];
  /** What it postponed; the first 100. */
  readonly postponed: readonly WaitingMessage[];
  /** Whether exit signals become messages. */
  readonly trapExit: boolean;
  /** Since when a callback of it awaits something; `null`: none does. */
  readonly busySince: number | null;
  /** Who it is linked to: pids. */
  readonly links: readonly number[];
  /** Who watches it: pids. */
  readonly monitoredBy: readonly number[];
  /** Whom it watches: pids. */
  readonly monitoring: readonly number[];
  /** Turns it has had. */
  readonly turns: number;
  /** What its supervisor says of it, as plain members: id, restart, shutdown, type …; `null` when it has none. */
  readonly child: unknown;
  /** Of a supervisor; else `null`. */
  readonly supervisor: SupervisorAnswer | null;
  /** Its last messages, oldest first: kind, type, when. More are sent to those who watch it. */
  readonly recent: readonly { readonly kind: string; readonly type: string; readonly at: number }[];
  /** What happened on its path, oldest first; at most 50. */
  readonly life: readonly LifeRecord[];
  /** What the sources know of it, by member. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What may be done to it; empty unless actions are switched on. */
  readonly actions: readonly OfferedAction[];
}

/** Answer of `GET /api/chart?hash=HASH`; it never changes. */
export interface ChartAnswer {
  /** The machine's states and transitions. */
  readonly chart: Chart;
  /** Where each of them is in a picture. */
  readonly layout: ChartLayout;
}

/** Body of `POST /api/watch`: of whom this viewer gets {@link RecLine}s. Replaces what it watched before. */
export interface WatchRequest {
  /** Which stream: the `viewer` that it was opened with. */
  readonly viewer: string;
  /** At most 200 processes. */
  readonly pids: readonly number[];
  /** A process: it and all below it; of those at most 200 too. */
  readonly tree?: number;
}

/** Answer of `POST /api/watch`. */
export interface WatchAnswer {
  /** Who is watched now: pids of the living. */
  readonly watching: readonly number[];
}

/** Body of `POST /api/act`. */
export interface ActRequest {
  /** The name of an {@link OfferedAction}. */
  readonly do: string;
  /** To whom. */
  readonly pid: number;
  /** Its incarnation: when that is another one by now, nothing is done. */
  readonly inc: number;
  /** Of `kill`: `{ reason }`, a text. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** That a person confirmed it, for actions that ask for it: the path of the process. */
  readonly confirm?: string;
}

/** Answer of `POST /api/act`. */
export interface ActAnswer {
  /** Whether it was done. */
  readonly ok: boolean;
  /** What came of it, as a sentence. */
  readonly outcome: string;
}

/** An incident that is kept. */
export interface IncidentSummary {
  /** For `GET /api/incidents/ID`; `?format=json` gives JSON instead of HTML. */
  readonly id: string;
  /** When. */
  readonly t: number;
  /** The same on the calendar, in milliseconds since 1970. */
  readonly wall: number;
  /** What happened, as a sentence. */
  readonly title: string;
}

/** Answer of `GET /api/incidents`. */
export interface IncidentsAnswer {
  /** Newest first. */
  readonly incidents: readonly IncidentSummary[];
}

/** Body of `POST /api/incidents`: keep the last 30 seconds now. Answered by an {@link IncidentSummary}. */
export interface KeepIncidentRequest {
  /** What happened, as a sentence. */
  readonly title?: string;
}

/** Answer of `GET /api/panels`: the tables of each source. */
export interface PanelsAnswer {
  /** When they were made; at most once a second. */
  readonly t: number;
  /** Source to panel to its content. */
  readonly panels: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Answer of `GET /api/turns`. Asked twice, the difference tells who is busy. */
export interface TurnsAnswer {
  /** When. */
  readonly t: number;
  /** How many turns each process has had: what OTP calls reductions. */
  readonly turns: readonly (readonly [pid: number, turns: number])[];
}

/** Answer of a request that was refused, with the status that goes with it. */
export interface RefusalAnswer {
  /** Why, as a sentence, and what to do. */
  readonly error: string;
}
