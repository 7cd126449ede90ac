const ID = /^(R\d+\.\d+|I\d+\.\d+|T\d+\.\d+|[A-Z]{2,5}-\d+[a-z]?)$/;

/**
 * Finds ids in square brackets: `[R1.3]`, `[SUP-017]`, several in one pair separated by commas or blanks.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function idsIn(text) {
  return [...text.matchAll(/\[([^[\]]+)\]/g)].flatMap(([, inside = '']) => {
    const words = inside.split(/[,\s]+/).filter(Boolean);
    return words.every((word) => ID.test(word)) ? words : [];
  });
}
