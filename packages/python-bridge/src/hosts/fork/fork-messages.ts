import {
  createLineParser,
  isCount,
  type MessageFields,
  type MessageFormat,
} from '../local/message-lines.ts';

/** What a connection to a fork server becomes in the worker that is forked. */
export type ChannelRole = 'stdout' | 'stderr' | 'beats' | 'lifeline' | 'calls';

/** Asks a fork server for a worker. */
export interface ForkRequest {
  /** Number of the launch; each is used once. */
  readonly launch: number;
  /** Which connections belong to it. */
  readonly channels: readonly ChannelRole[];
  /** What stands behind `-m snakepit_bridge` in the command line of one that is spawned. */
  readonly argv: readonly string[];
  /** Working directory. */
  readonly cwd: string;
  /** How its environment differs from the server's own; `null` takes a variable away. */
  readonly env: Readonly<Record<string, string | null>>;
}

/** What a fork server says on its control connection. */
export type ForkMessage =
  /** The worker is there. */
  | {
      readonly type: 'forked';
      readonly launch: number;
      readonly pid: number;
      /** Empty where the server cannot tell. */
      readonly startTime: string;
    }
  /** There is none, and will be none. */
  | {
      readonly type: 'refused';
      readonly launch: number;
      /** `CHANNELS_LATE`, `FORK_FAILED`, `STOPPING`, `CANCELLED`, `BAD_REQUEST`. */
      readonly code: string;
      readonly message: string;
    }
  /** It was there, and its end has been seen by the server, whose child it was. */
  | {
      readonly type: 'ended';
      readonly launch: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** Of a kind that only newer servers know. */
  | { readonly type: 'ignored' };

/** Longest line of the control connection in bytes, in both directions, without its end. */
export const MAX_CONTROL_BYTES = 1024 * 1024;

/** How bytes of a fork server become messages. */
export const forkMessageFormat: MessageFormat<ForkMessage> = {
  maxBytes: MAX_CONTROL_BYTES,
  parse: createLineParser(parseForkMessage),
};

function parseForkMessage(type: string, fields: MessageFields): ForkMessage | undefined {
  switch (type) {
    case 'forked':
      return parseForked(fields);
    case 'refused':
      return parseRefused(fields);
    case 'ended':
      return parseEnded(fields);
    default:
      return { type: 'ignored' };
  }
}

function parseForked({ launch, pid, startTime }: MessageFields): ForkMessage | undefined {
  // Whoever has this number will be signalled.
  if (!isCount(launch) || !isCount(pid) || pid < 2) return undefined;
  if (typeof startTime !== 'string') return undefined;
  return { type: 'forked', launch, pid, startTime };
}

function parseRefused({ launch, code, message }: MessageFields): ForkMessage | undefined {
  if (!isCount(launch) || typeof code !== 'string' || typeof message !== 'string') return undefined;
  return { type: 'refused', launch, code, message };
}

function parseEnded({ launch, pid, code, signal }: MessageFields): ForkMessage | undefined {
  if (!isCount(launch) || !isCount(pid)) return undefined;
  if (code !== null && !isCount(code)) return undefined;
  if (signal !== null && typeof signal !== 'string') return undefined;
  // It ended in one way.
  if ((code === null) === (signal === null)) return undefined;
  return { type: 'ended', launch, pid, code, signal };
}
