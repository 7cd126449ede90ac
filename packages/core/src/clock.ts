/**
 * Time as the runtime sees it: monotonic and injectable (OTP TMR-007).
 *
 * The shape is a superset of XState's clock, so a machine's `after` runs on it unchanged.
 */
export interface Clock {
  /** Monotonic time in milliseconds; only differences mean something. */
  now(): number;
  /** Runs `fn` once, not earlier than `delayMs` from now. */
  setTimeout(fn: () => void, delayMs: number): unknown;
  /** Cancels what {@link Clock.setTimeout} returned; no effect when it ran already. */
  clearTimeout(id: unknown): void;
}

/**
 * A clock that stands still until it is told to move; for deterministic tests.
 *
 * Where a system has one, real time decides nothing, also not for how long its processes have turns before others get
 * theirs: what happens does not depend on the speed of the machine.
 */
export interface TestClock extends Clock {
  /**
   * Moves time forward, running what falls due in order of time, and lets the processes work after each.
   *
   * @param ms - How far, in milliseconds; 0 only lets processes work.
   */
  advance(ms: number): Promise<void>;
  /** How many timers are pending. */
  readonly pending: number;
}

/** Whether time stands still on this clock until it is moved. @internal */
export function isTestClock(clock: Clock): clock is TestClock {
  return 'advance' in clock;
}

/** The longest delay Node's timers take; beyond it they fire at once. */
const longestTimeoutMs = 2_147_483_647;

/**
 * How long Node is told to wait: it cuts off the parts of a millisecond, both of the delay and of the time it begins at,
 * and would be early by up to two.
 */
function nodeDelay(delayMs: number): number {
  return delayMs > 0 ? Math.ceil(delayMs) + 1 : 0;
}

interface LongTimer {
  handle: ReturnType<typeof setTimeout>;
}

/** The real clock. Delays beyond 24.8 days are chained, because Node's timers fire at once there. */
export function createSystemClock(): Clock {
  return {
    now: () => performance.now(),
    setTimeout(fn, delayMs) {
      const wholeMs = nodeDelay(delayMs);
      if (wholeMs <= longestTimeoutMs) return setTimeout(fn, wholeMs);
      const timer: LongTimer = { handle: setTimeout(step, longestTimeoutMs, wholeMs) };
      function step(leftMs: number): void {
        const nextMs = leftMs - longestTimeoutMs;
        timer.handle =
          nextMs > longestTimeoutMs
            ? setTimeout(step, longestTimeoutMs, nextMs)
            : setTimeout(fn, nextMs);
      }
      return timer;
    },
    clearTimeout(id) {
      const timer = id as ReturnType<typeof setTimeout> | LongTimer | undefined;
      if (timer === undefined) return;
      clearTimeout('handle' in timer ? timer.handle : timer);
    },
  };
}

interface TestTimer {
  readonly id: number;
  readonly atMs: number;
  readonly fn: () => void;
}

/** Rounds of the event loop after each step of a test clock: enough for promises, turns and setImmediate. */
const settleRounds = 3;

/** Makes a clock for tests; time starts at 0 and moves only by {@link TestClock.advance}. */
export function createTestClock(): TestClock {
  let nowMs = 0;
  let lastId = 0;
  const timers = new Map<number, TestTimer>();

  function earliest(limitMs: number): TestTimer | undefined {
    let found: TestTimer | undefined;
    for (const timer of timers.values()) {
      if (timer.atMs <= limitMs && (found === undefined || timer.atMs < found.atMs)) found = timer;
    }
    return found;
  }

  async function settle(): Promise<void> {
    for (let round = 0; round < settleRounds; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  return {
    now: () => nowMs,
    setTimeout(fn, delayMs) {
      const id = ++lastId;
      timers.set(id, { id, atMs: nowMs + Math.max(0, delayMs), fn });
      return id;
    },
    clearTimeout(id) {
      timers.delete(id as number);
    },
    async advance(ms) {
      const targetMs = nowMs + ms;
      await settle();
      for (let due = earliest(targetMs); due !== undefined; due = earliest(targetMs)) {
        timers.delete(due.id);
        nowMs = Math.max(nowMs, due.atMs);
        due.fn();
        await settle();
      }
      nowMs = targetMs;
      await settle();
    },
    get pending() {
      return timers.size;
    },
  };
}
