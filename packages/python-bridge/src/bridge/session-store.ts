import { defineServer, noreply, ok, reply } from '@snakepit/core';
import type { ProcessContext, ProcessInfo, TimerRef } from '@snakepit/core';

import {
  reportAccumulation,
  reportCreated,
  reportDestroyed,
  reportPruned,
} from '../telemetry/session-reports.ts';

/** A session as others see it. */
export interface Session {
  /** Its id. */
  readonly id: string;
  /** What its maker said about it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** When it was made, in milliseconds since 1970. */
  readonly createdAtMs: number;
  /** How long it lives after it was last used, in milliseconds. */
  readonly ttlMs: number;
}

/** Whoever uses a session from Node. */
export interface SessionUsage {
  /** When it was last used, by the clock of the system; `Infinity` while it is. */
  usedAtMs(): number;
  /** It is gone from the store, for this reason. */
  gone(why: string): void;
}

/** What to make a session with. */
export interface NewSession {
  /** Its id; one that exists is used on. */
  readonly id: string;
  /** What to keep with it. Default: nothing. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** How long it lives after it was last used, in milliseconds. Default: that of the store. */
  readonly ttlMs?: number | undefined;
  /** Who uses it; keeps it from expiring, and is told when it is gone. Default: nobody. */
  readonly usage?: SessionUsage | undefined;
}

/** Whether there is a session now, or why not. */
export type CreateSessionResult =
  | { readonly ok: true; readonly session: Session; readonly created: boolean }
  | {
      readonly ok: false;
      readonly error: { readonly kind: 'sessionLimit'; readonly maxSessions: number };
    }
  | { readonly ok: false; readonly error: { readonly kind: 'invalidId' } };

/** How a store is started. */
export interface SessionStoreInput {
  /** Largest number of sessions. Default 10 000. */
  readonly maxSessions?: number;
  /** Lifetime of a session after its last use, in milliseconds. Default 3 600 000. */
  readonly ttlMs?: number;
  /** Time between two searches for expired sessions, in milliseconds. Default 60 000. */
  readonly cleanupIntervalMs?: number;
  /** Told the ids of sessions that are gone, expired or removed; should only send a message. */
  readonly onGone?: (ids: readonly string[]) => void;
  /** Sessions that outlived an earlier store. Default: none. */
  readonly survivors?: () => readonly NewSession[];
  /** Milliseconds since 1970, for `createdAtMs` only. Default: `Date.now`. */
  readonly wallClock?: () => number;
}

/** Name under which the tree registers the store. */
export const sessionStoreName = 'snakepit.sessions';

/** Expired sessions are looked for at most so often, in milliseconds, however short they live. */
const shortestIntervalMs = 500;

/** Part of the limit at which a warning is logged, once until there are fewer again. */
const warningThreshold = 0.8;

interface Entry {
  readonly session: Session;
  readonly usedAtMs: number;
  readonly usage: SessionUsage | undefined;
}

/** The search for expired sessions that comes next. */
interface Search {
  readonly timer: TimerRef;
  readonly atMs: number;
}

interface State {
  readonly input: Required<SessionStoreInput>;
  // Ten thousand sessions are not copied for every touch: the map is this process's own and changes in place.
  readonly entries: Map<string, Entry>;
  readonly warned: boolean;
  readonly search: Search;
}

const sweep = Symbol('sweep');

/**
 * The process that keeps the sessions (SNK §10.1): created at most once, gone when not used for their lifetime.
 *
 * Differs from the original: a session that exists is accepted also when the store is full, and expired ones are removed
 * before anybody is refused.
 */
export const sessionStore = defineServer({
  name: 'sessionStore',
  init: (given: SessionStoreInput, self) => {
    const input = {
      maxSessions: 10_000,
      ttlMs: 3_600_000,
      cleanupIntervalMs: 60_000,
      onGone: () => undefined,
      survivors: () => [],
      wallClock: Date.now,
      ...given,
    };
    const entries = new Map<string, Entry>();
    for (const survivor of input.survivors()) enter({ input, entries }, survivor, self);
    return ok({ input, entries, warned: false, search: searchIn(input.cleanupIntervalMs, self) });
  },
  call: {
    /** Makes a session, or uses the one with this id. */
    create: (state: State, wanted: NewSession, self) => {
      const { result, warned } = create(state, wanted, self);
      const search = result.ok ? searchFor(state, result.session, self) : state.search;
      return reply(result, { ...state, warned, search });
    },
    /** The session, touched; undefined when there is none or it has expired. */
    get: (state: State, id: string, self) => reply(touch(state, id, self)?.session, state),
    /** Forgets a session; whether there was one. */
    remove: (state: State, id: string, self) => {
      const removed = live(state, id, self);
      state.entries.delete(id);
      if (removed !== undefined) {
        state.input.onGone([id]);
        reportDestroyed(self.system, { session: id, reason: 'removed' }, state.entries.size);
        removed.usage?.gone('it was removed');
      }
      return reply(removed !== undefined, state);
    },
    /** How many sessions there are, expired ones not yet removed among them. */
    count: (state: State) => reply(state.entries.size, state),
  },
  info: (state: State, message, self) => {
    if (message !== sweep) return noreply(state);
    removeExpired(state, self);
    const firstMs = firstEndIn(state, self.system.clock.now());
    const delayMs = Math.min(state.input.cleanupIntervalMs, firstMs);
    return noreply({ ...state, search: searchIn(delayMs, self) });
  },
});

