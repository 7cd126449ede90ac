/** Longer ones are no slips of the pen. */
const longestName = 100;

/**
 * The known name that somebody who wrote `unknown` probably meant.
 *
 * Case and underscores do not count, so that the original's `pool_size` and `pingInterval` find their names here.
 *
 * @param unknown - What was written.
 * @param known - What could have been meant.
 * @returns The nearest name, or undefined when none is near.
 */
export function nearestName(unknown: string, known: readonly string[]): string | undefined {
  // What nobody types is not compared with anything: the work grows with both lengths.
  if (unknown.length > longestName) return undefined;
  const wanted = plain(unknown);
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(wanted, plain(name));
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best ?? known.find((name) => name.length >= 4 && contains(wanted, plain(name)));
}

/**
 * Number of single-character insertions, deletions and replacements between two texts (Levenshtein).
 *
 * @param a - One text.
 * @param b - The other.
 */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function plain(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase();
}

function contains(a: string, b: string): boolean {
  return a.length >= 4 && (a.includes(b) || b.includes(a));
}
