import type { TextOutput } from './surroundings.ts';

const sgr = { green: [32, 39], red: [31, 39], dim: [2, 22] } as const;

/** A way to set text off. */
export type Paint = keyof typeof sgr;

/** Colours text where the output shows colours, and leaves it alone elsewhere (a pipe, NO_COLOR, a dumb terminal). */
export function painterFor(output: TextOutput): (paint: Paint, text: string) => string {
  if (output.isTTY !== true || output.hasColors?.() !== true) return (_paint, text) => text;
  return (paint, text) => {
    const [on, off] = sgr[paint];
    return `\u001B[${on}m${text}\u001B[${off}m`;
  };
}
