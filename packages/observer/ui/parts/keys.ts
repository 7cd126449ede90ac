/**
 * Makes keys of the things of a list by what they are, so that each keeps its element, its focus, and whether it is open,
 * when others come before it.
 *
 * @param textOf - What one of them is; those that are the same are told apart by their order.
 */
export function keysOf<T>(list: readonly T[], textOf: (one: T) => string): string[] {
  const seen = new Map<string, number>();
  return list.map((one) => {
    const text = textOf(one);
    const nth = (seen.get(text) ?? 0) + 1;
    seen.set(text, nth);
    return `${text} ${nth}`;
  });
}
