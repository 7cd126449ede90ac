import { useEffect, useState } from 'preact/hooks';

/** What was answered last, and why there is no newer answer. */
export interface Polled<T> {
  readonly answer: T | null;
  readonly problem: string | null;
}

/**
 * Asks again and again while the component is shown; never twice at once.
 *
 * @param ask - Asks; the same function as long as the question is the same.
 * @param everyMs - How long to wait after an answer.
 */
export function usePolled<T>(ask: () => Promise<T>, everyMs: number): Polled<T> {
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    let isOver = false;
    const next = async (): Promise<void> => {
      try {
        const came = await ask();
        if (isOver) return;
        setAnswer(came);
        setProblem(null);
      } catch (error) {
        if (!isOver) setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!isOver) timer = window.setTimeout(() => void next(), everyMs);
    };
    void next();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [ask, everyMs]);
  return { answer, problem };
}
