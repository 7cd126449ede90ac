import { exitReason, isCleanExit, type ExitReason } from '@snakepit/core';
import { keyOfId } from './child-id.ts';
import { checkChildSpec, type AutoShutdown } from './child-spec.ts';
import {
  addChild,
  childOfKey,
  childOfPid,
  hasOtherActiveSignificant,
  markExited,
  markRestarting,
  markRunning,
  markStarting,
  nextToStart,
  nextToStop,
  noChildren,
  removeChild,
  settleBetween,
  settleChild,
  traitsOf,
  type Children,
  type ChildSlot,
} from './children.ts';
import { reasonOfFault } from './errors.ts';
import type { Refusal } from './requests.ts';
import type { RestartBudget } from './restart-budget.ts';
import { callsForRestart, childAtHand, type RestartContext } from './restart-decisions.ts';
import { openingHistory } from './restart-history.ts';
import { emptyWindow } from './restart-window.ts';
import { checkSupervisorOptions, type Strategy } from './supervisor-options.ts';

/** All that a supervisor decides by; plain data, replaced at every event. */
export interface SupervisorContext extends RestartContext {
  /** Which children are restarted when one ends. */
  readonly strategy: Strategy;
  /** Whether the end of significant children ends it. */
  readonly autoShutdown: AutoShutdown;
  /** How often each child may be restarted whose spec does not say; `null` when only the window counts. */
  readonly budget: RestartBudget | null;
  /** Number of the pid it obeys; `null` until it is told. */
  readonly parent: number | null;
  /** First place of the children that are being stopped or started. */
  readonly from: number;
  /** Last place of them. */
  readonly upTo: number;
  /** Whether the child at hand ended by itself cleanly. */
  readonly clean: boolean;
  /** What it will exit with, once it is known that it will. */
  readonly reason: ExitReason | null;
}

/** The context of a supervisor with these options, as they were given; faulty ones show as its reason. */
export function openingContext(options: unknown): SupervisorContext {
  const checked = checkSupervisorOptions(options);
  const common = { parent: null, from: 0, at: null, clean: false };
  if (!checked.ok) {
    return {
      ...common,
      strategy: 'oneForOne',
      autoShutdown: 'never',
      window: emptyWindow(0, 1),
      backoff: null,
      budget: null,
      children: noChildren,
      upTo: -1,
      reason: reasonOfFault(checked.fault),
    };
  }
  const { strategy, autoShutdown, intensity, period, backoff, budget = null, list } = checked.plan;
  const children = list.reduce(
    (sofar, { spec, key }) => addChild(sofar, traitsOf(spec, key), openingHistory(spec, backoff)),
    noChildren,
  );
  return {
    ...common,
    strategy,
    autoShutdown,
    window: emptyWindow(intensity, period),
    backoff,
    budget,
    children,
    upTo: children.nextSerial - 1,
    reason: null,
  };
}

/** Takes all children into view. */
export function spanAll(context: SupervisorContext): Partial<SupervisorContext> {
  return { from: 0, upTo: context.children.nextSerial - 1 };
}

/**
 * Takes the children into view that are restarted when the one at hand fails (OTP STR-006 … STR-008).
 *
 * In a group none has anything left to wait for: the one that failed, and one whose own restart had failed, are down
 * like those that will be stopped (STR-020).
 */
export function spanGroup(context: SupervisorContext): Partial<SupervisorContext> {
  const failed = context.at ?? 0;
  if (context.strategy === 'oneForOne') return { from: failed, upTo: failed };
  const from = context.strategy === 'oneForAll' ? 0 : failed;
  const upTo = context.children.nextSerial - 1;
  return { from, upTo, children: settleBetween(context.children, from, upTo) };
}

/** Goes on to the next child to stop, downwards. */
export function aimDown({
  children,
  from,
  upTo,
  at,
}: SupervisorContext): Partial<SupervisorContext> {
  return { at: nextToStop(children, from, at ?? upTo)?.serial ?? null };
}

/** Goes on to the next child to start, upwards. */
export function aimUp({ children, from, upTo, at }: SupervisorContext): Partial<SupervisorContext> {
  const next = nextToStart(children, at === null ? from : at + 1, upTo);
  return { at: next?.serial ?? null };
}

/**
 * Takes the children into view that are to be started still, now that the one at hand is given up.
 *
 * It was alone, or the others of its group kept running: nobody. But if a start of its group had failed with it, those
 * after it are down and wait for it: they go on without it, as without one that ignores (STR-022).
 */
export function spanRest(context: SupervisorContext): Partial<SupervisorContext> {
  const slot = childAtHand(context);
  const isGroup = context.strategy !== 'oneForOne' && (slot?.failures ?? 0) > 0;
  const from = (slot?.serial ?? 0) + 1;
  return { from, upTo: isGroup ? context.children.nextSerial - 1 : -1 };
}

