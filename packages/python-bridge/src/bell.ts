/** Wakes those who wait for something to change, so that they look again. */
export interface Bell {
  /** Something has changed. */
  ring(): void;
  /** Resolves when it is rung next. What the waiter looks for may be there or not. */
  next(): Promise<void>;
}

/** Makes a bell. It costs nothing while nobody waits. */
export function createBell(): Bell {
  let waiting: (() => void)[] = [];
  return {
    ring: () => {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
  };
}
