import { defineServer, noreply, ok, reply } from '@snakepit/core';
import type { ProcessContext } from '@snakepit/core';

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

/** What to make a session with. */
export interface NewSession {
  /** Its id; one that exists is used on. */
  readonly id: string;
  /** What to keep with it. Default: nothing. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** How long it lives after it was last used, in milliseconds. Default: that of the store. */
  readonly ttlMs?: number | undefined;
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
  /** Milliseconds since 1970, for `createdAtMs` only. Default: `Date.now`. */
  readonly wallClock?: () => number;
}

/** Name under which the tree registers the store. */
export const sessionStoreName = 'snakepit.sessions';

/** Part of the limit at which a warning is logged, once until there are fewer again. */
const warningThreshold = 0.8;

interface Entry {
  readonly session: Session;
  readonly usedAtMs: number;
}

interface State {
  readonly input: Required<SessionStoreInput>;
  // Ten thousand sessions are not copied for every touch: the map is this process's own and changes in place.
  readonly entries: Map<string, Entry>;
  readonly warned: boolean;
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
      wallClock: Date.now,
      ...given,
    };
    const state: State = { input, entries: new Map(), warned: false };
    scheduleSweep(state, self);
    return ok(state);
  },
  call: {
    /** Makes a session, or uses the one with this id. */
    create: (state: State, wanted: NewSession, self) => {
      const { result, warned } = create(state, wanted, self);
      return reply(result, { ...state, warned });
    },
    /** The session, touched; undefined when there is none or it has expired. */
    get: (state: State, id: string, self) => reply(touch(state, id, self), state),
    /** Forgets a session; whether there was one. */
    remove: (state: State, id: string, self) => {
      const removed = live(state, id, self) !== undefined;
      state.entries.delete(id);
      if (removed) state.input.onGone([id]);
      return reply(removed, state);
    },
    /** How many sessions there are, expired ones not yet removed among them. */
    count: (state: State) => reply(state.entries.size, state),
  },
  info: (state: State, message, self) => {
    if (message !== sweep) return noreply(state);
    removeExpired(state, self);
    scheduleSweep(state, self);
    return noreply(state);
  },
});

function scheduleSweep({ input }: State, self: ProcessContext): void {
  self.sendAfter(input.cleanupIntervalMs, sweep);
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
    return { result: { ok: true, session: existing, created: false }, warned };
  }
  const { maxSessions } = input;
  if (entries.size >= maxSessions) removeExpired(state, self);
  if (entries.size >= maxSessions) {
    return { result: { ok: false, error: { kind: 'sessionLimit', maxSessions } }, warned };
  }
  const session: Session = {
    id: wanted.id,
    metadata: Object.freeze({ ...wanted.metadata }),
    createdAtMs: input.wallClock(),
    ttlMs: wanted.ttlMs ?? input.ttlMs,
  };
  entries.set(session.id, { session, usedAtMs: self.system.clock.now() });
  const many = entries.size >= maxSessions * warningThreshold;
  if (many && !warned) {
    self.system.logger.warn(`${entries.size} of at most ${maxSessions} sessions are in use`);
  }
  return { result: { ok: true, session, created: true }, warned: many };
}

function touch(
  { entries, ...state }: State,
  id: string,
  self: ProcessContext,
): Session | undefined {
  const entry = live({ ...state, entries }, id, self);
  if (entry === undefined) return undefined;
  entries.set(id, { session: entry.session, usedAtMs: self.system.clock.now() });
  return entry.session;
}

function live({ entries }: State, id: string, self: ProcessContext): Entry | undefined {
  const entry = entries.get(id);
  return entry === undefined || hasExpired(entry, self.system.clock.now()) ? undefined : entry;
}

function hasExpired({ session, usedAtMs }: Entry, nowMs: number): boolean {
  return usedAtMs + session.ttlMs < nowMs;
}

function removeExpired({ entries, input }: State, self: ProcessContext): void {
  const nowMs = self.system.clock.now();
  const gone = [...entries.values()].filter((entry) => hasExpired(entry, nowMs));
  if (gone.length === 0) return;
  const ids = gone.map(({ session }) => session.id);
  for (const id of ids) entries.delete(id);
  input.onGone(ids);
}
