import type { AnyStateMachine } from 'xstate';
import { timeoutMessage } from '../behaviours/gen-server-timer.ts';
import { SystemMessage } from '../debug/system-message.ts';
import { SelectiveMailbox } from '../process/mailbox.ts';
import type { Process } from '../process/process.ts';
import type { TimerRef } from '../timers.ts';
import { contentOf, Envelope } from './envelope.ts';
import type { ProcessIdentity } from './life-record.ts';
import { bodyOfMessage, eventOfMessage, kindOfMessage, senderIn } from './message-kind.ts';
import type { PendingTimer, ProcessDetails, WaitingMessage } from './process-details.ts';
import {
  supervisionOf,
  type CountedRestart,
  type RestartWindowView,
  type Supervision,
} from './supervision.ts';

/** Messages that are listed of one mailbox; more than anybody reads. */
const mostWaiting = 1_000;

/** What is known of a process besides itself. */
interface Known {
  /** Who it is. */
  readonly identity: ProcessIdentity;
  /** The restarts of its children that were recorded, oldest first. */
  readonly restarts: readonly CountedRestart[];
}

/** Everything about a process, as it is now. @internal */
export function describeProcess(process: Process, known: Known): ProcessDetails {
  const { bonds, runtime } = process;
  const supervision = supervisionOf(process);
  const { machine, activeStates, context } = chartOf(process);
  const parent = supervisionOf(runtime.processes.get(process.parent));
  const waiting = waitingFor(process);
  return {
    ...known.identity,
    info: process,
    context,
    trapExit: process.trapExit,
    busySince: process.status === 'busy' ? process.busySinceMs : undefined,
    lastEvent: lastEventOf(process),
    monitoredBy: bonds.watcherPids,
    monitoring: bonds.watchedPids,
    timers: timersOf(process),
    mailbox: waiting.filter(({ mustWait }) => !mustWait).map(({ message }) => message),
    postponed: waiting.filter(({ mustWait }) => mustWait).map(({ message }) => message),
    machine,
    activeStates,
    child: parent?.childOf(process.pid.id),
    strategy: supervision?.strategy,
    restartWindow: supervision === undefined ? undefined : windowOf(supervision, known.restarts),
    children: supervision?.children() ?? [],
  };
}

interface ShownChart {
  readonly machine: AnyStateMachine | undefined;
  readonly activeStates: readonly string[];
  readonly context: unknown;
}

/** What of a snapshot is shown; of other data, the data. */
function chartOf({ behaviour, state }: Process): ShownChart {
  if (behaviour !== 'statechart') return { machine: undefined, activeStates: [], context: state };
  const snapshot = state as
    | {
        readonly machine?: AnyStateMachine;
        readonly _nodes?: readonly { readonly id: string }[];
        readonly context?: unknown;
      }
    | undefined;
  return {
    machine: snapshot?.machine,
    activeStates: snapshot?._nodes?.map(({ id }) => id) ?? [],
    context: snapshot?.context,
  };
}

function lastEventOf({ recent, runtime }: Process): ProcessDetails['lastEvent'] {
  const last = recent.at(-1);
  return last && { event: last.type, at: runtime.clock.now() - last.agoMs };
}

function waitingFor({
  mailbox,
}: Process): { readonly mustWait: boolean; readonly message: WaitingMessage }[] {
  const found: { mustWait: boolean; message: WaitingMessage }[] = [];
  for (const held of mailbox) {
    if (found.length === mostWaiting) break;
    const message = contentOf(held);
    // Of the runtime's own; no process sees it.
    if (message instanceof SystemMessage) continue;
    found.push({
      mustWait: mailbox instanceof SelectiveMailbox && mailbox.mustWait(message),
      message: {
        kind: kindOfMessage(message),
        event: eventOfMessage(message),
        from: (held instanceof Envelope ? held.from : undefined) ?? senderIn(message),
        message: bodyOfMessage(message),
      },
    });
  }
  return found;
}

function timersOf(process: Process): PendingTimer[] {
  const nowMs = process.runtime.clock.now();
  const timers = Array.from(process.timers, (timer) => shownTimer(timer, nowMs));
  return [...timers, ...(process.instance?.delays ?? [])].sort((a, b) => a.leftMs - b.leftMs);
}

function shownTimer({ message, delayMs, atMs }: TimerRef, nowMs: number): PendingTimer {
  return {
    kind: message === timeoutMessage ? 'timeout' : 'sendAfter',
    event: eventOfMessage(message),
    state: undefined,
    delayMs,
    leftMs: Math.max(0, atMs - nowMs),
  };
}

function windowOf(
  { maxRestarts, maxSeconds, restarts, gaveUp }: Supervision,
  known: readonly CountedRestart[],
): RestartWindowView {
  const left = [...known];
  const entries = restarts.flatMap(([second, count]) =>
    Array.from({ length: count }, (): CountedRestart => {
      // The restart comes with its attempt, or soon after.
      const at = left.findIndex((one) => one.at >= second * 1_000);
      const [found] = at < 0 ? [] : left.splice(at, 1);
      return { at: second * 1_000, childId: found?.childId, reason: found?.reason };
    }),
  );
  const count = entries.length;
  const room = count < maxRestarts ? 'below' : 'full';
  return {
    maxRestarts,
    maxSeconds,
    standing: gaveUp || count > maxRestarts ? 'exceeded' : room,
    entries,
  };
}
