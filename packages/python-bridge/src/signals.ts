/** What is stopped when the process is asked to end. */
export interface Stoppable {
  /** Stops in order. */
  stop(): Promise<void>;
  /** Hurries a stop that is under way. */
  hurry(): void;
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Stops in order when the process is asked to end, then lets the signal take its ordinary course; a second signal
 * hurries.
 *
 * @returns A function that stops watching.
 */
export function watchSignals(target: Stoppable): () => void {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) {
      target.hurry();
      return;
    }
    asked = true;
    const end = (): void => {
      unwatch();
      // Somebody else's handler decides, if there is one; otherwise the process ends as it would have.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    target.stop().then(end, end);
  };
  const unwatch = (): void => {
    for (const signal of endSignals) process.off(signal, onSignal);
  };
  for (const signal of endSignals) process.on(signal, onSignal);
  return unwatch;
}
