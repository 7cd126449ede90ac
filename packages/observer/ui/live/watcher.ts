import type { Api } from './api.ts';

/** Says to the server whose messages this page shows. */
export interface Watcher {
  /** Replaces what was watched before. */
  readonly watch: (pids: readonly number[]) => void;
}

/**
 * Makes a watcher. One request is on its way at a time, and the last wish is the one that holds: requests of one page may
 * overtake each other.
 */
export function createWatcher(api: Pick<Api, 'watch'>, viewer: string): Watcher {
  let wanted: readonly number[] | null = null;
  let isAsking = false;
  const ask = async (): Promise<void> => {
    isAsking = true;
    while (wanted !== null) {
      const pids = wanted;
      wanted = null;
      // Refused where the process or the stream is gone: then its successor is asked for as soon as it is seen.
      await api.watch({ viewer, pids }).catch(() => undefined);
    }
    isAsking = false;
  };
  return {
    watch(pids) {
      wanted = pids;
      if (!isAsking) void ask();
    },
  };
}
