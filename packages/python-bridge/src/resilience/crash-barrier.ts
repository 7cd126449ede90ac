import { isSnakepitError, type Clock } from '@snakepit/core';
import type { EncodedArguments } from '../bridge/codec.ts';
import { bridgeError } from '../errors.ts';
import type { BlamedDeath } from './blamed-death.ts';
import { fingerprintOf } from './call-fingerprint.ts';

/** At most so many requests are under suspicion in one pool; the one that has been longest is forgotten first. */
const maxSuspects = 1_000;
/** A request that was executing at so many times `maxDeaths` deaths, as the only one at all of them, is not given more. */
const commonDeathsFactor = 2;
/** Deaths of a worker whose process has no number that is known are one and the same within so many milliseconds. */
const sameDeathMs = 1_000;
/** With these codes a worker ends that was asked to stop; when not by us, by somebody's SIGTERM. */
const codesOfStop: ReadonlySet<unknown> = new Set([0, 70]);
/** Sums of shares such as thirds are compared with whole numbers. */
const tolerance = 1e-9;

/** When a request counts as one that kills workers. */
export interface CrashBarrierSettings {
  /** So many deaths that nothing else can be blamed for. */
  readonly maxDeaths: number;
  /** Milliseconds that a death is remembered. */
  readonly rememberMs: number;
}

/** A request, as far as it is the same whenever it is made: its tool and what it is given. */
export interface Request {
  /** Name of the tool. */
  readonly tool: string;
  /** Its arguments. */
  readonly arguments: EncodedArguments;
}

/**
 * Refuses requests that kill one worker after the other. While no worker has died, it costs a call one comparison.
 *
 * Blame for a death is shared by the requests that the worker was executing, until they are cleared: whatever is
 * answered later, by whichever worker, did not kill. A signal from outside is nobody's fault, and who goes on with a call
 * that was given up is killed for that one, not for what else it was executing. Calls that were given up, and that a dying worker was still executing,
 * have their shares, too, but are not accused.
 */
export interface CrashBarrier {
  /** Why a request is not given to a worker: a POISON_REQUEST with the evidence, or `undefined`. */
  refusal(request: Request): Error | undefined;
  /** An attempt of a request has ended, with `undefined` when it succeeded. */
  ended(request: Request, error: unknown): void;
}

/** What a crash barrier is made of. */
export interface CrashBarrierParts {
  /** Name of the pool. */
  readonly pool: string;
  /** Time. */
  readonly clock: Clock;
  /** When it refuses. */
  readonly settings: CrashBarrierSettings;
}

/** Makes the crash barrier of one pool. */
export function createCrashBarrier(parts: CrashBarrierParts): CrashBarrier {
  return new Barrier(parts);
}

interface Death {
  readonly worker: string;
  readonly osPid: number | undefined;
  readonly reason: string;
  readonly atMs: number;
  /** Fingerprints of what it was executing, but for what was cleared. */
  readonly suspects: Set<string>;
  /** How many calls that had been given up it was executing besides. */
  readonly abandoned: number;
}

interface Suspect {
  readonly tool: string;
  readonly deaths: Death[];
  lastError: Error;
}

class Barrier implements CrashBarrier {
  readonly #parts: CrashBarrierParts;
  /** By fingerprint, the one that was blamed last at the end. */
  readonly #suspects = new Map<string, Suspect>();
  /** How many suspects each tool has: calls of other tools need no fingerprint. */
  readonly #tools = new Map<string, number>();
  /** The latest death of each worker. */
  readonly #deaths = new Map<string, Death>();

  constructor(parts: CrashBarrierParts) {
    this.#parts = parts;
  }

  refusal(request: Request): Error | undefined {
    const found = this.#find(request);
    if (found === undefined) return undefined;
    const { pool, clock, settings } = this.#parts;
    const { tool, deaths, lastError } = found.suspect;
    if (!isGuilty(found.fingerprint, deaths, settings.maxDeaths)) return undefined;
    const evidence = deaths.map((death): BlamedDeath => ({
      ...{ worker: death.worker, osPid: death.osPid, reason: death.reason },
      others: possibleCauses(death) - 1,
    }));
    const untilMs = (deaths.at(-1)?.atMs ?? 0) + settings.rememberMs;
    const retryAfterMs = Math.max(0, Math.ceil(untilMs - clock.now()));
    const details = { pool, tool, deaths: evidence, retryAfterMs };
    return bridgeError('POISON_REQUEST', details, { cause: lastError });
  }

  ended(request: Request, error: unknown): void {
    if (error === undefined || isAnswer(error)) this.#clear(request);
    else if (isDeath(error)) this.#blame(request, error);
  }

