import { isCleanExit, type ExitReason } from '@snakepit/core';
import {
  addChild,
  childAt,
  childOfPid,
  markBackingOff,
  markExited,
  markFailed,
  markRestarting,
  markRunning,
  markStarting,
  noChildren,
  removeChild,
  traitsOf,
  type Children,
  type ChildSlot,
} from './children.ts';
import { checkDynamicChildSpec, checkDynamicOptions } from './dynamic-options.ts';
import { reasonOfFault } from './errors.ts';
import { emptyIndex, indexDelete, indexGet, indexSet, type KeyIndex } from './key-index.ts';
import { tableValues } from './ordered-table.ts';
import type { Refusal } from './requests.ts';
import type { RestartBudget } from './restart-budget.ts';
import { childAtHand, type RestartContext } from './restart-decisions.ts';
import { openingHistory } from './restart-history.ts';
import { emptyWindow } from './restart-window.ts';

/** All that a dynamic supervisor decides by; plain data, replaced at every event. */
export interface DynamicSupervisorContext extends RestartContext {
  /** Children allowed; `null` without limit. */
  readonly maxChildren: number | null;
  /** How often each child may be restarted whose spec does not say; `null` when only the window counts. */
  readonly budget: RestartBudget | null;
  /** Children that are down, but kept, by the number of the pid they had (OTP DYN-017). */
  readonly down: KeyIndex<number>;
  /** Number of the pid it obeys; `null` until it is told. */
  readonly parent: number | null;
  /** Whether the child at hand ended by itself cleanly. */
  readonly clean: boolean;
  /** While stopping: distinct times after which children are killed, in milliseconds, ascending. */
  readonly limits: readonly number[];
  /** While stopping: how much of that time is over, in milliseconds. */
  readonly elapsedMs: number;
  /** What it will exit with, once it is known that it will. */
  readonly reason: ExitReason | null;
}

type Change = Partial<DynamicSupervisorContext>;

/** The context of a dynamic supervisor with these options, as they were given. */
export function openingContext(options: unknown): DynamicSupervisorContext {
  const checked = checkDynamicOptions(options);
  return {
    maxChildren: checked.ok ? checked.plan.maxChildren : 0,
    window: checked.ok
      ? emptyWindow(checked.plan.intensity, checked.plan.period)
      : emptyWindow(0, 1),
    backoff: checked.ok ? checked.plan.backoff : null,
    budget: (checked.ok ? checked.plan.budget : undefined) ?? null,
    children: noChildren,
    down: emptyIndex(),
    parent: null,
    at: null,
    clean: false,
    limits: [],
    elapsedMs: 0,
    reason: checked.ok ? null : reasonOfFault(checked.fault),
  };
}

/** The child meant by the number of a pid: a running one, or one that is down by the pid it had. */
export function childMeant(
  context: DynamicSupervisorContext,
  pid: number | undefined,
): ChildSlot | undefined {
  if (pid === undefined) return undefined;
  const running = childOfPid(context.children, pid);
  if (running !== undefined) return running;
  const serial = indexGet(context.down, pid);
  return serial === undefined ? undefined : childAt(context.children, serial);
}

/** Why a child cannot be added, or `undefined`; the limit is looked at before the start is tried (OTP DYN-014). */
export function refusalOfSpec(
  context: DynamicSupervisorContext,
  spec: unknown,
): Refusal | undefined {
  const checked = checkDynamicChildSpec(spec);
  if (!checked.ok) return { kind: 'invalidSpec', fault: checked.fault };
  const { maxChildren, children } = context;
  if (maxChildren === null || children.slots.size < maxChildren) return undefined;
  return { kind: 'maxChildren', limit: maxChildren };
}

/** Why a child cannot be started again by hand, or `undefined`: only one that was given up can. */
export function refusalOfRevival(
  context: DynamicSupervisorContext,
  pid: number | undefined,
): Refusal | undefined {
  const status = childMeant(context, pid)?.status;
  if (status === undefined) return { kind: 'notFound' };
  if (status === 'failed') return undefined;
  return { kind: status === 'running' ? 'running' : 'restarting' };
}

