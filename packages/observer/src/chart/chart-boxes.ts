import { type Chart, type ChartEdge, type ChartState, edgeLabel } from './chart.ts';

/** Height of one line of text in a chart, in pixels. */
export const LINE_HEIGHT = 16;
/** Space between the border of a box and its text, in pixels. */
export const BOX_PADDING = 10;
/** Room at the beginning of a label for the ring of a timer, in pixels. */
export const RING_ROOM = 16;

// Charts are measured where there is no font: a fixed-pitch font has the same width everywhere.
const CHARACTER_WIDTH = 6.7;
const LONGEST_LINE = 44;
const MOST_LINES = 7;
const WIDE_CHARACTERS_FROM = 0x2e80;

/** A line of text inside a box, and the transition it stands for when it does. */
export interface BoxLine {
  /** Text of the line, cut to a length that can be drawn. */
  readonly text: string;
  /** The whole text. */
  readonly full: string;
  /** Id of the transition, for those that stay inside their state. */
  readonly edge: string | null;
}

/** An arrow: all transitions from one state to another. */
export interface Arrow {
  /** Id of the state it leaves. */
  readonly source: string;
  /** Id of the state it enters. */
  readonly target: string;
  /** The transitions, in the order of the chart. */
  readonly edges: readonly ChartEdge[];
}

/**
 * The lines under a state's name: its actions, its actors, and what it handles without leaving.
 *
 * @param chart - The chart.
 * @param state - One of its states.
 * @returns At most seven lines; the last one tells how many more there are.
 */
export function boxLines(chart: Chart, state: ChartState): readonly BoxLine[] {
  const lines: BoxLine[] = [
    ...state.entry.map((action) => line(`entry / ${action}`)),
    ...state.exit.map((action) => line(`exit / ${action}`)),
    ...state.invoke.map(({ src }) => line(`runs ${src}`)),
    ...chart.edges
      .filter((edge) => edge.source === state.id && edge.targets.length === 0)
      .map((edge) => line(edgeLabel(edge), edge.id)),
  ];
  if (lines.length <= MOST_LINES) return lines;
  const shown = lines.slice(0, MOST_LINES - 1);
  return [...shown, line(`… ${lines.length - shown.length} more`)];
}

/**
 * Joins the transitions that connect the same two states.
 *
 * @param chart - The chart.
 * @returns One arrow for each pair of states, and for each state that is entered again from itself.
 */
export function arrowsOf(chart: Chart): readonly Arrow[] {
  const arrows = new Map<string, { source: string; target: string; edges: ChartEdge[] }>();
  for (const edge of chart.edges) {
    for (const target of edge.targets) {
      const key = JSON.stringify([edge.source, target]);
      const arrow = arrows.get(key) ?? { source: edge.source, target, edges: [] };
      arrow.edges.push(edge);
      arrows.set(key, arrow);
    }
  }
  return [...arrows.values()];
}

/**
 * What is written at the top of a state.
 *
 * @param state - A state.
 * @returns Its name; `H` and `H*` for history.
 */
export function stateTitle(state: ChartState): string {
  if (state.type === 'history') return state.history === 'deep' ? 'H*' : 'H';
  return shorten(state.key);
}

/**
 * How wide a text is drawn.
 *
 * @param text - One line.
 * @returns Pixels.
 */
export function textWidth(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += (character.codePointAt(0) ?? 0) >= WIDE_CHARACTERS_FROM ? 2 : 1;
  }
  return Math.ceil(columns * CHARACTER_WIDTH);
}

/**
 * Cuts a line that is too long to be drawn, and replaces what would break it.
 *
 * @param text - Any text.
 * @returns One line of at most 44 characters.
 */
export function shorten(text: string): string {
  const characters = Array.from(text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu, '·'));
  if (characters.length <= LONGEST_LINE) return characters.join('');
  return `${characters.slice(0, LONGEST_LINE - 1).join('')}…`;
}

function line(full: string, edge: string | null = null): BoxLine {
  return { text: shorten(full), full, edge };
}
