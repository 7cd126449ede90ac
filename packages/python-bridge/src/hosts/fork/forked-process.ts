import type { Socket } from 'node:net';
import { isRunning, type ProcessIdentity } from '../../os/process-identity.ts';
import type { WorkerChild } from '../worker-launcher.ts';
import type { ForkChannels } from './fork-channels.ts';

/** How a forked process ended: as its server says, or why nobody knows. */
export type ForkedEnd =
  | { readonly code: number; readonly signal: null }
  | { readonly code: null; readonly signal: string }
  | { readonly unknown: string };

/**
 * How long a server may take to tell of an end that its worker's connections show: so many looks, so many milliseconds
 * apart. Not one of a second: what it has told while this process had no turn is heard between two of them.
 */
const TELLING_LOOKS = 4;
const TELLING_LOOK_MS = 250;

/** Between two looks whether a process is gone that was killed, in milliseconds. */
const LOOK_MS = 10;

type ExitListener = (code: number | null, signal: string | null) => void;

/** The process of a forked worker, as its host sees it: its end is told by the server whose child it is. */
export class ForkedProcess implements WorkerChild {
  /** See {@link WorkerChild.stdout}. */
  readonly stdout: Socket;
  /** See {@link WorkerChild.stderr}. */
  readonly stderr: Socket;
  /** Which process it is. */
  readonly identity: ProcessIdentity;
  #end: ForkedEnd | undefined;
  #openChannels = 2;
  #looking: NodeJS.Timeout | undefined;
  readonly #listeners: ExitListener[] = [];

  /** @param channels - Its connections; they stay the caller's. */
  constructor(identity: ProcessIdentity, { stdout, stderr, beats, lifeline }: ForkChannels) {
    this.identity = identity;
    this.stdout = stdout;
    this.stderr = stderr;
    const hear = (): void => {
      this.#openChannels -= 1;
      if (this.#openChannels === 0) this.#awaitNews();
    };
    for (const socket of [beats, lifeline]) {
      if (socket.closed) hear();
      else socket.once('close', hear);
    }
  }

  /** See {@link WorkerChild.exitCode}. */
  get exitCode(): number | null {
    return this.#end !== undefined && 'code' in this.#end ? this.#end.code : null;
  }

  /** See {@link WorkerChild.signalCode}. */
  get signalCode(): string | null {
    return this.#end !== undefined && 'signal' in this.#end ? this.#end.signal : null;
  }

  /** See {@link WorkerChild.exitUnknown}. */
  get exitUnknown(): string | undefined {
    return this.#end !== undefined && 'unknown' in this.#end ? this.#end.unknown : undefined;
  }

  /** See {@link WorkerChild.once}. */
  once(_event: 'exit', listener: ExitListener): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(this.exitCode, this.signalCode));
  }

  /** It has ended; what is said first counts. */
  end(end: ForkedEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearTimeout(this.#looking);
    for (const listener of this.#listeners.splice(0)) listener(this.exitCode, this.signalCode);
  }

  /**
   * Its server is gone, and nobody will tell how it ends.
   *
   * @param wasKilled - Whether it lived a moment ago, and was then sent SIGKILL.
   * @param detail - Why nobody can tell.
   */
  orphan(wasKilled: boolean, detail: string): void {
    if (this.#end !== undefined) return;
    if (isRunning(this.identity)) {
      clearTimeout(this.#looking);
      this.#looking = setTimeout(() => this.orphan(wasKilled, detail), LOOK_MS);
      return;
    }
    this.end(wasKilled ? { code: null, signal: 'SIGKILL' } : { unknown: detail });
  }

  /** Its connections have ended, and so it probably has: a server that hangs, or is buggy, does not say so. */
  #awaitNews(looks = TELLING_LOOKS): void {
    if (this.#end !== undefined) return;
    this.#looking = setTimeout(() => {
      if (looks > 1) this.#awaitNews(looks - 1);
      // One that has only closed its descriptors lives.
      else if (isRunning(this.identity)) this.#awaitNews();
      else this.end({ unknown: 'its fork server did not tell how it ended' });
    }, TELLING_LOOK_MS);
  }
}
