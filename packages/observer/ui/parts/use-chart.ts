import { useEffect, useState } from 'preact/hooks';
import type { ChartAnswer } from '../../src/protocol.ts';
import { usePage } from './page.ts';

/** A chart with its layout; null while it is asked for, or where it cannot be had. */
export function useChart(hash: string | null): {
  readonly drawable: ChartAnswer | null;
  readonly problem: string | null;
} {
  const { api } = usePage();
  const [found, setFound] = useState<{ hash: string; drawable: ChartAnswer } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (hash === null) return undefined;
    let isOver = false;
    setProblem(null);
    api.chart(hash).then(
      (drawable) => isOver || setFound({ hash, drawable }),
      (error: unknown) =>
        isOver || setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isOver = true;
    };
  }, [api, hash]);
  return { drawable: found?.hash === hash ? found.drawable : null, problem };
}
