import { readFileSync } from 'node:fs';
import { messageOf } from '../../os/system-error.ts';
import type { TlsMaterial } from '../worker-host.ts';

/** Where workers are that others start, and how to be let in. */
export interface RemotePlaces {
  /** `host:port` of each. */
  readonly address: readonly string[];
  /** Files by which TLS knows both sides; default without TLS. */
  readonly tls:
    | {
        readonly ca: string;
        readonly cert: string | undefined;
        readonly key: string | undefined;
        readonly serverName: string | undefined;
      }
    | undefined;
  /** The token itself, */
  readonly token: string | undefined;
  /** or the file that holds it. */
  readonly tokenFile: string | undefined;
}

/** What opens the doors of remote workers. */
export interface RemoteKeys {
  /** What every call carries. */
  readonly token: string;
  /** By what TLS knows both sides. */
  readonly tls: TlsMaterial | undefined;
}

/** Shorter ones could be found by trying; workers ask the same. */
const tokenPattern = /^[\x21-\x7e]{16,}$/u;

/** What is wrong with a token, as a sentence without a subject that does not show it; `undefined` for one that is good. */
export function faultOfToken(token: string): string | undefined {
  if (tokenPattern.test(token)) return undefined;
  return 'must have at least 16 characters, of ASCII and no spaces';
}

/**
 * Reads token and certificates; for each connection again, so that new ones are used when they are there.
 *
 * @throws Error whose message names the file, and never shows what is in it.
 */
export function readRemoteKeys({ tls, token, tokenFile }: RemotePlaces): RemoteKeys {
  const text = token ?? readPart(tokenFile, 'tokenFile')?.toString('latin1').trim() ?? '';
  const fault = faultOfToken(text);
  if (fault !== undefined) {
    throw new Error(`the token ${tokenFile === undefined ? '' : `in ${tokenFile} `}${fault}`);
  }
  if (tls === undefined) return { token: text, tls: undefined };
  const { ca, cert, key, serverName } = tls;
  return {
    token: text,
    tls: {
      ca: readFile(ca, 'tls.ca'),
      cert: readPart(cert, 'tls.cert'),
      key: readPart(key, 'tls.key'),
      serverName,
    },
  };
}

function readPart(path: string | undefined, option: string): Buffer | undefined {
  return path === undefined ? undefined : readFile(path, option);
}

function readFile(path: string, option: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`remote.${option} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
