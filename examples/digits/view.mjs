import { createPlainView } from './plain-view.mjs';
import { createTerminalView } from './terminal-view.mjs';

/**
 * What shows the demo while it runs.
 *
 * @typedef {object} View
 * @property {(snakepit: import('snakepit').Snakepit) => void} watch shows its tree from now on
 * @property {(text: string) => void} note something happened
 * @property {(done: number, total: number) => void} progress
 * @property {() => void} close gives the terminal back
 */

/**
 * @param {import('./options.mjs').Options} options
 * @returns {View}
 */
export function createView(options) {
  if (options.json) return silentView;
  return options.isTerminal ? createTerminalView(process.stdout, options) : createPlainView();
}

/** @type {View} */
const silentView = {
  watch: () => undefined,
  note: () => undefined,
  progress: () => undefined,
  close: () => undefined,
};
