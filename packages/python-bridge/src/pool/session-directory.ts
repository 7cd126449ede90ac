import type { ActorSystem } from '@snakepit/core';
import {
  sessionStoreName,
  type CreateSessionResult,
  type NewSession,
} from '../bridge/session-store.ts';
import { checkSessionId, type SessionOptions } from '../call-options.ts';
import { bridgeError } from '../errors.ts';
import type { Caller } from './caller.ts';
import { LiveSession, SessionHandle, type Session, type SessionView } from './session.ts';

/** Milliseconds that a session lives without being used, unless its maker says otherwise. */
const defaultTtlMs = 3_600_000;

/**
 * The sessions that are used from Node, each once. Which there are is for the session store to say: it makes them, counts
 * them against the limit and lets them expire; here is what Node needs to make calls in them.
 */
export interface SessionDirectory {
  /** The session with this id in a pool: that which lives, or a new one; the options have been checked. */
  open(id: string, options: SessionOptions, caller: Caller): Session;
  /** Whether a session with this id lives. */
  has(id: string): boolean;
  /** What is known of them, at most so many, for those who look. */
  describe(limit: number): { readonly count: number; readonly shown: readonly SessionView[] };
  /** All that live, for a store that begins anew. */
  all(): NewSession[];
}

/**
 * Makes the directory.
 *
 * @param onOver - Told the id of a session that is over.
 */
export function createSessionDirectory(
  system: ActorSystem,
  onOver: (id: string) => void = () => undefined,
): SessionDirectory {
  return new Directory(system, onOver);
}

class Directory implements SessionDirectory {
  readonly #system: ActorSystem;
  readonly #onOver: (id: string) => void;
  readonly #sessions = new Map<string, LiveSession>();

  constructor(system: ActorSystem, onOver: (id: string) => void) {
    this.#system = system;
    this.#onOver = onOver;
  }

  has(id: string): boolean {
    return this.#sessions.get(id)?.isUsable === true;
  }

  open(id: string, options: SessionOptions, caller: Caller): Session {
    checkSessionId(id);
    const known = this.#sessions.get(id);
    if (known?.isUsable === true) {
      refuseOther(known, options);
      return new SessionHandle(known, caller);
    }
    const session = this.#begin(id, options);
    // What it had is closed, in order before the first call of its successor.
    known?.giveWay();
    return new SessionHandle(session, caller);
  }

  all(): NewSession[] {
    return Array.from(this.#sessions.values(), asNewSession);
  }

  describe(limit: number): { readonly count: number; readonly shown: readonly SessionView[] } {
    const shown = [...this.#sessions.values()].slice(-limit).map((session) => session.describe());
    return { count: this.#sessions.size, shown: shown.reverse() };
  }

  #begin(id: string, options: SessionOptions): LiveSession {
    const { affinity = 'hint', onWorkerLost = 'fail', ttl = defaultTtlMs, metadata } = options;
    const session = new LiveSession({
      id,
      affinity,
      onWorkerLost,
      ttlMs: ttl,
      metadata: Object.freeze({ ...metadata }),
      clock: this.#system.clock,
      onOver: (over) => this.#forget(over),
    });
    this.#sessions.set(id, session);
    const create = { type: 'create', arg: asNewSession(session) };
    this.#system.call<CreateSessionResult>(sessionStoreName, create).then(
      (result) => {
        if (result.ok) session.opened();
        else session.over(() => refused(id, result.error));
      },
      // The store is between two lives: the next takes over who is here.
      () => {
        session.opened();
      },
    );
    return session;
  }

  async #forget(session: LiveSession): Promise<void> {
    // Begun anew meanwhile, the id is that of another.
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    this.#onOver(session.id);
    const remove = { type: 'remove', arg: session.id };
    await this.#system.call(sessionStoreName, remove).catch(() => undefined);
  }
}

function asNewSession(session: LiveSession): NewSession {
  const { id, metadata, ttlMs } = session;
  return { id, metadata, ttlMs, usage: session };
}

function refused(
  session: string,
  error: (CreateSessionResult & { readonly ok: false })['error'],
): Error {
  if (error.kind === 'sessionLimit') {
    return bridgeError('SESSION_LIMIT', { session, maxSessions: error.maxSessions });
  }
  return bridgeError('SESSION_ENDED', { session, why: 'it has no id' });
}

/** A session that lives is as it was made; whoever wants it otherwise has to be told. */
function refuseOther(session: LiveSession, options: SessionOptions): void {
  for (const name of ['affinity', 'onWorkerLost'] as const) {
    const wanted = options[name];
    if (wanted === undefined || wanted === session[name]) continue;
    throw bridgeError('INVALID_ARGUMENT', {
      session: session.id,
      path: `options.${name}`,
      problem: `is "${wanted}", but session "${session.id}" lives with "${session[name]}"`,
      advice: 'leave the option out, or end() the session first.',
    });
  }
}
