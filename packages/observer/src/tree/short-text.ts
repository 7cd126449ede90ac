/** Longer texts of a row are cut. */
const longest = 200;

/** A text, cut to what a row has room for. */
export function shortText(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** A state value as a row shows it; `null` when there is none, or when it cannot be shown. */
export function valueText(value: unknown): string | null {
  if (typeof value === 'string') return shortText(value);
  if (typeof value !== 'object' || value === null) return null;
  try {
    // Of a chart it is plain data; of other logic it may be anything.
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? null : shortText(text);
  } catch {
    return null;
  }
}
