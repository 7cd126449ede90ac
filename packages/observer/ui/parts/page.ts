import { createContext } from 'preact';
import { useContext, useEffect, useReducer } from 'preact/hooks';
import type { Api } from '../live/api.ts';
import type { Connection } from '../live/connection.ts';
import type { Store } from '../live/store.ts';
import type { Watcher } from '../live/watcher.ts';
import type { Replay } from '../replay/replay.ts';

/** What every part of the page works with. */
export interface Page {
  readonly store: Store;
  readonly connection: Connection;
  readonly api: Api;
  readonly watcher: Watcher;
  readonly replay: Replay;
}

const PageContext = createContext<Page | null>(null);
export const PageProvider = PageContext.Provider;

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) throw new Error('the page is not there yet');
  return page;
}

/**
 * Paints a component again when something came in, at most so often, and only while frames are painted.
 *
 * @param everyMs - At most once in this time.
 */
export function useLive(everyMs = 200): Page {
  const page = usePage();
  const [, repaint] = useReducer<number, undefined>((count) => count + 1, 0);
  useEffect(() => {
    let timer = 0;
    let frame = 0;
    const soon = (): void => {
      if (timer !== 0) return;
      timer = window.setTimeout(() => {
        frame = requestAnimationFrame(() => {
          timer = 0;
          repaint(undefined);
        });
      }, everyMs);
    };
    const ends = [page.store.subscribe(soon), page.connection.subscribe(soon)];
    // For what came in between painting and listening.
    soon();
    return () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      for (const end of ends) end();
    };
  }, [page, everyMs]);
  return page;
}

/** Paints a component again and again while `isRunning`, for what changes by time alone. */
export function useTicks(isRunning: boolean, everyMs: number): void {
  const [, repaint] = useReducer<number, undefined>((count) => count + 1, 0);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => repaint(undefined), everyMs);
    return () => clearInterval(timer);
  }, [isRunning, everyMs]);
}

/** Whether the viewer wants things to stand still. */
export function wantsStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
