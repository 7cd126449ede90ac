import {
  checkMembers,
  flag,
  functionLike,
  isObject,
  oneOf,
  text,
  wrongMember,
  type MemberRule,
} from '@snakepit/core';
import { randomBytes } from 'node:crypto';
import type { MetricsRouteOptions } from './metrics/metrics-routes.ts';
import type { ContextMode } from './protocol.ts';
import { isLoopback } from './server/guard.ts';

/**
 * Changes a value before it leaves the process.
 *
 * @param value - What would be shown.
 * @param key - The name that it has where it was found; empty of a whole context or message.
 * @param path - The names from the top down to it.
 * @returns What is shown instead; the same value to leave it as it is.
 */
export type Redact = (value: unknown, key: string, path: readonly string[]) => unknown;

/** How a system is observed; everything has a default. */
export interface ObserveOptions {
  /** The port to listen on; default 0, any that is free. */
  readonly port?: number;
  /**
   * The address to listen on; default `127.0.0.1`, which only this machine reaches. Any other needs {@link
   * ObserveOptions.token}, and is warned of: what is sent can be read on the way.
   */
  readonly host?: string;
  /** Host names besides addresses by which the page is opened, such as that of a proxy; default none. */
  readonly names?: readonly string[];
  /** What a viewer must have, at least 24 characters; default: random, part of {@link Observer.url}. */
  readonly token?: string;
  /** How often the tree is looked at while somebody does, per second, 1 to 20; default 4. */
  readonly hz?: number;
  /** Whether a viewer may act on processes: kill, suspend, restart …; default false. */
  readonly actions?: boolean;
  /**
   * How much of contexts and messages is shown: nothing, the names of their members, or all but what looks secret;
   * default `'full'` on an address that only this machine reaches, else `'keys'`.
   */
  readonly context?: ContextMode;
  /** Changes values before they are shown; members that look secret are hidden whatever it says. */
  readonly redact?: Redact;
  /**
   * What is recorded also while nobody looks, for the time before somebody does and for incidents: the lives of
   * processes, which are rare events, or messages too; default `'life'`.
   */
  readonly record?: 'nothing' | 'life' | 'messages';
  /** Whether it is watched for what is not as usual; see {@link Anomaly}; default false. */
  readonly anomalies?: boolean;
  /**
   * Whether inspectors for XState may attach to `ws://…/inspect?token=…`; or the origins of their pages, such as
   * `https://stately.ai`, which then are told all that the token allows. Default false.
   */
  readonly inspect?: boolean | readonly string[];
  /** How `/metrics` is served; default: to who has the token. */
  readonly metrics?: MetricsRouteOptions;
}

/** The options, with all defaults. @internal */
export interface ObservePlan {
  /** The port; 0 for any. */
  readonly port: number;
  /** The address. */
  readonly host: string;
  /** Host names that are ours. */
  readonly names: readonly string[];
  /** The token. */
  readonly token: string;
  /** Looks per second. */
  readonly hz: number;
  /** Whether acting is allowed. */
  readonly actions: boolean;
  /** How much is shown. */
  readonly context: ContextMode;
  /** The user's own redaction. */
  readonly redact: Redact | undefined;
  /** What is recorded while nobody looks. */
  readonly record: 'nothing' | 'life' | 'messages';
  /** Whether it is watched for anomalies. */
  readonly anomalies: boolean;
  /** Origins of inspectors that may attach; `undefined`: none may, also those without a page. */
  readonly inspect: readonly string[] | undefined;
  /** How metrics are served. */
  readonly metrics: MetricsRouteOptions;
}

/** Shorter ones could be guessed. */
const shortestToken = 24;

const members = {
  port: wholeNumber('a port, 0 to 65535', 0, 65_535),
  host: text,
  names: {
    allowed: 'a list of host names, without scheme and port',
    isAllowed: (value) =>
      Array.isArray(value) &&
      value.every((name) => typeof name === 'string' && /^([\w.-]+|\[[\da-f:.]+\])$/i.test(name)),
  },
  token: {
    allowed: `at least ${String(shortestToken)} letters, digits, "-" or "_"`,
    isAllowed: (value) => typeof value === 'string' && /^[\w-]{24,}$/.test(value),
  },
  hz: {
    allowed: 'a number, 1 to 20',
    isAllowed: (value) => typeof value === 'number' && value >= 1 && value <= 20,
  },
  actions: flag,
  context: oneOf('none', 'keys', 'full'),
  redact: functionLike('(value, key, path) => value'),
  record: oneOf('nothing', 'life', 'messages'),
  anomalies: flag,
  inspect: {
    allowed: 'true, false or a list of origins such as `https://stately.ai`',
    isAllowed: (value) =>
      typeof value === 'boolean' || (Array.isArray(value) && value.every(isOrigin)),
  },
  metrics: { allowed: 'an object', isAllowed: isObject },
} satisfies Readonly<Record<keyof ObserveOptions, MemberRule>>;

function wholeNumber(allowed: string, from: number, to: number): MemberRule {
  return {
    allowed,
    isAllowed: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to,
  };
}

/**
 * Checks the options and adds the defaults.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT.
 * @internal
 */
export function planOf(options: ObserveOptions): ObservePlan {
  checkMembers('observe()', options, members);
  const { port = 0, host = '127.0.0.1', names = [], hz = 4, actions = false } = options;
  const { inspect = false } = options;
  const isLocal = isLoopback(host);
  if (!isLocal && options.token === undefined) {
    const allowed = 'an address of this machine itself, such as 127.0.0.1, unless you give token';
    throw wrongMember('observe()', 'host', host, allowed);
  }
  return {
    port,
    host,
    names,
    token: options.token ?? randomBytes(shortestToken).toString('base64url'),
    hz,
    actions,
    context: options.context ?? (isLocal ? 'full' : 'keys'),
    redact: options.redact,
    record: options.record ?? 'life',
    anomalies: options.anomalies ?? false,
    inspect: inspect === false ? undefined : inspect === true ? [] : inspect,
    metrics: options.metrics ?? {},
  };
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value;
}
