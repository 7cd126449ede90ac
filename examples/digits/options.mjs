import { parseArgs } from 'node:util';

/** A wrong command line. */
export class OptionsError extends Error {}

export const helpText = `Classifies the 1,797 handwritten digits of scikit-learn with a pool of Python workers.
Half way one worker is killed with SIGKILL; its batch is done again by another one.

Usage: npm run demo -- [options]

  --workers N   number of Python workers, 1 to 32 (default 4)
  --batch N     images in one call, 1 to 500 (default 20)
  --pace MS     rest within each call, 0 to 10000 ms, so that eyes can follow
                (default 120 on a terminal, otherwise 20)
  --json        print nothing but one JSON object, at the end
  --help        this text

Colours are off when NO_COLOR is set. Exit codes: 0 fine, 1 something failed or was left
running, 2 wrong use, 130 interrupted.`;

/**
 * @typedef {object} Options
 * @property {boolean} help
 * @property {boolean} json
 * @property {boolean} isTerminal whether the tree can be drawn in place
 * @property {boolean} colours
 * @property {number} workers
 * @property {number} batch
 * @property {number} paceMs
 */

/**
 * @param {string[]} args
 * @returns {Options}
 */
export function readOptions(args) {
  const values = parse(args);
  const isTerminal = process.stdout.isTTY && !values.json && process.env.TERM !== 'dumb';
  return {
    help: values.help,
    json: values.json,
    isTerminal,
    colours: isTerminal && !process.env.NO_COLOR,
    workers: wholeNumber('--workers', values.workers ?? '4', 1, 32),
    batch: wholeNumber('--batch', values.batch ?? '20', 1, 500),
    paceMs: wholeNumber('--pace', values.pace ?? (isTerminal ? '120' : '20'), 0, 10_000),
  };
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        workers: { type: 'string' },
        batch: { type: 'string' },
        pace: { type: 'string' },
      },
    }).values;
  } catch (error) {
    const [problem] = String(error instanceof Error ? error.message : error).split('. ');
    throw new OptionsError(`${problem}.\n\n${helpText}`);
  }
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function wholeNumber(option, text, min, max) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new OptionsError(
    `${option} is "${text}"; it must be a whole number from ${min} to ${max}.\n\n${helpText}`,
  );
}
