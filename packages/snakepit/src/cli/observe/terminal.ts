import { emitKeypressEvents } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import type { PictureLine, Size } from './picture.ts';

/** A terminal that shows pictures. */
export interface Terminal {
  /** How large it is now. */
  readonly size: () => Size;
  /** Shows a picture in place of what is there. */
  readonly show: (lines: readonly PictureLine[]) => void;
  /** Calls back with the name of each key, or with the sign that was typed. */
  readonly onKey: (listener: (key: string) => void) => void;
  /** Calls back when it has another size. */
  readonly onResize: (listener: () => void) => void;
  /** Gives it back as it was; asked again, nothing happens. */
  readonly close: () => void;
}

const escape = '\u001B[';
const enter = `${escape}?1049h${escape}?25l`;
const leave = `${escape}?25h${escape}?1049l`;
/** An escape that nothing follows for so long was the key, in milliseconds. */
const escapeMs = 50;

/**
 * Takes the terminal: what was on it comes back when it is given back, or when this program ends.
 *
 * @param input - Where keys are typed.
 * @param output - Where pictures are shown.
 * @returns It; `undefined` when one of them is no terminal.
 */
export function openTerminal(input: ReadStream, output: WriteStream): Terminal | undefined {
  // It is false of a pipe, whatever its type says.
  if (!(input.isTTY as boolean | undefined) || !(output.isTTY as boolean | undefined)) {
    return undefined;
  }
  const keys = new Set<(key: string) => void>();
  const resizes = new Set<() => void>();
  const onKeypress = (text: string | undefined, key: Keypress | undefined): void => {
    const name = keyName(text, key);
    for (const listener of keys) listener(name);
  };
  const onResize = (): void => {
    for (const listener of resizes) listener();
  };
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    input.off('keypress', onKeypress);
    output.off('resize', onResize);
    input.setRawMode(false);
    input.pause();
    output.write(leave);
  };
  // Also after an error that nobody caught.
  process.on('exit', close);
  emitKeypressEvents(input, { escapeCodeTimeout: escapeMs } as never);
  input.setRawMode(true);
  input.on('keypress', onKeypress);
  input.resume();
  output.on('resize', onResize);
  output.write(enter);
  return {
    size: () => ({ columns: output.columns, rows: output.rows }),
    show: (lines) => {
      if (isOpen) output.write(written(lines));
    },
    onKey: (listener) => keys.add(listener),
    onResize: (listener) => resizes.add(listener),
    close,
  };
}

interface Keypress {
  readonly name?: string;
  readonly ctrl?: boolean;
}

function keyName(text: string | undefined, key: Keypress | undefined): string {
  if (key?.ctrl === true) return `ctrl-${key.name ?? ''}`;
  const isPrinted = text !== undefined && /^[\u0021-\u007e]$/.test(text);
  return isPrinted ? text : (key?.name ?? text ?? '');
}

/** Each line is written over, and its end cleared: nothing flickers. */
function written(lines: readonly PictureLine[]): string {
  const texts = lines.map(({ text, isMarked }) =>
    isMarked ? `${escape}7m${text}${escape}27m` : text,
  );
  return `${escape}H${texts.join(`${escape}K\r\n`)}${escape}K${escape}J`;
}
