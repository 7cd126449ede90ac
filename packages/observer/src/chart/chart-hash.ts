import { createHash } from 'node:crypto';
import type { Chart } from './chart.ts';

/**
 * The name of a chart's content: equal machines have equal hashes, in every process and every run.
 *
 * @param chart - The chart.
 * @returns SHA-256 of its JSON, as 64 hexadecimal digits.
 */
export function chartHash(chart: Chart): string {
  return createHash('sha256').update(JSON.stringify(chart)).digest('hex');
}
