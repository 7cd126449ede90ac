/**
 * One comparison: what we need and what a peer needs for the same work, measured in turn in one run.
 *
 * @typedef {object} Row
 * @property {string} name What was measured, and under which condition.
 * @property {number} ours Median over the rounds.
 * @property {number} peer Median over the rounds, of the peer.
 * @property {number} ratio Median of the ratios ours/peer, round by round.
 * @property {string} unit Unit of `ours` and `peer`.
 * @property {number} samples Rounds that were counted.
 * @property {{ ours: [number, number], peer: [number, number], ratio: [number, number] }} spread Least and greatest of each.
 * @property {string} against Who the peer is.
 * @property {{ text: string, met: boolean }} [goal] What is aimed at, where something is.
 */

/**
 * What is aimed at: by the ratio to the peer, or by our own figure.
 *
 * @typedef {object} Goal
 * @property {string} text
 * @property {(row: { ours: number, ratio: number }) => boolean} isMet
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
 * One way to do a work.
 *
 * @typedef {object} Side
 * @property {() => Promise<Record<string, number>>} measure Gives named figures; every side gives the same.
 * @property {number} [rounds] Counted rounds at most, where one takes long; such a side has no warm-up.
 */

/**
 * Measures several ways in turn, so that a drift of the machine's speed meets all alike. The first round warms up
 * and is not counted; every other round the order is changed.
 *
 * @param {number} rounds Counted rounds.
 * @param {Record<string, Side>} sides By name.
 * @returns {Promise<Record<string, Record<string, number[]>>>} All figures, by their name and then by side.
 */
export async function inTurn(rounds, sides) {
  /** @type {Record<string, Record<string, number[]>>} */
  const figures = {};
  const order = Object.entries(sides);
  for (let round = 0; round <= rounds; round++) {
    for (const [name, { measure, rounds: most = Infinity }] of order) {
      if (round > most || (round === 0 && most < Infinity)) continue;
      const measured = await measure();
      if (round === 0) continue;
      for (const [figure, value] of Object.entries(measured)) {
        figures[figure] ??= {};
        (figures[figure][name] ??= []).push(value);
      }
    }
    order.reverse();
  }
  return figures;
}

/**
 * Makes a row of the figures of one name.
 *
 * @param {string} name
 * @param {string} unit
 * @param {{ ours: number[], peer: number[] }} figures
 * @param {{ against: string, goal?: Goal }} about
 * @returns {Row}
 */
export function toRow(name, unit, { ours, peer }, { against, goal }) {
  // One of them may have had fewer rounds.
  const samples = Math.min(ours.length, peer.length);
  const ratios = ours.slice(0, samples).map((value, index) => value / peer[index]);
  const row = {
    name,
    ours: round(median(ours)),
    peer: round(median(peer)),
    ratio: round(median(ratios)),
    unit,
    samples,
    spread: { ours: range(ours), peer: range(peer), ratio: range(ratios) },
    against,
  };
  return goal === undefined ? row : { ...row, goal: { text: goal.text, met: goal.isMet(row) } };
}

function range(numbers) {
  return [round(Math.min(...numbers)), round(Math.max(...numbers))];
}

function round(value) {
  return Number(value.toPrecision(4));
}
