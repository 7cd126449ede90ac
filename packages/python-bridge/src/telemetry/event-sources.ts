import type { TlsMaterial } from '../hosts/worker-host.ts';

/** A worker whose Python may have events. */
export interface EventSource {
  /** Name of its pool. */
  readonly pool: string;
  /** Its id in the pool. */
  readonly workerId: string;
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  /** The token that it was given. */
  readonly token: string;
  /** By what TLS knows both sides; `undefined` without TLS. */
  readonly tls: TlsMaterial | undefined;
  /** Has it listen first, where it does that only when asked. */
  readonly serve?: (() => Promise<void>) | undefined;
}

/** The workers that run now. It outlives the process that takes their events. */
export interface EventSources {
  /** All, in order of addition. */
  all(): readonly EventSource[];
  /** A worker is ready; returns what says that its process is gone. */
  add(source: EventSource): () => void;
  /** Tells of every change; returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Makes a table without workers. */
export function createEventSources(): EventSources {
  const sources = new Set<EventSource>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return {
    all: () => [...sources],
    add: (source) => {
      sources.add(source);
      changed();
      return () => {
        if (sources.delete(source)) changed();
      };
    },
    onChange: (listener) => {
      const own = (): void => {
        listener();
      };
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
