import { EventEmitter } from 'node:events';
import { expect } from '@jest/globals';
import { defineServer, noreply, ok } from '@snakepit/core';
import { runCli } from '../run-cli.ts';
import type { PictureLine, Size } from './picture.ts';
import type { Terminal } from './terminal.ts';

/** Counts. */
export const counter = defineServer({
  name: 'counter',
  init: () => ok({ count: 0, password: 'hidden' }),
  cast: {
    add: (state) => noreply({ ...state, count: state.count + 1 }),
    crash: () => {
      throw new Error('told to crash');
    },
  },
});

/** A terminal that nobody sees. */
export class FakeTerminal implements Terminal {
  readonly #events = new EventEmitter();
  picture: readonly PictureLine[] = [];
  isOpen = true;
  columns = 120;

  size = (): Size => ({ columns: this.columns, rows: 30 });
  onKey = (listener: (key: string) => void): void => void this.#events.on('key', listener);
  onResize = (listener: () => void): void => void this.#events.on('resize', listener);
  close = (): void => {
    this.isOpen = false;
  };
  show = (lines: readonly PictureLine[]): void => {
    this.picture = lines;
    this.#events.emit('picture');
  };

  /** What is on it. */
  get text(): string {
    return this.picture.map(({ text }) => text.trimEnd()).join('\n');
  }

  /** Types. */
  press(...keys: string[]): void {
    for (const key of keys) this.#events.emit('key', key);
  }

  /** Makes it as wide as that. */
  resize(columns: number): void {
    this.columns = columns;
    this.#events.emit('resize');
  }

  /** Waits for a picture, be it one that is there for a moment only. */
  async shows(expected: RegExp): Promise<void> {
    if (expected.test(this.text)) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!expected.test(this.text)) return;
        this.#events.off('picture', look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#events.off('picture', look);
        reject(new Error(`${String(expected)} is not in\n${this.text}`));
      }, 20_000);
      this.#events.on('picture', look);
    });
  }
}

/** What a command wrote, and how it ended. */
interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `snakepit observe` of a test. */
interface Command {
  /** Runs it; with a terminal until it is quit. Whoever hears is told what it writes as it does. */
  readonly type: (
    args: readonly string[],
    terminal?: Terminal,
    interrupts?: AbortSignal,
    hear?: (text: string) => void,
  ) => Promise<Told>;
  /** Runs the viewer until the test has seen enough, and quits. */
  readonly viewing: (
    use: (terminal: FakeTerminal) => Promise<void>,
    args?: readonly string[],
  ) => Promise<void>;
}

/** A command line in a directory, and the viewer that it opens. */
export function commandIn(directory: () => string): Command {
  return { type, viewing };

  async function type(
    args: readonly string[],
    terminal?: Terminal,
    interrupts: AbortSignal = new AbortController().signal,
    hear: (text: string) => void = () => undefined,
  ) {
    const told = { stdout: '', stderr: '' };
    const code = await runCli(['observe', ...args], {
      stdout: {
        write: (text) => {
          told.stdout += text;
          hear(text);
        },
      },
      stderr: { write: (text) => (told.stderr += text) },
      env: process.env,
      cwd: directory(),
      takeInterrupts: () => interrupts,
      openTerminal: () => terminal,
    });
    return { code, ...told };
  }

  /** Runs the viewer until the test has seen enough. */
  async function viewing(
    use: (terminal: FakeTerminal) => Promise<void>,
    args: readonly string[] = [],
  ): Promise<void> {
    const terminal = new FakeTerminal();
    const ended = type(args, terminal);
    try {
      await terminal.shows(/ processes, /);
      await use(terminal);
    } finally {
      terminal.press('q');
      expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(terminal.isOpen).toBe(false);
    }
  }
}
