import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** Whether an address is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Sent with every answer. Nothing from elsewhere is loaded, nobody else may frame, read or keep what is here. */
export const protectiveHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Who may ask. */
export interface Guard {
  /**
   * Checks that a request is meant for this server and comes from its own page, or from no page.
   *
   * @param others - Origins of other pages that may ask, too; default none.
   * @throws {@link Refusal} 421 for a host that is not ours, as of a name that was pointed at us (DNS rebinding); 403 for
   *   the page of somebody else.
   */
  readonly admit: (incoming: IncomingMessage, others?: readonly string[]) => void;
  /**
   * Checks that a request carries the token.
   *
   * @param told - The token that it carries elsewhere; default that of its header.
   * @throws {@link Refusal} 401.
   */
  readonly authorise: (incoming: IncomingMessage, told?: string) => void;
}

/**
 * Makes the guard of a server.
 *
 * @param token - What a request must carry as `Authorization: Bearer`.
 * @param names - Host names that are ours besides addresses; with any port, since a proxy may have its own.
 */
export function createGuard(token: string, names: readonly string[]): Guard {
  const wanted = digest(token);
  const known = new Set(names.map((name) => name.toLowerCase()));
  return {
    admit: (incoming, others = []) => {
      const { host = '', origin } = incoming.headers;
      if (!isOurs(incoming, host.toLowerCase(), known)) {
        throw new Refusal(421, 'this is not the host that was asked for.');
      }
      const isOwn =
        origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
      if (!isOwn && !others.includes(origin)) {
        throw new Refusal(403, 'pages from elsewhere may not ask.');
      }
    },
    authorise: (incoming, told) => {
      const given = told ?? /^Bearer (\S+)$/.exec(incoming.headers.authorization ?? '')?.[1];
      // Digests have the same length, and comparing them takes the same time whatever was guessed.
      if (given === undefined || !timingSafeEqual(digest(given), wanted)) {
        throw new Refusal(401, 'the token is missing or wrong: open the address that was printed.');
      }
    },
  };
}

/** Whether the host of a request is one of the names, or the very address that it came to. */
function isOurs(incoming: IncomingMessage, host: string, names: ReadonlySet<string>): boolean {
  const { localAddress = '', localPort } = incoming.socket;
  const [, name, port] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/.exec(host) ?? [];
  if (name === undefined) return false;
  if (names.has(name)) return true;
  if (Number(port ?? 80) !== localPort) return false;
  const address = localAddress.replace(/^::ffff:/, '');
  if (name === 'localhost') return isLoopback(address);
  return name === (address.includes(':') ? `[${address}]` : address);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
