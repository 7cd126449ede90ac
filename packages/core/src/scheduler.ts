import { Fifo } from './process/fifo.ts';

/** What the scheduler runs: one turn at a time. */
export interface Schedulable {
  /** Whether it waits in the run queue; the scheduler's own mark. */
  queued: boolean;
  /** Does one turn: one message to completion, or one step of starting or ending. Never throws. */
  runTurn(): void;
}

/** Limits of a stretch of turns before timers and I/O get their chance, and of one turn. */
export interface SchedulerOptions<P extends Schedulable = Schedulable> {
  /** Turns before the event loop is let through; default 1,000. */
  readonly maxTurns?: number;
  /** Time before the event loop is let through, in milliseconds; default 4. */
  readonly maxStretchMs?: number;
  /** A turn that takes this long is told, in milliseconds; default: none is. */
  readonly longTurnMs?: number;
  /**
   * Told that turns took long: how long in milliseconds together, and whose they were.
   *
   * Mostly one; after turns of microseconds the clock is not looked at after each, and it is several.
   */
  readonly onLongTurn?: (tookMs: number, whose: readonly P[]) => void;
  /** Told before each turn whose it is; must not throw. */
  readonly beforeTurn?: (process: P) => void;
  /** Told when a stretch of turns is over; must not throw. */
  readonly afterStretch?: () => void;
  /** Told what a turn or one of these threw, which they must not; default: it is thrown. The queue goes on. */
  readonly onFault?: (error: unknown) => void;
  /** The real time in milliseconds; default: the monotonic clock of the platform. */
  readonly now?: () => number;
}

/** The run queue: round robin, one turn each, never hogging the event loop (OTP MSG-003, MSG-007). */
export interface Scheduler<P extends Schedulable = Schedulable> {
  /** Puts a process into the run queue unless it is there. */
  schedule(process: P): void;
  /** Sees to it that a stretch of turns is under way or follows, be it one without turns. */
  wake(): void;
  /** Whole milliseconds since it was made, as of the last look at the clock: coarse, and free. */
  readonly roughMs: number;
  /** Looks at the clock: whole milliseconds since it was made. */
  lookAtClock(): number;
  /** How many processes wait for a turn. */
  readonly length: number;
  /** Number of the stretch that is or was under way. */
  readonly stretch: number;
  /** Whether a stretch follows as soon as the code that runs now has returned: what is done now is done in one go. */
  readonly isAwaited: boolean;
  /** Number of the turn that is or was under way; within a stretch one more than that of the turn before. */
  readonly turn: number;
}

/** Looking at the clock costs 0.05 µs, as much as a quarter of a turn; a look per so much work is 1 % of it. */
const workPerLookMs = 0.005;

/** To be called back as soon as the running code has returned. */
const fulfilled = Promise.resolve();

/** The most turns between two looks: what follows short turns may be long ones, and only then it is seen. */
const mostTurnsPerLook = 32;

/**
 * Makes a run queue.
 *
 * The first stretch after quiet starts in a microtask, so a call is answered at once; once the budget is used
 * up the next one starts in a macrotask, which renews it. So a message costs no hop of its own, and processes
 * that message each other for ever still let timers and I/O through.
 */
export function createScheduler<P extends Schedulable = Schedulable>(
  options: SchedulerOptions<P> = {},
): Scheduler<P> {
  return new RunQueue(options);
}

class RunQueue<P extends Schedulable> implements Scheduler<P> {
  roughMs = 0;
  stretch = 0;
  isAwaited = false;
  readonly #queue = new Fifo<P>();
  /** Who had the turns since the last look; a few that are gone may be among those that stood here before. */
  readonly #ran = new Array<P | undefined>(mostTurnsPerLook).fill(undefined);
  readonly #maxTurns: number;
  readonly #maxStretchMs: number;
  readonly #longTurnMs: number;
  readonly #onLongTurn: SchedulerOptions<P>['onLongTurn'];
  readonly #beforeTurn: SchedulerOptions<P>['beforeTurn'];
  readonly #afterStretch: SchedulerOptions<P>['afterStretch'];
  readonly #onFault: SchedulerOptions<P>['onFault'];
  readonly #now: () => number;
  readonly #madeMs: number;
  #pending = false;
  #turns = 0;
  #stretchStartMs = 0;
  #busyMs = 0;
  #lookedMs = 0;
  #turnsPerLook = 1;
  #unseen = 0;

