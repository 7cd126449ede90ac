import { connect, type Socket } from 'node:net';
import { errorCode } from '../../os/system-error.ts';

/** Where a connection to a fork server leads. */
export interface ForkAddress {
  /** Path of the server's socket. */
  readonly path: string;
  /** Secret by which the server knows us. */
  readonly token: string;
}

/** Between two attempts while the server has more connections waiting than it takes, in milliseconds. */
const RETRY_MS = 5;

/**
 * Connects to a fork server and says what the connection is for.
 *
 * A server that is busy importing or forking leaves connections waiting, and the kernel refuses more than some hundreds of
 * them (`EAGAIN`): that is waited out, for as long as the caller wants.
 *
 * @param purpose - The rest of the first line.
 * @param abort - Aborted, it rejects, and nothing is left.
 * @throws Error of the operating system; whatever the signal was aborted with.
 */
export async function connectTo(
  { path, token }: ForkAddress,
  purpose: string,
  abort: AbortSignal,
): Promise<Socket> {
  for (;;) {
    abort.throwIfAborted();
    try {
      const socket = await connectOnce(path, abort);
      // In one piece, before anybody else can write to it.
      socket.write(`${token} ${purpose}\n`);
      return socket;
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error;
    }
    await pause(RETRY_MS, abort);
  }
}

function connectOnce(path: string, abort: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const giveUp = (): void => {
      socket.destroy();
      reject(reasonOf(abort));
    };
    abort.addEventListener('abort', giveUp, { once: true });
    const settled = (): void => {
      abort.removeEventListener('abort', giveUp);
      socket.off('error', failed);
    };
    const failed = (error: Error): void => {
      settled();
      reject(error);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      settled();
      // What breaks it later is told by the end of who is behind it.
      socket.on('error', ignore);
      resolve(socket);
    });
  });
}

function pause(delayMs: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      clearTimeout(timer);
      reject(reasonOf(abort));
    };
    const timer = setTimeout(() => {
      abort.removeEventListener('abort', giveUp);
      resolve();
    }, delayMs);
    abort.addEventListener('abort', giveUp, { once: true });
  });
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('given up', { cause: reason });
}

function ignore(): void {
  // See where it is given.
}
