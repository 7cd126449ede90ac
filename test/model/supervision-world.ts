import { exitReason, Pid, type ExitReason } from '@snakepit/core';
import type { AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate';

/** What the world does to a supervisor, in its own words. Children are named by their label. */
export type Act =
  /** The start under way comes to this. */
  | { readonly do: 'start'; readonly comesTo: 'running' | 'ignored' | 'failed' }
  /** A child that runs ends by itself. */
  | { readonly do: 'end'; readonly label: string; readonly reason: Reason }
  /** A child that was asked to end does so. */
  | { readonly do: 'obey'; readonly label: string; readonly reason: Reason }
  /** Time passes until the next limit. */
  | { readonly do: 'wait'; readonly ms: number }
  /** Time passes until the next child has waited for its restart. */
  | { readonly do: 'wake'; readonly ms: number }
  /** Its parent ends it. */
  | { readonly do: 'parent' }
  /** Somebody asks it to end. */
  | { readonly do: 'stop' }
  /** A process that it does not know sends an exit signal, or a message that it does not know. */
  | { readonly do: 'stranger' }
  | { readonly do: 'nonsense' }
  /** It is called. */
  | { readonly do: 'call'; readonly verb: string; readonly label: string };

/** Why children end here. */
export type Reason = 'normal' | 'boom' | 'shutdown';

/** A child spec without its start. */
export type SpecTraits = Readonly<Record<string, unknown>>;

/** A child that waits for its restart. */
export interface Wait {
  readonly serial: number;
  readonly wait: number;
  /** How much longer. */
  readonly leftMs: number;
}

/** A supervisor and what is on its way to it. */
export interface World {
  readonly snapshot: AnyMachineSnapshot;
  /** Its mailbox: what it has postponed. */
  readonly waiting: readonly AnyEventObject[];
  /** Labels of its children by place. */
  readonly labels: readonly string[];
  /** Why children are dead whose end it has not heard of, by number of pid. */
  readonly dead: ReadonlyMap<number, ExitReason>;
  /** Who waits for a restart, in the order in which the waits began. */
  readonly waits: readonly Wait[];
  /** The call that it is carrying out. */
  readonly caller: string;
  /** Calls that it has taken and not answered. */
  readonly open: readonly string[];
}

/** What follows from an act. */
export interface Step {
  readonly world: World;
  /** What the machine was given, in order. */
  readonly events: readonly AnyEventObject[];
  /** What the supervisor does, in order. */
  readonly does: readonly string[];
  /** Whom it asks to end, in order. */
  readonly asks: readonly string[];
  /** Who ends, in order. */
  readonly ends: readonly string[];
  /** What callers are told, in order. */
  readonly answers: readonly string[];
}

/** What a supervisor and its children are made of. */
export interface Setting {
  readonly machine: AnyStateMachine;
  readonly input: object;
  /** Labels of the children that it is started with. */
  readonly labels: readonly string[];
  /** Children that may be added, by label. */
  readonly specs: Readonly<Record<string, SpecTraits>>;
}

/** Whether a supervisor is at rest: it takes what comes. */
export function isAtRest({ value }: AnyMachineSnapshot): boolean {
  return ['{"running":"idle"}', '{"running":"backingOff"}'].includes(JSON.stringify(value));
}

/** A reason by its word. */
export function reasonNamed(reason: Reason): ExitReason {
  return reason === 'boom' ? exitReason.custom('boom') : exitReason[reason];
}

/** What a chart knows of one child. */
export interface Slot {
  readonly serial: number;
  readonly status: string;
  readonly pid: number | null;
  readonly starts: number;
  readonly failures: number;
  readonly shutdown: unknown;
  readonly history: {
    readonly inARow: number;
    readonly budget: { readonly count: number } | null;
  } | null;
}

/** The children that a chart knows, in order. */
export function slotsOf(snapshot: AnyMachineSnapshot): readonly Slot[] {
  const { children } = snapshot.context as { children: { slots: { root: unknown } } };
  return [...slotsIn(children.slots.root)];
}

/** The slots in a table: the objects in its rows. */
function* slotsIn(rows: unknown): Generator<Slot> {
  if (Array.isArray(rows)) for (const row of rows) yield* slotsIn(row);
  else if (typeof rows === 'object' && rows !== null) yield rows as Slot;
}

/** What an answer of a chart comes to; our callers get it in the same words. */
export function answerText(answer: unknown): string {
  const { kind, refusal } = answer as { kind: string; refusal?: { kind: string } };
  if (kind === 'refused') return refusal?.kind === 'invalidSpec' ? 'unfit' : String(refusal?.kind);
  return kind === 'done' ? 'ok' : kind;
}

/** A reason in a word. */
export function word(reason: unknown): string {
  const { kind, value } = reason as { kind: string; value?: unknown };
  return kind === 'custom' && typeof value === 'string' ? value : kind;
}

/** The call that an event or an action is about. */
export function tagOf(carrier: object): string {
  const { from } = carrier as { from?: { tag?: string } };
  return from?.tag ?? '';
}

/** The place that the next child gets. */
export function nextSerial(snapshot: AnyMachineSnapshot): number {
  return (snapshot.context as { children: { nextSerial: number } }).children.nextSerial;
}

/** Whether an event must wait: the state postpones all for which it names no transition. */
export function isBusyWith(snapshot: AnyMachineSnapshot, { type }: AnyEventObject): boolean {
  const postpones = snapshot._nodes.some(({ meta }) => meta !== undefined);
  return postpones && !snapshot._nodes.some((node) => node.transitions.has(type));
}

/** A pid of no system, only to be named in events. */
export function pidWith(id: number): Pid {
  return Object.assign(Object.create(Pid.prototype) as Pid, { id });
}

/** The number of the pid that a child gets: a new one at each start, with its place in it. */
export function pidAt(place: number, starts: number): number {
  return 100 * (starts + 1) + place;
}

/** The number of the pid that a child has or had; of nobody, while it starts for the first time. */
export function numberOf({ snapshot, labels }: World, label: string): number {
  const place = labels.lastIndexOf(label);
  const slot = slotsOf(snapshot).find(({ serial }) => serial === place);
  return slot === undefined ? -1 : (slot.pid ?? -1);
}

/** How a list of children shows what the chart knows of one. */
const shownAs: Readonly<Record<string, string>> = {
  running: 'up',
  restarting: 'restarting',
  backingOff: 'restarting',
  failed: 'failed',
};

/** The list of children that a supervisor gives. */
export function listed({ snapshot, labels }: World): string[] {
  const list = slotsOf(snapshot).map(({ serial, status }) => {
    // Who is restarted by a dynamic supervisor has neither id nor pid there.
    const isKnown = !isDynamic(snapshot) || status === 'running';
    return `${isKnown ? (labels[serial] ?? '?') : '?'} ${shownAs[status] ?? 'undefined'}`;
  });
  return isDynamic(snapshot) ? list : list.reverse();
}

/** How many children a supervisor says that it has. */
export function counted({ snapshot, dead }: World): string {
  const slots = slotsOf(snapshot);
  const active = slots.filter(
    ({ pid, status }) => status === 'running' && (isDynamic(snapshot) || !dead.has(pid ?? -1)),
  );
  return `${slots.length} specs, ${active.length} active`;
}

function isDynamic({ machine }: AnyMachineSnapshot): boolean {
  return machine.id === 'dynamicSupervisor';
}
