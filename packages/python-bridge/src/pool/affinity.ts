import type { WorkerConnection } from '../worker/worker-connection.ts';
import { Flow, type CallQueue, type Lane, type Waiting } from './queue.ts';

/**
 * How closely a session keeps to the worker that took its first call: `hint` prefers it and takes any other when it is
 * busy; `strictQueue` waits for it; `strictFailFast` never waits: a call that cannot begin at once fails with WORKER_BUSY.
 */
export type Affinity = 'hint' | 'strictQueue' | 'strictFailFast';

/** What becomes of a strict session whose worker is gone: it fails with SESSION_LOST, or goes on with a fresh worker. */
export type OnWorkerLost = 'fail' | 'fresh';

/** A worker as the dispatcher sees it. */
export class Slot<E extends Waiting<E>> {
  /** The way in. */
  readonly connection: WorkerConnection;
  /** Where calls wait for this worker only. */
  readonly lane: Lane<E>;
  /** Calls that it has not let go of yet. */
  inFlight = 0;
  /** Calls that it was given. */
  served = 0;
  /** After so many it is told to be worn. */
  readonly maxCalls: number;
  /** How many of them wait for Node, and lend their places to nested calls. */
  lent = 0;
  /** Whether it takes calls. */
  isOpen = true;
  /** Whether the last call that it ended has succeeded. */
  hasServedWell = false;
  /** Whether it is among those that are called first. */
  isWarm = false;
  /** The sessions that were opened on it. */
  readonly sessions = new Set<Binding<E>>();
  /** Which of them it knows under an id: of those that were begun anew, the one that was used last. */
  readonly known = new Map<string, Binding<E>>();

  constructor(connection: WorkerConnection, lane: Lane<E>, maxCalls: number) {
    this.connection = connection;
    this.lane = lane;
    this.maxCalls = maxCalls;
  }
}

/** What the session itself says and hears; the dispatcher calls it for each call. */
export interface BoundSession {
  /** Its id. */
  readonly id: string;
  /** What its maker said about it; reaches the tools. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How closely it keeps to a worker. */
  readonly affinity: Affinity;
  /** What becomes of it when that worker is gone. */
  readonly onWorkerLost: OnWorkerLost;
  /** A call was taken on. */
  callBegan(): void;
  /** A call has its outcome. */
  callEnded(): void;
}

/** One session in one pool: which worker is its own, and where it was opened. Changed by the dispatcher only. */
export class Binding<E extends Waiting<E>> {
  /** The session. */
  readonly session: BoundSession;
  /** Its calls in the queue. */
  readonly flow = new Flow<E>();
  /** The worker that it prefers or keeps to. */
  slot: Slot<E> | undefined;
  /** Id of the worker that it has lost for good. */
  lostWorker: string | undefined;
  /** Workers on which it was opened. */
  readonly openOn = new Set<Slot<E>>();

  constructor(session: BoundSession) {
    this.session = session;
  }
}

/** Where a call of a session goes: to its own worker, to any, into the queue; or nowhere. */
export type Route = 'own' | 'any' | 'wait' | 'busy' | 'lost';

/** What decides the way of a call. */
export interface Situation {
  /** How closely its session keeps to a worker. */
  readonly affinity: Affinity;
  /** The worker of the session: whether there is one, and whether it has room; or it is gone for good. */
  readonly own: 'none' | 'free' | 'busy' | 'lost';
  /** Whether any worker has room. */
  readonly isAnyFree: boolean;
}

/** The way of a call of a session, decided when it is made and at once. */
export function routeOf({ affinity, own, isAnyFree }: Situation): Route {
  if (own === 'lost') return 'lost';
  if (own === 'free') return 'own';
  if (isAnyFree && (own === 'none' || affinity === 'hint')) return 'any';
  return affinity === 'strictFailFast' ? 'busy' : 'wait';
}

/** The way of a call of this session now. */
export function routeFor<E extends Waiting<E>>(
  { session, slot, lostWorker }: Binding<E>,
  hasRoom: (slot: Slot<E>) => boolean,
  isAnyFree: boolean,
): Route {
  const known = slot === undefined ? 'none' : hasRoom(slot) ? 'free' : 'busy';
  const own = lostWorker === undefined ? known : 'lost';
  return routeOf({ affinity: session.affinity, own, isAnyFree });
}

/** A call of the session goes to this worker, which becomes the session's own, if it has none. */
export function enter<E extends Waiting<E>>(
  binding: Binding<E>,
  slot: Slot<E>,
  queue: CallQueue<E>,
): void {
  const { session, openOn } = binding;
  if (slot.known.get(session.id) !== binding) {
    openOn.add(slot);
    slot.sessions.add(binding);
    slot.known.set(session.id, binding);
    slot.connection.openSession(session.id, session.metadata);
  }
  if (binding.slot !== undefined) return;
  binding.slot = slot;
  if (session.affinity !== 'hint') queue.move(binding.flow, slot.lane);
}

/**
 * A worker takes no more calls: the sessions that were opened on it forget it, and what waits of them for it waits for any.
 *
 * @returns Those that kept to it and are lost with it.
 */
export function leave<E extends Waiting<E>>(slot: Slot<E>, queue: CallQueue<E>): Binding<E>[] {
  const lost: Binding<E>[] = [];
  for (const binding of slot.sessions) {
    const { session, openOn, flow } = binding;
    openOn.delete(slot);
    if (binding.slot !== slot) continue;
    binding.slot = undefined;
    if (session.affinity === 'hint') continue;
    queue.move(flow, undefined);
    if (session.onWorkerLost === 'fresh') continue;
    binding.lostWorker = slot.connection.workerId;
    lost.push(binding);
  }
  slot.sessions.clear();
  slot.known.clear();
  queue.close(slot.lane);
  return lost;
}

/** A session is over: the workers that know it are told. */
export function close<E extends Waiting<E>>(binding: Binding<E>): void {
  const { id } = binding.session;
  for (const slot of binding.openOn) {
    slot.sessions.delete(binding);
    // It may have been begun anew while its last calls went on.
    if (slot.known.get(id) !== binding) continue;
    slot.known.delete(id);
    slot.connection.closeSession(id);
  }
  binding.openOn.clear();
  binding.slot = undefined;
}
