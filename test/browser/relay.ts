import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut. */
export interface Relay {
  /** Where it is reached, as `localhost:PORT`. */
  readonly host: string;
  /** Ends all connections, and each that comes. The port stays its own: nobody else is given it meanwhile. */
  readonly cut: () => void;
  /** Takes connections again. */
  readonly mend: () => void;
  /** Ends for good. */
  readonly close: () => Promise<void>;
}

/** Starts a way to a port of this machine. */
export async function startRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(target, '127.0.0.1');
    onward.on('error', () => undefined);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: `localhost:${String((server.address() as AddressInfo).port)}`,
    cut,
    mend: () => {
      isCut = false;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
