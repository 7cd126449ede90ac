import type { Socket } from 'node:net';
import { createMessageDecoder, type MessageListener } from '../local/message-lines.ts';
import { connectTo, type ForkAddress } from './fork-connection.ts';
import {
  forkMessageFormat,
  MAX_CONTROL_BYTES,
  type ForkMessage,
  type ForkRequest,
} from './fork-messages.ts';

/** Who hears what a fork server says. */
export interface ForkControlListener extends MessageListener<ForkMessage> {
  /** Once, when the connection has ended, also when that is our own doing. */
  onClosed(): void;
}

/** The one connection on which a fork server is told what to do. */
export interface ForkControl {
  /**
   * Asks for a worker.
   *
   * @returns Whether it fits: a request may have 1 MiB.
   */
  fork(request: ForkRequest): boolean;
  /** Takes a request back, if it is not too late. */
  cancel(launch: number): void;
  /** Asks it to fork no more, and to end after its last worker, of which it tells until then. */
  stop(): void;
  /** Ends the connection: the server forks no more, and ends after its last worker. */
  close(): void;
}

/**
 * Connects to a fork server as the one who commands it.
 *
 * @throws Error of the operating system, or whatever the signal was aborted with.
 */
export async function openForkControl(
  address: ForkAddress,
  listener: ForkControlListener,
  abort: AbortSignal,
): Promise<ForkControl> {
  return new SocketControl(await connectTo(address, 'control', abort), listener);
}

class SocketControl implements ForkControl {
  readonly #socket: Socket;

  constructor(socket: Socket, listener: ForkControlListener) {
    this.#socket = socket;
    socket.on('data', createMessageDecoder(forkMessageFormat, listener));
    socket.once('close', () => {
      listener.onClosed();
    });
  }

  fork(request: ForkRequest): boolean {
    const line = JSON.stringify({ type: 'fork', ...request });
    if (Buffer.byteLength(line) > MAX_CONTROL_BYTES) return false;
    this.#write(line);
    return true;
  }

  cancel(launch: number): void {
    this.#write(JSON.stringify({ type: 'cancel', launch }));
  }

  stop(): void {
    this.#write(JSON.stringify({ type: 'stop' }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(line: string): void {
    if (this.#socket.writable) this.#socket.write(`${line}\n`);
  }
}
