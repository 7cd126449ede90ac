import { pageOf, pictureOf } from './picture.ts';
import type { Terminal } from './terminal.ts';
import { firstView, interestOf, listOf, press, type View } from './view.ts';
import type { ViewSource, ViewedSystem } from './viewed-system.ts';

/**
 * Shows a source on a terminal until somebody quits.
 *
 * @param source - What is shown.
 * @param terminal - Where.
 * @param signal - Quits, too.
 */
export async function runViewer(
  source: ViewSource,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const viewer = new Viewer(source, terminal);
  const quit = (): void => {
    viewer.end();
  };
  signal.addEventListener('abort', quit);
  try {
    if (!signal.aborted) await viewer.run();
  } finally {
    signal.removeEventListener('abort', quit);
  }
}

class Viewer {
  readonly #source: ViewSource;
  readonly #terminal: Terminal;
  #view: View = firstView;
  #shown: ViewedSystem;
  #timer: NodeJS.Timeout | undefined;
  #end: (error?: unknown) => void = () => undefined;
  #isOver = false;

  constructor(source: ViewSource, terminal: Terminal) {
    this.#source = source;
    this.#terminal = terminal;
    this.#shown = source.system();
  }

  /** Resolves when somebody quits; rejects with what goes wrong, so that the terminal is given back. */
  async run(): Promise<void> {
    this.#terminal.onKey((key) => {
      this.#guard(() => {
        this.#press(key);
      });
    });
    this.#terminal.onResize(() => {
      this.#guard(() => {
        this.#draw();
      });
    });
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => {
        if (error === undefined) resolve();
        else reject(new Error('the picture could not be made', { cause: error }));
      };
    });
    void this.#look();
    await ended;
  }

  end(error?: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#end(error);
  }

  #guard(run: () => void): void {
    if (this.#isOver) return;
    try {
      run();
    } catch (error) {
      this.end(error);
    }
  }

  #press(key: string): void {
    const { rows, turns } = this.#shown;
    const list = listOf(this.#view, rows, turns);
    const pressed = press(this.#view, key, { list, page: pageOf(this.#terminal.size()) });
    if (pressed === 'quit') {
      this.end();
      return;
    }
    if ('move' in pressed) this.#source.move(pressed.move);
    else this.#view = pressed;
    this.#draw();
    // What was opened is asked for at once.
    void this.#look();
  }

  #draw(): void {
    if (!this.#view.isPaused) this.#shown = this.#source.system();
    this.#terminal.show(pictureOf(this.#shown, this.#view, this.#terminal.size()));
  }

  /** A new picture now, and regularly from now on. */
  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (!this.#view.isPaused) await this.#source.refresh(interestOf(this.#view));
    } catch (error) {
      this.end(error);
    }
    this.#guard(() => {
      this.#draw();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#look(), this.#view.intervalMs);
    });
  }
}
