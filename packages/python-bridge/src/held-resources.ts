import type { RunResources } from './os/process-registry.ts';

/** What the process registry holds, through all its lives. */
export interface HeldResources {
  /** What it holds now; nothing between two lives. */
  readonly current: () => RunResources | undefined;
  /** It has opened this, and may be killed before it holds it. */
  readonly keep: (resources: RunResources) => void;
  /** It holds this from now on, or nothing any more. */
  readonly hold: (resources: RunResources | undefined) => void;
  /** Resolves when nothing is left of what any of its lives has held. */
  readonly release: () => Promise<void>;
}

/**
 * Keeps what any life of the process registry has held, until that is released: who was killed has not waited for the
 * end of its workers.
 */
export function createHeldResources(): HeldResources {
  let current: RunResources | undefined;
  const held = new Set<RunResources>();
  return {
    current: () => current,
    keep: (resources) => {
      // Whoever had the earlier ones has ended, and they are being released.
      for (const earlier of held) void earlier.release().then(() => held.delete(earlier));
      held.add(resources);
    },
    hold: (resources) => {
      current = resources;
    },
    release: async () => {
      await Promise.all(Array.from(held, ({ release }) => release()));
    },
  };
}
