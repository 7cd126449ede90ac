import { constants } from 'node:os';

/** What is stopped when the process is asked to end. */
export interface Stoppable {
  /** Stops in order. */
  stop(): Promise<void>;
  /** Hurries a stop that is under way. */
  hurry(): void;
}

/** Where signals come from, and how a process ends by one: `process`. */
export interface SignalSource {
  /** Number of the process. */
  readonly pid: number;
  /** Hears a signal. */
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  /** Hears it no more. */
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  /** How many hear it. */
  listenerCount(signal: NodeJS.Signals): number;
  /** Sends one. */
  kill(pid: number, signal: NodeJS.Signals): unknown;
  /** Ends with a code. */
  exit(code: number): unknown;
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Stops in order when the process is asked to end, then lets the signal take its ordinary course; a second signal
 * hurries.
 *
 * @returns A function that stops watching.
 */
export function watchSignals(target: Stoppable, source: SignalSource = process): () => void {
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
      if (source.listenerCount(signal) === 0) endBy(signal, source);
    };
    target.stop().then(end, end);
  };
  const unwatch = (): void => {
    for (const signal of endSignals) source.off(signal, onSignal);
  };
  for (const signal of endSignals) source.on(signal, onSignal);
  return unwatch;
}

/** Ends the process by a signal, as if nobody had heard it. */
function endBy(signal: NodeJS.Signals, source: SignalSource): void {
  source.kill(source.pid, signal);
  // The kernel spares process 1 of a container what it does not hear; then this is what a shell would say of it.
  if (source.pid === 1) source.exit(128 + constants.signals[signal]);
}
