import { isObject, type ProcessInfo } from '@snakepit/core';

/** How many restarts a supervisor may do, and when it did some. */
interface Window {
  readonly intensity: number;
  readonly period: number;
  readonly stamps: readonly unknown[];
}

/**
 * The restarts of a supervisor that still count, and how many are allowed: `1/3`; `undefined` of what is no supervisor.
 * Recognised by its context, since a chart tells what it is by nothing else.
 */
export function windowText(process: ProcessInfo, nowMs: number): string | undefined {
  if (process.behaviour !== 'statechart') return undefined;
  const window = windowOf(process.state);
  if (window === undefined) return undefined;
  const since = Math.floor(nowMs / 1000) - window.period;
  let count = 0;
  for (const stamp of window.stamps) {
    if (!Array.isArray(stamp)) continue;
    const [second, restarts] = stamp as unknown[];
    if (typeof second === 'number' && second >= since) count += Number(restarts);
  }
  return `${String(count)}/${String(window.intensity)}`;
}

function windowOf(snapshot: unknown): Window | undefined {
  if (!isObject(snapshot) || !isObject(snapshot['context'])) return undefined;
  const window = snapshot['context']['window'];
  return isObject(window) && isWindow(window) ? window : undefined;
}

function isWindow(value: object): value is Window {
  return (
    'stamps' in value &&
    Array.isArray(value.stamps) &&
    'intensity' in value &&
    typeof value.intensity === 'number' &&
    'period' in value &&
    typeof value.period === 'number'
  );
}
