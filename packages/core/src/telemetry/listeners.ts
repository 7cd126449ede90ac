import { EventEmitter } from 'eventemitter3';
import { coreError } from '../errors.ts';
import { matchesGlob } from './glob.ts';
import type { TelemetryEventName } from './telemetry.ts';

/** A handler that cannot fail. */
type Heard = EventEmitter.ListenerFn;
type DemandListener = (name: TelemetryEventName, isWanted: boolean) => void;

/**
 * Who listens to what. Those who listen to a disabled event are kept beside the emitter, so that emitting it is the same as
 * without a listener.
 */
export class Listeners {
  /** Has those only who are to hear something. */
  readonly emitter = new EventEmitter();
  readonly #all = new Map<TelemetryEventName, Set<Heard>>();
  /** The last that matches a name decides. */
  readonly #rules = new Map<string, boolean>();
  readonly #demand = new Set<DemandListener>();

  /** Adds one listener; returns what removes it. */
  add(name: TelemetryEventName, heard: Heard): () => void {
    const those = this.#all.get(name) ?? new Set();
    this.#all.set(name, those.add(heard));
    if (this.#isEnabled(name)) {
      const isFirst = this.emitter.listenerCount(name) === 0;
      this.emitter.on(name, heard);
      if (isFirst) this.#tell(name, true);
    }
    return () => {
      if (!those.delete(heard)) return;
      if (those.size === 0) this.#all.delete(name);
      const wasWanted = this.emitter.listenerCount(name) > 0;
      this.emitter.off(name, heard);
      if (wasWanted && this.emitter.listenerCount(name) === 0) this.#tell(name, false);
    };
  }

  /** Enables or disables what matches. */
  rule(pattern: string, isEnabled: boolean): void {
    checkPattern(pattern);
    // Last in order, also when there was one with this pattern.
    this.#rules.delete(pattern);
    this.#rules.set(pattern, isEnabled);
    for (const [name, those] of [...this.#all]) {
      const wasEnabled = this.emitter.listenerCount(name) > 0;
      const is = this.#isEnabled(name);
      if (is === wasEnabled) continue;
      if (is) for (const heard of those) this.emitter.on(name, heard);
      else this.emitter.removeAllListeners(name);
      this.#tell(name, is);
    }
  }

  /** Tells of the first and the last listener of each name. */
  onDemand(listener: DemandListener): () => void {
    const own: DemandListener = (name, isWanted) => {
      listener(name, isWanted);
    };
    this.#demand.add(own);
    return () => void this.#demand.delete(own);
  }

  #isEnabled(name: string): boolean {
    let isEnabled = true;
    for (const [pattern, is] of this.#rules) if (matchesGlob(pattern, name)) isEnabled = is;
    return isEnabled;
  }

  #tell(name: TelemetryEventName, isWanted: boolean): void {
    for (const listener of [...this.#demand]) listener(name, isWanted);
  }
}

/** Longest pattern, so that a rule costs little. */
const longestPattern = 256;

function checkPattern(pattern: unknown): void {
  if (typeof pattern === 'string' && pattern !== '' && pattern.length <= longestPattern) return;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the pattern of an event',
    value: pattern,
    fault: `it must be a text of 1 to ${longestPattern} characters`,
    remedy: "Name an event, or several with *: 'snakepit.worker.heartbeat.*'.",
  });
}