/** Changes the bookkeeping of the child at hand. */
function onChildAtHand(
  context: SupervisorContext,
  update: (children: Children, serial: number) => Children,
): Partial<SupervisorContext> {
  return context.at === null ? {} : { children: update(context.children, context.at) };
}

/** The start of the child at hand is under way. */
export function beginStart(context: SupervisorContext): Partial<SupervisorContext> {
  return onChildAtHand(context, markStarting);
}

/** The child at hand runs. */
export function rememberStart(
  context: SupervisorContext,
  pid: number,
  atMs: number,
): Partial<SupervisorContext> {
  return onChildAtHand(context, (children, serial) => markRunning(children, serial, pid, atMs));
}

/** The child at hand is down and stays so. */
export function settle(context: SupervisorContext): Partial<SupervisorContext> {
  return onChildAtHand(context, settleChild);
}

/** The restart of the child at hand failed. */
export function awaitRetry(context: SupervisorContext): Partial<SupervisorContext> {
  return onChildAtHand(context, markRestarting);
}

/** The child at hand is forgotten. */
export function dropChild(context: SupervisorContext): Partial<SupervisorContext> {
  return onChildAtHand(context, removeChild);
}

/** A child ended by itself; it is the one at hand now. */
export function rememberEnd(
  context: SupervisorContext,
  pid: number,
  reason: ExitReason,
): Partial<SupervisorContext> {
  const slot = childOfPid(context.children, pid);
  if (slot === undefined) return {};
  return {
    at: slot.serial,
    clean: isCleanExit(reason),
    children: markExited(context.children, slot.serial, reason.kind),
  };
}

/** A child that was to be stopped is down, asked or not. */
export function rememberStop(
  context: SupervisorContext,
  pid: number,
  reason: ExitReason,
): Partial<SupervisorContext> {
  const slot = childOfPid(context.children, pid);
  if (slot === undefined) return {};
  return {
    children: settleChild(markExited(context.children, slot.serial, reason.kind), slot.serial),
  };
}

/** Whether the end of the child at hand, which is not restarted, ends the supervisor (OTP AUT-001 … AUT-005). */
export function endsSupervisor(context: SupervisorContext): boolean {
  const slot = childAtHand(context);
  if (slot?.significant !== true || callsForRestart(context)) return false;
  switch (context.autoShutdown) {
    case 'never':
      return false;
    case 'anySignificant':
      return true;
    case 'allSignificant':
      return !hasOtherActiveSignificant(context.children, slot.serial);
  }
}

/** What a supervisor exits with whose child could not be started (OTP SUP-005). */
export function failedToStart(context: SupervisorContext, reason: ExitReason): ExitReason {
  const id = childAtHand(context)?.id ?? null;
  return exitReason.shutdownWith({ kind: 'failedToStartChild', id, reason });
}

/** Why a child cannot be added, or `undefined` (OTP SUP-013, SPEC-015). */
export function refusalOfSpec(context: SupervisorContext, spec: unknown): Refusal | undefined {
  const checked = checkChildSpec(spec, context.autoShutdown);
  if (!checked.ok) return { kind: 'invalidSpec', fault: checked.fault };
  const known = childOfKey(context.children, checked.key);
  if (known === undefined) return undefined;
  return known.status === 'running'
    ? { kind: 'alreadyStarted', serial: known.serial }
    : { kind: 'alreadyPresent' };
}

/** Adds a child with a spec that was not refused; it is the one at hand now. */
export function addRequested(
  context: SupervisorContext,
  spec: unknown,
): Partial<SupervisorContext> {
  const { autoShutdown, budget, backoff, children } = context;
  const checked = checkChildSpec(spec, autoShutdown, budget ?? undefined);
  if (!checked.ok) return {};
  const history = openingHistory(checked.spec, backoff);
  return {
    at: children.nextSerial,
    children: addChild(children, traitsOf(checked.spec, checked.key), history),
  };
}

/** The child with this id, if there is one. */
export function childOfId(context: SupervisorContext, id: unknown): ChildSlot | undefined {
  const key = keyOfId(id);
  return key === undefined ? undefined : childOfKey(context.children, key);
}

/** Why a child cannot be deleted or restarted by hand, or `undefined` (OTP SUP-018, SUP-019). */
export function refusalOfStopped(context: SupervisorContext, id: unknown): Refusal | undefined {
  const slot = childOfId(context, id);
  if (slot === undefined) return { kind: 'notFound' };
  if (slot.status === 'running') return { kind: 'running' };
  if (slot.status === 'restarting' || slot.status === 'backingOff') return { kind: 'restarting' };
  return undefined;
}
