import type { ExplainedValue } from '@snakepit/python-bridge';
import type { Paint } from './paint.ts';

/**
 * The effective configuration as a table: key, value, who says so.
 *
 * @param values - Every key.
 * @param paint - Sets off what is not the default.
 */
export function configurationReport(
  values: readonly ExplainedValue[],
  paint: (paint: Paint, text: string) => string,
): string {
  const rows = values.map(({ key, value, meaning, source }) => ({
    cells: [key, value === null ? meaning || 'none' : shown(value)] as const,
    source,
  }));
  const widths = [0, 1].map((column) =>
    Math.min(48, Math.max(0, ...rows.map(({ cells }) => cells[column]?.length ?? 0))),
  );
  const lines = rows.map(({ cells, source }) => {
    const text = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
    return source === 'default' ? paint('dim', `${text}  ${source}`) : `${text}  ${source}`;
  });
  return `${lines.join('\n')}\n`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
