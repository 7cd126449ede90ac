/** Names that are told when one is not known. */
const most = 3;

/**
 * The names that are most like one that is not there.
 *
 * @param wanted - What was typed.
 * @param names - What there is.
 * @returns At most three, the most alike first.
 */
export function nearestNames(wanted: string, names: readonly string[]): readonly string[] {
  const typed = wanted.toLowerCase();
  const rank = (name: string): number => {
    const known = name.toLowerCase();
    // Part of a name is more than some letters of it.
    return known.includes(typed) || typed.includes(known) ? 0 : distance(typed, known);
  };
  return names
    .map((name) => ({ name, rank: rank(name) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ name }) => name);
}

/** How many letters have to be put in, left out or changed (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (let at = 0; at < to.length; at += 1) {
      const changed = (row[at] ?? 0) + (to[at] === letter ? 0 : 1);
      next.push(Math.min(changed, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