  /** The suspect that a request is, if it is one and its time is not over. */
  #find(request: Request): { readonly fingerprint: string; readonly suspect: Suspect } | undefined {
    if (this.#suspects.size === 0 || !this.#tools.has(request.tool)) return undefined;
    const fingerprint = fingerprintOf(request.tool, request.arguments);
    const suspect = fingerprint === undefined ? undefined : this.#suspects.get(fingerprint);
    if (fingerprint === undefined || suspect === undefined) return undefined;
    this.#dropOldDeaths(fingerprint, suspect);
    return this.#suspects.has(fingerprint) ? { fingerprint, suspect } : undefined;
  }

  #clear(request: Request): void {
    const found = this.#find(request);
    if (found === undefined) return;
    const { fingerprint, suspect } = found;
    this.#forget(fingerprint, suspect);
    // Those that are left have the more to answer for.
    for (const { suspects } of suspect.deaths) suspects.delete(fingerprint);
  }

  #blame(request: Request, error: DeathError): void {
    const fingerprint = fingerprintOf(request.tool, request.arguments);
    if (fingerprint === undefined) return;
    const death = this.#deathOf(error);
    const known = this.#suspects.get(fingerprint);
    if (known?.deaths.includes(death) === true) return;
    if (known === undefined) {
      this.#tools.set(request.tool, (this.#tools.get(request.tool) ?? 0) + 1);
    }
    const suspect = known ?? { tool: request.tool, deaths: [], lastError: error };
    suspect.lastError = error;
    suspect.deaths.push(death);
    death.suspects.add(fingerprint);
    this.#suspects.delete(fingerprint);
    this.#suspects.set(fingerprint, suspect);
    this.#dropOld();
  }

  #deathOf({ details }: DeathError): Death {
    const worker = String(details['worker']);
    const { osPid, reason, abandoned } = details;
    const known = this.#deaths.get(worker);
    const atMs = this.#parts.clock.now();
    // All calls of a worker fail in the same turn when it dies, but time goes on in it.
    const isKnown = known !== undefined && known.osPid === osPid;
    if (isKnown && (osPid !== undefined || atMs - known.atMs < sameDeathMs)) return known;
    const death: Death = {
      worker,
      osPid: typeof osPid === 'number' ? osPid : undefined,
      reason: String(reason),
      atMs,
      suspects: new Set(),
      abandoned: typeof abandoned === 'number' ? abandoned : 0,
    };
    this.#deaths.set(worker, death);
    return death;
  }

  #dropOld(): void {
    const { clock, settings } = this.#parts;
    for (const [fingerprint, suspect] of this.#suspects) {
      const lastAtMs = suspect.deaths.at(-1)?.atMs ?? 0;
      const isOver = clock.now() - lastAtMs >= settings.rememberMs;
      if (!isOver && this.#suspects.size <= maxSuspects) break;
      this.#forget(fingerprint, suspect);
    }
    for (const [worker, { atMs }] of this.#deaths) {
      if (clock.now() - atMs >= settings.rememberMs) this.#deaths.delete(worker);
    }
  }

  #dropOldDeaths(fingerprint: string, suspect: Suspect): void {
    const { clock, settings } = this.#parts;
    const { deaths } = suspect;
    while (deaths[0] !== undefined && clock.now() - deaths[0].atMs >= settings.rememberMs) {
      deaths.shift();
    }
    if (deaths.length === 0) this.#forget(fingerprint, suspect);
  }

  #forget(fingerprint: string, { tool }: Suspect): void {
    this.#suspects.delete(fingerprint);
    const others = (this.#tools.get(tool) ?? 1) - 1;
    if (others === 0) this.#tools.delete(tool);
    else this.#tools.set(tool, others);
  }
}

/**
 * Whether nothing else can be to blame: its shares in the deaths add up, or it alone was there at many of them.
 *
 * The second is no proof, and so needs more deaths: a long call may be there when others kill its workers.
 */
function isGuilty(fingerprint: string, deaths: readonly Death[], maxDeaths: number): boolean {
  let blame = 0;
  for (const death of deaths) blame += 1 / possibleCauses(death);
  if (blame >= maxDeaths - tolerance) return true;
  if (deaths.length < maxDeaths * commonDeathsFactor) return false;
  const [first] = deaths;
  return [...(first?.suspects ?? [])].every(
    (other) => other === fingerprint || !deaths.every(({ suspects }) => suspects.has(other)),
  );
}

/** How many calls may be to blame for it. */
function possibleCauses({ suspects, abandoned }: Death): number {
  return suspects.size + abandoned;
}

interface DeathError extends Error {
  readonly details: Readonly<Record<string, unknown>>;
}

function isDeath(error: unknown): error is DeathError {
  if (!isSnakepitError(error) || error.code !== 'WORKER_CRASHED') return false;
  const { failure, exitCode } = error.details;
  return failure !== 'killed' && failure !== 'timeout' && !codesOfStop.has(exitCode);
}

/** Whether the worker has answered, and so has outlived the request. */
function isAnswer(error: unknown): boolean {
  return isSnakepitError(error) && error.code === 'PYTHON_EXCEPTION';
}
