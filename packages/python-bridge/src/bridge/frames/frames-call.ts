import http2 from 'node:http2';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsMaterial } from '../../hosts/worker-host.ts';
import { statusError } from '../grpc-failure.ts';
import { tokenHeader } from '../wire.ts';

/** Where a worker serves the RPC `Frames`. */
export interface FramesCallOptions {
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  /** Its token. */
  readonly token: string;
  /** By what TLS knows both sides; default without TLS. */
  readonly tls?: TlsMaterial | undefined;
}

/** How much a worker may send before we have read it, in bytes: for the connection, and so for its one stream. */
const windowBytes = 16 * 1024 * 1024;

/**
 * Opens the RPC `Frames` at a worker, on a connection of its own.
 *
 * With HTTP/2 itself, not grpc-js: one call that lasts needs no channel, no load balancer and no retries (ADR-0019). What
 * the stream carries is gRPC's: messages behind five bytes each. A call that is refused ends the stream with its
 * status, as grpc-js would throw it.
 */
export function openFramesCall({ address, token, tls }: FramesCallOptions): Duplex {
  const session = connectSession(address, tls);
  session.on('connect', () => {
    session.setLocalWindowSize(windowBytes);
  });
  const call = session.request({
    ':method': 'POST',
    ':path': '/snakepit.bridge.BridgeService/Frames',
    'content-type': 'application/grpc',
    te: 'trailers',
    [tokenHeader]: token,
  });
  const hearStatus = (headers: http2.IncomingHttpHeaders): void => {
    const status = headers['grpc-status'];
    if (status === undefined || status === '0') return;
    call.destroy(statusError(Number(status), messageOf(headers)));
  };
  call.on('response', hearStatus);
  call.on('trailers', hearStatus);
  session.on('error', (error: Error) => {
    call.destroy(error);
  });
  call.on('close', () => {
    session.destroy();
  });
  return call;
}

/** Connects with HTTP/2; whoever gets the session hears its errors and destroys it. */
export function connectSession(
  address: string,
  tls: TlsMaterial | undefined,
): http2.ClientHttp2Session {
  const settings = { enablePush: false, initialWindowSize: windowBytes };
  if (tls !== undefined) {
    return http2.connect(`https://${address}`, { ...tlsOptions(tls), settings });
  }
  return http2.connect('http://localhost', {
    createConnection: () => connectTo(address),
    settings,
  });
}

function tlsOptions({ ca, cert, key, serverName }: TlsMaterial): http2.SecureClientSessionOptions {
  return {
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    minVersion: 'TLSv1.2',
    // Whatever the environment of Node says (NODE_TLS_REJECT_UNAUTHORIZED).
    rejectUnauthorized: true,
  };
}

function connectTo(address: string): Duplex {
  if (address.startsWith('unix:')) return createConnection(address.slice('unix:'.length));
  const colon = address.lastIndexOf(':');
  return createConnection(Number(address.slice(colon + 1)), address.slice(0, colon));
}

function messageOf(headers: http2.IncomingHttpHeaders): string {
  const message = String(headers['grpc-message'] ?? '');
  try {
    return decodeURIComponent(message);
  } catch {
    // Not encoded as it should be: then as it is.
    return message;
  }
}
