import type { ExitReason } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildType, CompleteChildSpec, RestartType, Shutdown } from './child-spec.ts';
import type { RestartHistory } from './restart-history.ts';
import { emptyIndex, indexDelete, indexGet, indexSet, type KeyIndex } from './key-index.ts';
import {
  emptyTable,
  firstBetween,
  lastBetween,
  tableDelete,
  tableGet,
  tableSet,
  type OrderedTable,
} from './ordered-table.ts';

/** Where a child is in its life, as its supervisor knows it. */
export type ChildStatus =
  /** Down, and nobody is about to start it. */
  | 'undefined'
  | 'starting'
  | 'running'
  /** Ended by itself; what follows is being decided. */
  | 'exited'
  /** A restart failed and will be tried again. */
  | 'restarting'
  /** Its restart waits for its time; an extension, see `RestartBackoff`. */
  | 'backingOff'
  /** Given up: its budget is used up; an extension, see `RestartBudget`. */
  | 'failed';

/** What of a child spec decisions are made by; plain data. */
export interface ChildTraits {
  /** Names the child; `null` where ids mean nothing (a dynamic supervisor). */
  readonly id: ChildId;
  /** The id as text, or `null` when it is not looked up by id. */
  readonly key: string | null;
  /** When it is started again. */
  readonly restart: RestartType;
  /** How it is stopped. */
  readonly shutdown: Shutdown;
  /** What it is. */
  readonly type: ChildType;
  /** Whether its own end counts for `autoShutdown`. */
  readonly significant: boolean;
}

/** One child as its supervisor's chart knows it: plain data, never a handle. */
export interface ChildSlot extends ChildTraits {
  /** Its place in the order: given when it was added, never again. */
  readonly serial: number;
  /** Where it is in its life. */
  readonly status: ChildStatus;
  /** Number of its pid; while a restart is due, or it is given up, of the one it had; else `null`. */
  readonly pid: number | null;
  /** How often it was started. */
  readonly starts: number;
  /** How many restarts in a row failed. */
  readonly failures: number;
  /** Kind of the reason of its last end. */
  readonly lastExit: ExitReason['kind'] | null;
  /** Its restarts, where a backoff or a budget needs them. */
  readonly history: RestartHistory | null;
}

/** The children of a supervisor in start order, found by place, pid or id. Immutable. */
export interface Children {
  /** By place. */
  readonly slots: OrderedTable<ChildSlot>;
  /** From number of a running child's pid to place. */
  readonly byPid: KeyIndex<number>;
  /** From id as text to place. */
  readonly byKey: KeyIndex<string>;
  /** The place that the next child gets. */
  readonly nextSerial: number;
  /** How many wait for the time of their restart. */
  readonly backingOff: number;
}

/** No children. */
export const noChildren: Children = {
  slots: emptyTable(),
  byPid: emptyIndex(),
  byKey: emptyIndex(),
  nextSerial: 0,
  backingOff: 0,
};

/** What a chart needs to know of a spec. */
export function traitsOf(spec: CompleteChildSpec, key: string | null): ChildTraits {
  const { id, restart, shutdown, type, significant } = spec;
  return { id: key === null ? null : id, key, restart, shutdown, type, significant };
}

/** Adds a child at the end of the order, not yet started. */
export function addChild(
  children: Children,
  traits: ChildTraits,
  history: RestartHistory | null = null,
): Children {
  const serial = children.nextSerial;
  const slot = slotOf(traits, serial, {
    status: 'undefined',
    pid: null,
    starts: 0,
    failures: 0,
    lastExit: null,
    history,
  });
  return {
    slots: tableSet(children.slots, serial, slot),
    byPid: children.byPid,
    byKey: traits.key === null ? children.byKey : indexSet(children.byKey, traits.key, serial),
    nextSerial: serial + 1,
    backingOff: children.backingOff,
  };
}

/** Forgets a child; its id may be used again, its place never. */
export function removeChild(children: Children, serial: number): Children {
  const slot = childAt(children, serial);
  if (slot === undefined) return children;
  return {
    slots: tableDelete(children.slots, serial),
    byPid: slot.pid === null ? children.byPid : indexDelete(children.byPid, slot.pid),
    byKey: slot.key === null ? children.byKey : indexDelete(children.byKey, slot.key),
    nextSerial: children.nextSerial,
    backingOff: children.backingOff - waits(slot.status),
  };
}

/** The child at a place. */
export function childAt(children: Children, serial: number): ChildSlot | undefined {
  return tableGet(children.slots, serial);
}

/** The running child with this pid. */
export function childOfPid(children: Children, pid: number): ChildSlot | undefined {
  const serial = indexGet(children.byPid, pid);
  return serial === undefined ? undefined : childAt(children, serial);
}

/** The child with this id, as text. */
export function childOfKey(children: Children, key: string): ChildSlot | undefined {
  const serial = indexGet(children.byKey, key);
  return serial === undefined ? undefined : childAt(children, serial);
}

/** A start is under way. */
export function markStarting(children: Children, serial: number): Children {
  return change(children, serial, ({ pid, starts, failures, lastExit, history }) => ({
    status: 'starting',
    pid,
    starts,
    failures,
    lastExit,
    history,
  }));
}

/**
 * The child runs under this pid.
 *
 * @param atMs - Since when, in milliseconds of the clock.
 */
export function markRunning(
  children: Children,
  serial: number,
  pid: number,
  atMs: number,
): Children {
  const changed = change(children, serial, ({ starts, lastExit, history }) => ({
    status: 'running',
    pid,
    starts: starts + 1,
    failures: 0,
    lastExit,
    history: history === null ? null : { ...history, startedAtMs: atMs },
  }));
  return withPids(changed, indexSet(changed.byPid, pid, serial));
}

