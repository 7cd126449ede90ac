import type { Terminal } from './observe/terminal.ts';

/** Where text goes: a stream of this process, or whatever a test listens with. */
export interface TextOutput {
  /** Takes text. */
  write(text: string): unknown;
  /** Whether somebody reads it on a terminal. */
  readonly isTTY?: boolean;
  /** Whether that terminal shows colours; Node answers no when NO_COLOR is set. */
  hasColors?(): boolean;
}

/** What a command may see and touch of the process it runs in. */
export interface Surroundings {
  /** Results. */
  readonly stdout: TextOutput;
  /** Progress, and what went wrong. */
  readonly stderr: TextOutput;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of the user's project. */
  readonly cwd: string;
  /** From now on an interrupt no longer ends the process but aborts this, so that the command can tidy up. */
  takeInterrupts(): AbortSignal;
  /** Takes the terminal for pictures; `undefined` when there is none. */
  openTerminal?(): Terminal | undefined;
}

/** Exit codes of every command. */
export const exitCodes = { fine: 0, problem: 1, wrongUse: 2 } as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
