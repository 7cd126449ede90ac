import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { createOriginalClient, type OriginalClient } from '../../bridge/original-client.ts';
import { messageOf } from '../../os/system-error.ts';
import type { OriginalServer } from '../worker-host.ts';
import { openBeatChannel, type BeatChannel, type BeatListener } from './beat-channel.ts';

/** Time between two looks for the ready file, in milliseconds; the original looks every 50. */
const LOOK_MS = 25;
/** How long the first questions to a server that has told its port may take, in milliseconds. */
const GREETING_MS = 10_000;
/** Questions for a sign of life that may be on their way; further ones are left out. */
const MAX_UNANSWERED = 8;
/** A ready file is this long at most; what is longer tells no port. */
const PORT = /^\s*(\d{1,5})\s*$/u;

/** What {@link openOriginalChannel} takes. */
export interface OriginalChannelParts {
  /** Beat channel of the launcher, if there is one: the server itself never uses it. */
  readonly stream: Duplex;
  /** Where the server writes its port; private, and not there yet. */
  readonly readyFile: string;
  /** The server. */
  readonly original: OriginalServer;
  /** Number of its process, for its readiness. */
  readonly pid: number;
  /** Hears of it. */
  readonly listener: BeatListener;
}

/**
 * Speaks with a server of the original as if it had a beat channel: its ready file is the readiness message, and pings go
 * through its port, where Heartbeat answers only if the server, its way to the runtime and its session are well.
 */
export function openOriginalChannel(parts: OriginalChannelParts): BeatChannel {
  return new ReadyFileChannel(parts);
}

class ReadyFileChannel implements BeatChannel {
  readonly #session: string;
  readonly #parts: OriginalChannelParts;
  readonly #launcher: BeatChannel;
  #looking: NodeJS.Timeout | undefined;
  #client: OriginalClient | undefined;
  #unanswered = 0;
  #isClosed = false;

  constructor(parts: OriginalChannelParts) {
    this.#parts = parts;
    this.#session = parts.original.sessions.open();
    this.#launcher = openBeatChannel(parts.stream, parts.listener);
  }

  hello(): void {
    this.#looking = setInterval(() => {
      this.#look();
    }, LOOK_MS);
  }

  serve(): boolean {
    // It listens anyway.
    return true;
  }

  ping(seq: number): void {
    if (this.#client === undefined || this.#unanswered >= MAX_UNANSWERED) return;
    this.#unanswered += 1;
    const { intervalMs, timeoutMs } = this.#parts.original.heartbeat;
    const limits = { deadlineMs: Math.max(intervalMs, timeoutMs) };
    const { listener } = this.#parts;
    this.#client.heartbeat(this.#session, limits).then(
      (isValid) => {
        this.#unanswered -= 1;
        const pong = { seq, inFlight: 0, loopLagMs: 0, oldestCallMs: 0 };
        if (isValid && !this.#isClosed) listener.onMessage({ type: 'pong', ...pong });
      },
      () => {
        // A ping that fails is one without an answer.
        this.#unanswered -= 1;
      },
    );
  }

  stop(): boolean {
    return false;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#looking);
    this.#client?.close();
    this.#parts.original.sessions.close(this.#session);
    this.#launcher.close();
  }

  #look(): void {
    const port = readPort(this.#parts.readyFile);
    if (port === undefined) return;
    clearInterval(this.#looking);
    void this.#greet(`localhost:${port}`);
  }

  async #greet(address: string): Promise<void> {
    const { listener, pid } = this.#parts;
    this.#client = createOriginalClient(address);
    try {
      await this.#client.openSession(this.#session, { deadlineMs: GREETING_MS });
    } catch (error) {
      const detail = `its server at ${address} did not take its session: ${messageOf(error)}`;
      if (!this.#isClosed) listener.onBroken(detail);
      return;
    }
    if (this.#isClosed) return;
    // It says nothing of itself.
    const unsaid = { startTime: '', pythonVersion: '', lifeline: false, tools: [] };
    listener.onMessage({ type: 'ready', pid, address, session: this.#session, ...unsaid });
  }
}

/** The port in a ready file; `undefined` while it is not there, is empty, or holds something else (SNK §3.3). */
function readPort(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  const port = Number(PORT.exec(text)?.[1] ?? 0);
  return port > 0 && port < 65_536 ? port : undefined;
}
