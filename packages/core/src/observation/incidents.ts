import type { Runtime } from '../process/runtime.ts';
import { cancelTimer, startTimer, type TimerRef } from '../timers.ts';
import type { Incident, LifeRecord } from './life-record.ts';
import type { HandledRecord, RecordsSince } from './message-record.ts';

/** How far back an incident reaches, in milliseconds. */
const keptMs = 30_000;

/** How long what follows is part of it, in milliseconds: a restart, or the next crash. */
const followsMs = 2_000;

/** How many are kept. */
const mostIncidents = 20;

/** Records of one kind in one incident, of before it and after. */
const mostBefore = 2_000;
const mostAfter = 500;

/** What is kept of a crash says what happens in the next moment, too; a storm of them must not fill the list. */
const leastApartMs = 1_000;

/** Records of one kind. */
interface Source<R> {
  /** From a time on; of more than so many the last ones. */
  readonly sinceTime: (fromMs: number, limit: number) => readonly R[];
  /** From a number on, at most so many. */
  readonly since: (seq: number, limit: number) => RecordsSince<R>;
}

/** Where incidents are taken from. */
export interface IncidentSources {
  /** Lives. */
  readonly life: Source<LifeRecord>;
  /** Messages. */
  readonly messages: Source<HandledRecord>;
}

interface Kept {
  readonly incident: Incident;
  readonly path: string;
  /** The numbers of what follows. */
  readonly next: { readonly life: number; readonly messages: number };
  /** When it is complete; `undefined` when it is. */
  readonly timer: TimerRef | undefined;
}

/** Keeps what happened around the moment in which something went wrong. @internal */
export class Incidents {
  readonly #runtime: Runtime;
  readonly #sources: IncidentSources;
  #kept: readonly Kept[] = [];
  #lastId = 0;
  /** Those that were noticed in this turn; what follows in it belongs to them. */
  readonly #noticed: { readonly title: string; readonly path: string; readonly at: number }[] = [];

  /**
   * @param runtime - Of which system.
   * @param sources - What happened.
   */
  constructor(runtime: Runtime, sources: IncidentSources) {
    this.#runtime = runtime;
    this.#sources = sources;
  }

  /** All that are kept, oldest first. */
  get all(): readonly Incident[] {
    return this.#kept.map(({ incident }) => incident);
  }

  /**
   * Something went wrong.
   *
   * @param path - Whom it concerns: the same one not twice within the time that an incident reaches back.
   * @param isGrave - Whether it counts although others were noticed just before.
   */
  notice(title: string, path: string, isGrave: boolean): void {
    const at = this.#runtime.clock.now();
    const isTold = [
      ...this.#noticed,
      ...this.#kept.map(({ incident, path: of }) => ({ at: incident.at, path: of })),
    ].some((one) => at - one.at < (one.path === path ? keptMs : isGrave ? 0 : leastApartMs));
    if (isTold) return;
    this.#noticed.push({ title, path, at });
    if (this.#noticed.length > 1) return;
    // When no turn is under way: in the middle of it a supervisor does not know yet what it does.
    queueMicrotask(() => {
      for (const one of this.#noticed.splice(0)) {
        this.#keep(this.#made(one.title, one.at, false), one.path);
      }
    });
  }

  /** Keeps what happened until now. */
  keep(title: string): Incident {
    return this.#keep(this.#made(title, this.#runtime.clock.now(), true), '');
  }

  /** What follows is not recorded any more: they are as complete as they will be. */
  complete(): void {
    for (const { incident } of this.#kept) this.#complete(incident.id);
  }

  #made(title: string, at: number, isComplete: boolean): Incident {
    this.#lastId += 1;
    const { life, messages } = this.#sources;
    return {
      id: this.#lastId,
      at,
      title,
      life: life.sinceTime(at - keptMs, mostBefore),
      messages: messages.sinceTime(at - keptMs, mostBefore),
      isComplete,
    };
  }

  #keep(incident: Incident, path: string): Incident {
    const { id, title, isComplete } = incident;
    const timer = isComplete ? undefined : this.#completeLater(id);
    const { life, messages } = this.#sources;
    const next = { life: life.since(Infinity, 0).next, messages: messages.since(Infinity, 0).next };
    const kept = [...this.#kept, { incident, path, next, timer }];
    for (const one of kept.splice(0, kept.length - mostIncidents)) this.#cancel(one);
    this.#kept = kept;
    const { telemetry } = this.#runtime;
    if (telemetry.enabled('snakepit.observation.incident')) {
      telemetry.emit('snakepit.observation.incident', { count: 1 }, { id, title, path });
    }
    return incident;
  }

  #completeLater(id: number): TimerRef {
    const { clock, timersToNames } = this.#runtime;
    // Like those, it ends with the system.
    const complete = (): void => {
      this.#complete(id);
    };
    const timer = startTimer(clock, followsMs, complete, timersToNames);
    const { handle } = timer;
    // No program waits for it.
    if (isReferenced(handle)) handle.unref();
    return timer;
  }

  #complete(id: number): void {
    this.#kept = this.#kept.map((one) => {
      const { incident, path, next } = one;
      if (incident.id !== id || incident.isComplete) return one;
      this.#cancel(one);
      const { life, messages } = this.#sources;
      const whole: Incident = {
        ...incident,
        life: [...incident.life, ...life.since(next.life, mostAfter).records],
        messages: [...incident.messages, ...messages.since(next.messages, mostAfter).records],
        isComplete: true,
      };
      return { incident: whole, path, next, timer: undefined };
    });
  }

  #cancel({ timer }: Kept): void {
    if (timer !== undefined) cancelTimer(this.#runtime.clock, timer);
  }
}

/** Whether this is a timer of Node; a clock of somebody else's may have others. */
function isReferenced(handle: unknown): handle is { unref(): unknown } {
  const { unref } = (handle ?? {}) as { readonly unref?: unknown };
  return typeof unref === 'function';
}
