import { foldServers, readTree, rowText } from './process-tree.mjs';

const ESC = '\u001b[';
/** The other screen of the terminal: what stood there before comes back at the end. */
const ENTER = `${ESC}?1049h${ESC}?25l`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
const FRAME_MS = 60;
/** Lines that are not the tree: title, progress, notes; on a low screen the last note only. */
const OTHER_LINES = { whole: 4, folded: 3 };

const colours = { dim: '2', bold: '1', green: '32', cyan: '96', yellow: '33', red: '91' };
/** @typedef {keyof typeof colours} Colour */

/** @type {(readonly [RegExp, Colour])[]} */
const stateColours = [
  [/failed|unhealthy|judging|exceeded|unavailable/, 'red'],
  [/executing/, 'cyan'],
  [/idle|serving|healthy|waiting|pinging/, 'green'],
  [/./, 'yellow'],
];

/**
 * The tree, drawn in place many times a second.
 *
 * @param {import('node:tty').WriteStream} terminal
 * @param {{ colours: boolean }} options
 * @returns {import('./view.mjs').View}
 */
export function createTerminalView(terminal, options) {
  /** @type {string[]} */
  const notes = [];
  let progress = { done: 0, total: 0 };
  /** @type {import('snakepit').Snakepit | undefined} */
  let watched;
  let isOpen = true;
  const paint = options.colours ? coloured : plain;

  function draw() {
    const { rows = 24, columns = 80 } = terminal;
    const lines = frame({ watched, notes, progress, rows, columns, paint });
    const text = lines.map((line, i) => `${ESC}${i + 1};1H${line}${ESC}K`).join('');
    terminal.write(`${text}${ESC}J`);
  }
  function close() {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(timer);
    terminal.off('resize', draw);
    process.off('exit', close);
    terminal.write(LEAVE);
    // The other screen took its notes with it.
    for (const note of notes) terminal.write(`${note}\n`);
  }

  terminal.write(ENTER);
  terminal.on('resize', draw);
  // Whatever ends the program, the user gets the cursor back.
  process.on('exit', close);
  const timer = setInterval(draw, FRAME_MS);
  return {
    note(text) {
      notes.push(text);
      // After the end there is only the ordinary screen.
      if (isOpen) draw();
      else terminal.write(`${text}\n`);
    },
    watch(snakepit) {
      watched = snakepit;
    },
    progress(done, total) {
      progress = { done, total };
    },
    close,
  };
}

/**
 * @param {object} shown
 * @param {import('snakepit').Snakepit | undefined} shown.watched
 * @param {string[]} shown.notes
 * @param {{ done: number, total: number }} shown.progress
 * @param {number} shown.rows
 * @param {number} shown.columns
 * @param {(text: string, colour: Colour) => string} shown.paint
 */
function frame({ watched, notes, progress, rows, columns, paint }) {
  const fit = (/** @type {string} */ text) => text.slice(0, columns);
  const whole = watched ? readTree(watched) : [];
  const isLow = whole.length > rows - OTHER_LINES.whole;
  const others = isLow ? OTHER_LINES.folded : OTHER_LINES.whole;
  const tree = isLow ? foldServers(whole) : whole;
  return [
    paint(fit('Snakepit: every line is a statechart or a server, every state is live'), 'bold'),
    ...tree
      .slice(0, Math.max(1, rows - others))
      .map((row) => paint(fit(rowText(row)), colourOf(row.state))),
    paint(fit(bar(progress, columns)), 'bold'),
    ...notes.slice(2 - others).map((note) => paint(fit(note), 'dim')),
  ].slice(0, rows);
}

/** @param {string} state */
function colourOf(state) {
  return stateColours.find(([pattern]) => pattern.test(state))?.[1] ?? 'dim';
}

/**
 * @param {{ done: number, total: number }} progress
 * @param {number} columns
 */
function bar({ done, total }, columns) {
  const part = total === 0 ? 0 : done / total;
  const text = ` ${String(Math.floor(part * 100)).padStart(3)} %  ${done} of ${total} calls`;
  const width = Math.max(10, Math.min(columns, 80) - text.length);
  const full = Math.round(part * width);
  return '█'.repeat(full) + '░'.repeat(width - full) + text;
}

/**
 * @param {string} text
 * @param {Colour} colour
 */
function coloured(text, colour) {
  return `${ESC}${colours[colour]}m${text}${ESC}0m`;
}

/** @param {string} text */
function plain(text) {
  return text;
}
