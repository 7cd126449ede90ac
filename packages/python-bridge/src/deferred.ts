/** A promise together with the functions that settle it. */
export interface Deferred<Value> {
  /** The promise. */
  readonly promise: Promise<Value>;
  /** Fulfils it; without effect once it is settled. */
  readonly resolve: (value: Value) => void;
  /** Rejects it; without effect once it is settled. */
  readonly reject: (error: Error) => void;
}

/** Makes a promise that is settled from outside. A rejection that nobody hears is no accident. */
export function createDeferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = unset;
  let reject: (error: Error) => void = unset;
  const promise = new Promise<Value>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  promise.catch(unset);
  return { promise, resolve, reject };
}

function unset(): void {
  // Replaced before anybody can call it.
}

/**
 * Waits for a promise, but not longer than so many milliseconds. No timer is left behind.
 *
 * @returns Whether it settled in time.
 */
export async function settlesWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, timeout]);
  clearTimeout(timer);
  return inTime;
}