/** How many sessions live, expired ones not yet removed among them, and how many may; `undefined` while there is no store. */
export function sessionsIn(
  store: ProcessInfo | undefined,
): { readonly count: number; readonly limit: number } | undefined {
  // What it is by its name: the state of a store, or nothing before its first turn.
  const state = store?.state as State | undefined;
  return state && { count: state.entries.size, limit: state.input.maxSessions };
}

function searchIn(delayMs: number, self: ProcessContext): Search {
  const waitMs = Math.max(delayMs, shortestIntervalMs);
  return { timer: self.sendAfter(waitMs, sweep), atMs: self.system.clock.now() + waitMs };
}

/** A session that may be over before the next search brings that forward. */
function searchFor({ search }: State, { ttlMs }: Session, self: ProcessContext): Search {
  if (self.system.clock.now() + ttlMs >= search.atMs) return search;
  self.cancelTimer(search.timer);
  return searchIn(ttlMs + 1, self);
}

/** Milliseconds until the first of them may be over; whoever is in use begins anew when that ends. */
function firstEndIn({ entries }: State, nowMs: number): number {
  let firstMs = Infinity;
  for (const entry of entries.values()) {
    const idleMs = Math.max(0, nowMs - lastUseOf(entry));
    firstMs = Math.min(firstMs, entry.session.ttlMs + 1 - idleMs);
  }
  return firstMs;
}

function lastUseOf({ usedAtMs, usage }: Entry): number {
  return Math.max(usedAtMs, usage?.usedAtMs() ?? -Infinity);
}

function create(
  state: State,
  wanted: NewSession,
  self: ProcessContext,
): { readonly result: CreateSessionResult; readonly warned: boolean } {
  const { input, entries, warned } = state;
  if (wanted.id === '') return { result: { ok: false, error: { kind: 'invalidId' } }, warned };
  const existing = touch(state, wanted.id, self);
  if (existing !== undefined) {
    if (wanted.usage !== undefined) {
      entries.set(wanted.id, { ...existing, usage: wanted.usage });
    }
    return { result: { ok: true, session: existing.session, created: false }, warned };
  }
  const { maxSessions } = input;
  if (entries.size >= maxSessions) removeExpired(state, self);
  if (entries.size >= maxSessions) {
    return { result: { ok: false, error: { kind: 'sessionLimit', maxSessions } }, warned };
  }
  const session = enter(state, wanted, self);
  reportCreated(self.system, wanted.id, entries.size);
  const many = entries.size >= maxSessions * warningThreshold;
  if (many && !warned) {
    reportAccumulation(self.system, entries.size, maxSessions, warningThreshold);
  }
  return { result: { ok: true, session, created: true }, warned: many };
}

function enter(
  { input, entries }: Pick<State, 'input' | 'entries'>,
  { id, metadata, ttlMs = input.ttlMs, usage }: NewSession,
  self: ProcessContext,
): Session {
  const session: Session = {
    id,
    metadata: Object.freeze({ ...metadata }),
    createdAtMs: input.wallClock(),
    ttlMs,
  };
  entries.set(id, { session, usage, usedAtMs: self.system.clock.now() });
  return session;
}

function touch({ entries, ...state }: State, id: string, self: ProcessContext): Entry | undefined {
  const entry = live({ ...state, entries }, id, self);
  if (entry === undefined) return undefined;
  const touched = { ...entry, usedAtMs: self.system.clock.now() };
  entries.set(id, touched);
  return touched;
}

function live({ entries }: State, id: string, self: ProcessContext): Entry | undefined {
  const entry = entries.get(id);
  return entry === undefined || hasExpired(entry, self.system.clock.now()) ? undefined : entry;
}

function hasExpired(entry: Entry, nowMs: number): boolean {
  return lastUseOf(entry) + entry.session.ttlMs < nowMs;
}

function removeExpired({ entries, input }: State, self: ProcessContext): void {
  const nowMs = self.system.clock.now();
  const gone = [...entries.values()].filter((entry) => hasExpired(entry, nowMs));
  if (gone.length === 0) return;
  const ids = gone.map(({ session }) => session.id);
  for (const id of ids) entries.delete(id);
  input.onGone(ids);
  reportPruned(self.system, ids, entries.size);
  for (const { session, usage } of gone) {
    usage?.gone(`it was not used for its time to live (${session.ttlMs} ms)`);
  }
}
