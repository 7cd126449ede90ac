/** What is not known. */
export const unknown = '-';

/**
 * A text as one line of a terminal: what is not ASCII is replaced, since nobody knows how wide it is drawn, and since
 * what controls a terminal may not come from a process that is looked at; what is too long is cut.
 *
 * @param text - Any text.
 * @param width - The most columns.
 */
export function plain(text: string, width = Infinity): string {
  const shown = text.replace(/[^\u0020-\u007e…]/gu, '?');
  return shown.length > width ? `${shown.slice(0, Math.max(0, width - 1))}…` : shown;
}

/** A state value as a text: `{"ready":"idle"}` is `ready.idle`, and regions are joined by commas. */
export function stateText(value: string | null): string {
  if (value?.startsWith('{') !== true) return value ?? unknown;
  try {
    return flatten(JSON.parse(value));
  } catch {
    // It was cut.
    return value;
  }
}

function flatten(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = Object.entries(value).map(([key, inner]) => {
    const text = flatten(inner);
    return text === '' ? key : `${key}.${text}`;
  });
  return parts.join(',');
}

/** A text of {@link plain} that fills a width, on its left side. */
export function left(text: string, width: number): string {
  return plain(text, width).padEnd(width);
}

/** A text of {@link plain} that fills a width, on its right side. */
export function right(text: string, width: number): string {
  return plain(text, width).padStart(width);
}

/** The end of a path: who it is, and whose. */
export function shortPath(path: string): string {
  const parts = path.split('/');
  const end = parts.slice(-2).join('/');
  return plain(parts.length > 2 ? `…/${end}` : end);
}

/** A number of bytes. */
export function bytes(count: number | null): string {
  if (count === null) return unknown;
  const units = ['B', 'K', 'M', 'G', 'T'];
  let rest = count;
  let unit = 0;
  for (; rest >= 1024 && unit < units.length - 1; unit += 1) rest /= 1024;
  return `${rest.toFixed(unit === 0 || rest >= 100 ? 0 : 1)}${units[unit] ?? ''}`;
}

/** A time in milliseconds. */
export function duration(ms: number | null): string {
  if (ms === null) return unknown;
  if (ms < 1_000) return `${ms.toFixed(ms < 10 ? 1 : 0)}ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)}s` : `${(ms / 60_000).toFixed(1)}min`;
}

/** The time of a day, to the millisecond. */
export function clockTime(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(11, 23);
}

/** Any JSON on one line. */
export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
