import type { Telemetry } from '@snakepit/core';
// Brings the events of pools with it.
import type {} from '@snakepit/python-bridge';

/** Where a line of progress goes: standard error of this process, or whatever else is like it. */
export interface ProgressOutput {
  /** Takes text. */
  write(text: string): unknown;
  /** Whether somebody reads it on a terminal. */
  readonly isTTY?: boolean | undefined;
  /** How many characters fit on a line; default 80. */
  readonly columns?: number | undefined;
}

interface PoolProgress {
  readonly ready: number;
  readonly failed: number;
  readonly remaining: number;
  readonly total: number;
  readonly elapsedMs: number;
}

const usualColumns = 80;
/** To the first column, and what is there goes. */
const clearLine = '\r\u001B[K';

/**
 * Shows, in one line on a terminal, how far pools have got with starting their workers; the line is taken away when all have.
 * Elsewhere nothing is shown: the log says it, too.
 *
 * @param telemetry - The bus that `Snakepit.start` gets as `telemetry.bus`, or that of a system.
 * @param output - Default: standard error.
 * @returns Ends it.
 * @example
 * ```ts
 * const bus = createTelemetry();
 * showStartProgress(bus);
 * await using snakepit = await Snakepit.start({ telemetry: { bus }, pools });
 * ```
 */
export function showStartProgress(
  telemetry: Pick<Telemetry, 'on'>,
  output: ProgressOutput = process.stderr,
): () => void {
  if (output.isTTY !== true) return () => undefined;
  const pools = new Map<string, PoolProgress>();
  let isShown = false;
  const clear = (): void => {
    if (isShown) output.write(clearLine);
    isShown = false;
  };
  const detach = telemetry.on('snakepit.pool.start.progress', (progress, { pool }) => {
    pools.set(pool, progress);
    const starting = [...pools.values()].some(({ remaining }) => remaining > 0);
    if (!starting) {
      pools.clear();
      clear();
      return;
    }
    const { columns = usualColumns } = output;
    // One column less: in the last one some terminals begin a new line.
    output.write(`${clearLine}${lineOf(pools).slice(0, Math.max(0, columns - 1))}`);
    isShown = true;
  });
  return () => {
    detach();
    clear();
  };
}

function lineOf(pools: ReadonlyMap<string, PoolProgress>): string {
  const parts = Array.from(pools, ([pool, { ready, failed, total }]) => {
    return `${pool} ${ready}/${total}${failed === 0 ? '' : ` (${failed} given up)`}`;
  });
  const elapsedMs = Math.max(...Array.from(pools.values(), (one) => one.elapsedMs));
  const leftMs = Math.max(
    ...Array.from(pools.values(), ({ ready, failed, remaining, elapsedMs: soFar }) => {
      return (soFar / (ready + failed)) * remaining;
    }),
  );
  const left = Number.isFinite(leftMs) ? `, about ${seconds(leftMs)} to go` : '';
  return `starting: ${parts.join(', ')}; ${seconds(elapsedMs)}${left}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
