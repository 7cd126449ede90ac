import type { ActorSystem } from '@snakepit/core';
import type { ChildCounts, ChildInfo } from './administration.ts';
import type { ChildHandles } from './child-handles.ts';
import type { ChildStart } from './child-spec.ts';
import type { ChildSlot } from './children.ts';
import type { Answer, Refusal } from './requests.ts';

/** A chart's answer as its caller gets it: with pids. */
export function answerOf(answer: Answer, handles: ChildHandles): object {
  switch (answer.kind) {
    case 'done':
      return { ok: true };
    case 'started':
      return { ok: true, pid: handles.pid(answer.serial) };
    case 'ignored':
      return { ok: true, pid: undefined };
    case 'refused':
      return { ok: false, error: errorOf(answer.refusal, handles) };
  }
}

/** One child in a list. */
export function infoOf(slot: ChildSlot, handles: ChildHandles): ChildInfo {
  const start = handles.spec(slot.serial)?.start;
  const lastPid = slot.status === 'failed' ? handles.pid(slot.serial) : undefined;
  return {
    id: slot.key === null ? undefined : slot.id,
    pid: pidOf(slot, handles),
    type: slot.type,
    behaviour: start === undefined ? 'function' : labelOf(start),
    ...(lastPid !== undefined && { lastPid }),
  };
}

function pidOf({ status, serial }: ChildSlot, handles: ChildHandles): ChildInfo['pid'] {
  switch (status) {
    case 'running':
      return handles.pid(serial);
    case 'restarting':
    case 'backingOff':
      return 'restarting';
    case 'failed':
      return 'failed';
    default:
      return undefined;
  }
}

/**
 * Counts children.
 *
 * Who is alive is looked at now (OTP SUP-022); a dynamic supervisor, whose children have no ids, counts those whose end
 * it has not heard of (OTP DYN-018).
 */
export function countsOf(
  slots: Iterable<ChildSlot>,
  handles: ChildHandles,
  system: ActorSystem,
): ChildCounts {
  let [specs, active, supervisors] = [0, 0, 0];
  for (const slot of slots) {
    const pid = slot.status === 'running' ? handles.pid(slot.serial) : undefined;
    specs += 1;
    if (pid !== undefined && (slot.key === null || system.isAlive(pid))) active += 1;
    if (slot.type === 'supervisor') supervisors += 1;
  }
  return { specs, active, supervisors, workers: specs - supervisors };
}

function errorOf(refusal: Refusal, handles: ChildHandles): object {
  switch (refusal.kind) {
    case 'invalidSpec':
      return refusal.fault;
    case 'alreadyStarted':
      return { kind: 'alreadyStarted', pid: handles.pid(refusal.serial) };
    case 'startFailed': {
      const { reason, serial } = refusal;
      // A taken name is told unwrapped (SUP-014).
      if (reason.kind === 'alreadyStarted') return { kind: 'alreadyStarted', pid: reason.pid };
      const id = serial === null ? undefined : handles.spec(serial)?.id;
      return id === undefined
        ? { kind: 'startFailed', reason }
        : { kind: 'startFailed', reason, id };
    }
    default:
      return refusal;
  }
}

/** What a child runs. A start function that stands for a behaviour has its label. */
function labelOf(start: ChildStart): string {
  const logic: object = typeof start === 'function' ? start : start[0];
  if ('label' in logic && typeof logic.label === 'string') return logic.label;
  return typeof start === 'function' ? 'function' : 'actor';
}
