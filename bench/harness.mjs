/**
 * One comparison: what we need and what the peer needs for the same work, measured in turn in one run.
 *
 * @typedef {object} Row
 * @property {string} name What was measured, and under which condition.
 * @property {number} ours Median over the rounds.
 * @property {number} peer Median over the rounds, of the peer.
 * @property {number} ratio Median of the ratios ours/peer, round by round.
 * @property {string} unit Unit of `ours` and `peer`.
 * @property {number} samples Rounds that were counted.
 * @property {{ ours: [number, number], peer: [number, number], ratio: [number, number] }} spread Least and greatest of each.
 */

/** Median of some numbers. */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which a share of the numbers lies, 0 to 1. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * Measures two ways in turn, so that a drift of the machine's speed meets both alike. The first round warms up and
 * is not counted; every other round the order is changed.
 *
 * @param {number} rounds Counted rounds.
 * @param {() => Promise<Record<string, number>>} ours Gives named figures.
 * @param {() => Promise<Record<string, number>>} peer Gives the same figures of the peer.
 * @returns {Promise<Record<string, { ours: number[], peer: number[] }>>} All figures by name.
 */
export async function inTurn(rounds, ours, peer) {
  /** @type {Record<string, { ours: number[], peer: number[] }>} */
  const figures = {};
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours'];
    for (const side of order) {
      const measured = await (side === 'ours' ? ours() : peer());
      if (round === 0) continue;
      for (const [name, value] of Object.entries(measured)) {
        figures[name] ??= { ours: [], peer: [] };
        figures[name][side].push(value);
      }
    }
  }
  return figures;
}

/**
 * Makes a row of the figures of one name.
 *
 * @param {string} name
 * @param {string} unit
 * @param {{ ours: number[], peer: number[] }} figures
 * @returns {Row}
 */
export function toRow(name, unit, { ours, peer }) {
  const ratios = ours.map((value, index) => value / peer[index]);
  return {
    name,
    ours: round(median(ours)),
    peer: round(median(peer)),
    ratio: round(median(ratios)),
    unit,
    samples: ours.length,
    spread: { ours: range(ours), peer: range(peer), ratio: range(ratios) },
  };
}

/** The rows as a table for people. */
export function format(rows) {
  const header = ['what', 'ours', 'peer', 'ours/peer', 'ratio min…max', 'unit', 'rounds'];
  const lines = rows.map(({ name, ours, peer, ratio, spread, unit, samples }) => [
    name,
    String(ours),
    String(peer),
    String(ratio),
    spread.ratio.join('…'),
    unit,
    String(samples),
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...lines].map((line) => line[column].length)),
  );
  return [header, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function range(numbers) {
  return [round(Math.min(...numbers)), round(Math.max(...numbers))];
}

function round(value) {
  return Number(value.toPrecision(4));
}