/** The child ended; its spec and the number of its pid are kept. */
export function markExited(
  children: Children,
  serial: number,
  lastExit: ExitReason['kind'],
): Children {
  return change(forgetPid(children, serial), serial, ({ pid, starts, failures, history }) => ({
    status: 'exited',
    pid,
    starts,
    failures,
    lastExit,
    history,
  }));
}

/** Whether the end of a child calls for a restart (OTP STR-001 … STR-003). */
export function callsForRestart({ restart }: ChildTraits, isClean: boolean): boolean {
  return restart === 'permanent' || (restart === 'transient' && !isClean);
}

/** A restart failed and will be tried again. */
export function markRestarting(children: Children, serial: number): Children {
  return change(children, serial, ({ pid, starts, failures, lastExit, history }) => ({
    status: 'restarting',
    pid,
    starts,
    failures: failures + 1,
    lastExit,
    history,
  }));
}

/** The restart of a child waits for its time. */
export function markBackingOff(children: Children, serial: number): Children {
  return change(children, serial, (slot) => ({
    ...slot,
    status: 'backingOff',
    history: slot.history === null ? null : { ...slot.history, waits: slot.history.waits + 1 },
  }));
}

/** A child is given up. */
export function markFailed(children: Children, serial: number): Children {
  return change(children, serial, (slot) => ({ ...slot, status: 'failed' }));
}

/** Replaces what is remembered of a child's restarts, if it is remembered. */
export function withHistory(
  children: Children,
  serial: number,
  update: (history: RestartHistory) => RestartHistory,
): Children {
  return change(children, serial, (slot) =>
    slot.history === null ? slot : { ...slot, history: update(slot.history) },
  );
}

/** The child is down and stays so for now; a temporary one is forgotten (OTP SUP-024, STR-010). */
export function settleChild(children: Children, serial: number): Children {
  const slot = childAt(children, serial);
  // Who is given up stays so until somebody starts it.
  if (slot === undefined || slot.status === 'failed') return children;
  if (slot.restart === 'temporary') return removeChild(children, serial);
  return change(forgetPid(children, serial), serial, ({ starts, failures, lastExit, history }) => ({
    status: 'undefined',
    pid: null,
    starts,
    failures,
    lastExit,
    history,
  }));
}

/** All between two places, both included, that are down for a restart are down and stay so for now. */
export function settleBetween(children: Children, from: number, upTo: number): Children {
  const nextFrom = (place: number) => firstBetween(children.slots, place, upTo, awaitsRestart)?.[0];
  let settled = children;
  for (let at = nextFrom(from); at !== undefined; at = nextFrom(at + 1)) {
    settled = settleChild(settled, at);
  }
  return settled;
}

/** The last running child between two places, both included: the next to stop. */
export function nextToStop(children: Children, from: number, upTo: number): ChildSlot | undefined {
  return lastBetween(children.slots, from, upTo, (slot) => slot.status === 'running')?.[1];
}

/**
 * The first child between two places that is down and may be started; temporary ones never are again (STR-003), and
 * neither are those that were given up.
 */
export function nextToStart(children: Children, from: number, upTo: number): ChildSlot | undefined {
  const mayStart = (slot: ChildSlot): boolean =>
    slot.status !== 'running' &&
    slot.status !== 'failed' &&
    (slot.restart !== 'temporary' || slot.starts === 0);
  return firstBetween(children.slots, from, upTo, mayStart)?.[1];
}

/** Whether a significant child other than this one runs or is being restarted (OTP AUT-004, AUT-005). */
export function hasOtherActiveSignificant(children: Children, serial: number): boolean {
  const found = firstBetween(
    children.slots,
    0,
    children.nextSerial,
    (slot) =>
      slot.significant &&
      slot.serial !== serial &&
      (slot.status === 'running' || slot.status === 'restarting' || slot.status === 'backingOff'),
  );
  return found !== undefined;
}

function awaitsRestart({ status }: ChildSlot): boolean {
  return status === 'exited' || status === 'restarting' || status === 'backingOff';
}

function waits(status: ChildStatus): number {
  return status === 'backingOff' ? 1 : 0;
}

function change(
  children: Children,
  serial: number,
  update: (slot: ChildSlot) => ChildLife,
): Children {
  const slot = childAt(children, serial);
  if (slot === undefined) return children;
  const { byPid, byKey, nextSerial } = children;
  const life = update(slot);
  const slots = tableSet(children.slots, serial, slotOf(slot, serial, life));
  const backingOff = children.backingOff - waits(slot.status) + waits(life.status);
  return { slots, byPid, byKey, nextSerial, backingOff };
}

/** What changes of a child, field by field: this is done several times a restart, and a spread is far slower. */
type ChildLife = Pick<ChildSlot, 'status' | 'pid' | 'starts' | 'failures' | 'lastExit' | 'history'>;

function slotOf(traits: ChildTraits, serial: number, life: ChildLife): ChildSlot {
  const { id, key, restart, shutdown, type, significant } = traits;
  const { status, pid, starts, failures, lastExit, history } = life;
  return {
    id,
    key,
    restart,
    shutdown,
    type,
    significant,
    serial,
    status,
    pid,
    starts,
    failures,
    lastExit,
    history,
  };
}

function withPids(
  { slots, byKey, nextSerial, backingOff }: Children,
  byPid: KeyIndex<number>,
): Children {
  return { slots, byPid, byKey, nextSerial, backingOff };
}

function forgetPid(children: Children, serial: number): Children {
  const pid = childAt(children, serial)?.pid ?? null;
  return pid === null ? children : withPids(children, indexDelete(children.byPid, pid));
}