  constructor(options: SchedulerOptions<P>) {
    this.#maxTurns = options.maxTurns ?? 1_000;
    this.#maxStretchMs = options.maxStretchMs ?? 4;
    this.#longTurnMs = options.longTurnMs ?? Infinity;
    this.#onLongTurn = options.onLongTurn;
    this.#beforeTurn = options.beforeTurn;
    this.#afterStretch = options.afterStretch;
    this.#onFault = options.onFault;
    this.#now = options.now ?? (() => performance.now());
    this.#madeMs = this.#now();
  }

  get length(): number {
    return this.#queue.length;
  }

  get turn(): number {
    return this.#turns;
  }

  schedule(process: P): void {
    if (process.queued) return;
    process.queued = true;
    this.#queue.push(process);
    this.wake();
  }

  wake(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.#await();
  }

  lookAtClock(): number {
    this.roughMs = Math.trunc(this.#now() - this.#madeMs);
    return this.roughMs;
  }

  #await(): void {
    // A promise that is fulfilled already is a third of the cost of queueMicrotask.
    this.isAwaited = this.#turns < this.#maxTurns;
    if (this.isAwaited) void fulfilled.then(this.#drain);
    else setImmediate(this.#renew);
  }

  readonly #renew = (): void => {
    this.#turns = 0;
    this.#drain();
  };

  readonly #drain = (): void => {
    try {
      this.#takeStretch();
    } catch (error) {
      if (this.#onFault === undefined) throw error;
      this.#onFault(error);
    } finally {
      if (this.#queue.length > 0) this.#await();
      else this.#pending = false;
    }
  };

  #takeStretch(): void {
    this.stretch += 1;
    this.isAwaited = false;
    // What passed since the last look was nobody's turn.
    this.#lookedMs = this.#now();
    this.roughMs = Math.trunc(this.#lookedMs - this.#madeMs);
    if (this.#turns === 0) {
      this.#stretchStartMs = this.#lookedMs;
      this.#busyMs = 0;
    }
    this.#turnsPerLook = 1;
    this.#unseen = 0;
    this.#takeTurns();
    if (this.#unseen > 0) this.#look();
    this.#afterStretch?.();
  }

  #takeTurns(): void {
    const beforeTurn = this.#beforeTurn;
    while (this.#turns < this.#maxTurns) {
      const process = this.#queue.shift();
      if (process === undefined) return;
      process.queued = false;
      this.#turns += 1;
      this.#ran[this.#unseen] = process;
      this.#unseen += 1;
      if (beforeTurn !== undefined) beforeTurn(process);
      process.runTurn();
      if (this.#unseen === this.#turnsPerLook) this.#look();
    }
  }

  /** Looks at the clock: after each turn when turns are long, else after several, more of them from look to look. */
  #look(): void {
    const nowMs = this.#now();
    const tookMs = nowMs - this.#lookedMs;
    const seen = this.#unseen;
    this.#lookedMs = nowMs;
    this.#unseen = 0;
    this.roughMs = Math.trunc(nowMs - this.#madeMs);
    this.#turnsPerLook = Math.min(
      this.#turnsPerLook * 2,
      mostTurnsPerLook,
      Math.ceil((workPerLookMs * seen) / tookMs) || 1,
    );
    if (tookMs >= this.#longTurnMs) this.#tellLongTurn(tookMs, seen);
    this.#busyMs += tookMs;
    if (this.#hasHogged(nowMs)) this.#turns = this.#maxTurns;
  }

  /** Whether turns, or many of them with what promises did in between, have kept the event loop for long enough. */
  #hasHogged(nowMs: number): boolean {
    if (this.#busyMs > this.#maxStretchMs) return true;
    // Of few turns it is not known: the loop may have been idle in between.
    return this.#turns >= mostTurnsPerLook && nowMs - this.#stretchStartMs > this.#maxStretchMs;
  }

  #tellLongTurn(tookMs: number, seen: number): void {
    const whose = new Set(this.#ran.slice(0, seen).filter((process) => process !== undefined));
    this.#onLongTurn?.(tookMs, [...whose]);
  }
}