/** Adds a child with a spec that was not refused; it is the one at hand now. */
export function addRequested(context: DynamicSupervisorContext, spec: unknown): Change {
  const { budget, backoff, children } = context;
  const checked = checkDynamicChildSpec(spec, budget ?? undefined);
  if (!checked.ok) return {};
  const history = openingHistory(checked.spec, backoff);
  return {
    at: children.nextSerial,
    children: addChild(children, traitsOf(checked.spec, null), history),
  };
}

/** The start of the child at hand is under way. */
export function beginStart(context: DynamicSupervisorContext): Change {
  return onChildAtHand(context, markStarting);
}

/** The child at hand runs. */
export function rememberStart(
  context: DynamicSupervisorContext,
  pid: number,
  atMs: number,
): Change {
  return {
    ...notDown(context),
    ...onChildAtHand(context, (children, serial) => markRunning(children, serial, pid, atMs)),
  };
}

/** A child ended by itself; it is the one at hand now. */
export function rememberEnd(
  context: DynamicSupervisorContext,
  pid: number,
  reason: ExitReason,
): Change {
  const slot = childOfPid(context.children, pid);
  if (slot === undefined) return {};
  return {
    at: slot.serial,
    clean: isCleanExit(reason),
    children: markExited(context.children, slot.serial, reason.kind),
  };
}

/** A child that was to be stopped is down: it is gone for good. */
export function rememberStop(context: DynamicSupervisorContext, pid: number): Change {
  const slot = childOfPid(context.children, pid);
  return slot === undefined ? {} : { children: removeChild(context.children, slot.serial) };
}

/** The restart of the child at hand failed; until the next attempt it is found by its old pid. */
export function awaitRetry(context: DynamicSupervisorContext): Change {
  return { ...keptDown(context), ...onChildAtHand(context, markRestarting) };
}

/** The child at hand waits for the time of its restart; until then it is found by its old pid. */
export function backOff(context: DynamicSupervisorContext): Change {
  return { ...keptDown(context), ...onChildAtHand(context, markBackingOff) };
}

/** The child at hand is given up; it is found by its old pid. */
export function giveUpChild(context: DynamicSupervisorContext): Change {
  return { ...keptDown(context), ...onChildAtHand(context, markFailed) };
}

/** The child at hand is gone for good. */
export function dropChild(context: DynamicSupervisorContext): Change {
  return { ...notDown(context), ...onChildAtHand(context, removeChild) };
}

/** Begins to stop everybody at once: what does not run is dropped, the time limits are laid out (OTP DYN-019). */
export function beginStop(context: DynamicSupervisorContext): Change {
  let { children } = context;
  const limits = new Set<number>();
  for (const slot of tableValues(context.children.slots)) {
    if (slot.status !== 'running') children = removeChild(children, slot.serial);
    else if (typeof slot.shutdown === 'number') limits.add(slot.shutdown);
  }
  return {
    children,
    down: emptyIndex(),
    limits: [...limits].sort((a, b) => a - b),
    elapsedMs: 0,
  };
}

/** The earliest limit is over. */
export function closeLimit({ limits, elapsedMs }: DynamicSupervisorContext): Change {
  return { limits: limits.slice(1), elapsedMs: limits[0] ?? elapsedMs };
}

/** The child at hand can be named by the pid it had. */
function keptDown(context: DynamicSupervisorContext): Change {
  const slot = childAtHand(context);
  return slot === undefined || slot.pid === null
    ? {}
    : { down: indexSet(context.down, slot.pid, slot.serial) };
}

function notDown(context: DynamicSupervisorContext): Change {
  const pid = childAtHand(context)?.pid ?? null;
  return pid === null ? {} : { down: indexDelete(context.down, pid) };
}

function onChildAtHand(
  context: DynamicSupervisorContext,
  update: (children: Children, serial: number) => Children,
): Change {
  return context.at === null ? {} : { children: update(context.children, context.at) };
}
