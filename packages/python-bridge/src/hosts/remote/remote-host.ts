import { isSnakepitError, type Clock } from '@snakepit/core';
import { createWorkerClient, type WorkerClient } from '../../bridge/worker-client.ts';
import { messageOf } from '../../os/system-error.ts';
import { askWorker } from '../../tools/describe-tools.ts';
import { createBroadcast } from '../local/broadcast.ts';
import { WorkerStartError, type StartFailure } from '../start-failure.ts';
import type {
  Capacity,
  HostEvent,
  HostTraits,
  WorkerHost,
  WorkerReady,
  WorkerSpec,
} from '../worker-host.ts';
import { probeWorker } from './probe-worker.ts';
import { readRemoteKeys, type RemoteKeys, type RemotePlaces } from './remote-places.ts';
import { RemoteWorker, type RemoteWorkerParts } from './remote-worker.ts';

/** What {@link createRemoteHost} takes. */
export interface RemoteHostOptions {
  /** Where the workers are. */
  readonly places: RemotePlaces;
  /** Time. */
  readonly clock: Clock;
  /** How long a worker that has answered before is waited for, in milliseconds; a last attempt may take half as long again. */
  readonly patienceMs: number;
}

/** How long a worker may take for each answer to an attempt to reach it, at most, in milliseconds. */
const longestAnswerMs = 5_000;
/** The pause before the second attempt, and the longest one, in milliseconds. */
const pauses = { firstMs: 100, longestMs: 2_000 } as const;
/** Name under which a worker tells about itself; no method of an adapter can have it. */
const describeWorkerName = 'snakepit.describe_worker';

/** What this host can do: others start, end and restart the workers. */
const remoteTraits: HostTraits = {
  exactExit: false,
  survivesRuntime: true,
  localSockets: false,
  remote: true,
  restartOwner: 'host',
  lifeline: 'lease',
  pingBy: 'runtime',
};

/**
 * Makes the host of workers that somebody runs elsewhere, with `python -m snakepit_bridge --listen`.
 *
 * To start one is to connect to it: each address is held by one worker of the pool at a time. To end one is to leave it.
 */
export function createRemoteHost(options: RemoteHostOptions): WorkerHost {
  return new RemoteHost(options);
}

interface Place {
  readonly address: string;
  isTaken: boolean;
  /** Whether a worker has ever answered there. */
  wasReached: boolean;
}

class RemoteHost implements WorkerHost {
  readonly traits = remoteTraits;
  readonly #options: RemoteHostOptions;
  readonly #places: readonly Place[];
  /** How long a worker may take for each of the three answers of an attempt. */
  readonly #answerMs: number;
  readonly #workers = new Set<RemoteWorker>();
  readonly #capacity = createBroadcast<Capacity>(16);
  readonly #events = createBroadcast<HostEvent>(16);
  #isClosed = false;

  constructor(options: RemoteHostOptions) {
    this.#options = options;
    this.#answerMs = Math.min(longestAnswerMs, options.patienceMs / 6);
    this.#places = options.places.address.map((address) => ({
      address,
      isTaken: false,
      wasReached: false,
    }));
  }

  async start(spec: WorkerSpec, abort: AbortSignal): Promise<RemoteWorker> {
    const place = this.#take(abort);
    try {
      return await this.#connect(place, spec, abort);
    } catch (error) {
      this.#free(place);
      throw error;
    }
  }

  adopt(): Promise<readonly RemoteWorker[]> {
    return Promise.resolve([]);
  }

  capacity(): AsyncIterable<Capacity> {
    return this.#capacity.subscribe([this.#currentCapacity()]);
  }

  hosts(): AsyncIterable<HostEvent> {
    const up = this.#places.filter(({ wasReached, isTaken }) => wasReached && isTaken);
    return this.#events.subscribe(up.map(({ address }) => eventOf(address, 'up')));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const worker of this.#workers) void worker.signal();
    this.#capacity.close();
    this.#events.close();
    return Promise.resolve();
  }

  #take(abort: AbortSignal): Place {
    if (abort.aborted) throw failure({ kind: 'aborted', ended: undefined }, 'given up before');
    if (this.#isClosed) {
      const detail = 'the host is closed';
      throw failure({ kind: 'unavailable', detail }, detail);
    }
    const place = this.#places.find(({ isTaken }) => !isTaken);
    if (place === undefined) {
      const detail = `each of the ${String(this.#places.length)} addresses of pools[].remote has its worker already`;
      throw failure({ kind: 'invalidSpec', detail }, detail);
    }
    place.isTaken = true;
    this.#capacity.publish(this.#currentCapacity());
    return place;
  }

  #free(place: Place): void {
    place.isTaken = false;
    this.#capacity.publish(this.#currentCapacity());
  }

  #admit(parts: Omit<RemoteWorkerParts, 'onEnd'>, place: Place): RemoteWorker {
    const { address } = place;
    const worker = new RemoteWorker({
      ...parts,
      // In the same turn: its successor may be started at once.
      onEnd: () => {
        this.#workers.delete(worker);
        this.#free(place);
        this.#events.publish(eventOf(address, 'down'));
      },
    });
    place.wasReached = true;
    this.#workers.add(worker);
    this.#events.publish(eventOf(address, 'up'));
    return worker;
  }

  async #connect(place: Place, spec: WorkerSpec, abort: AbortSignal): Promise<RemoteWorker> {
    const { clock, patienceMs } = this.#options;
    const giveUpAtMs = clock.now() + patienceMs;
    let pauseMs: number = pauses.firstMs;
    for (;;) {
      try {
        return await this.#attempt(place, spec, abort);
      } catch (error) {
        const isOver = clock.now() + pauseMs >= giveUpAtMs;
        // Of one that was never reached the configuration may be wrong, which is to be told soon.
        if (abort.aborted || !place.wasReached || isOver) throw error;
      }
      await pause(clock, pauseMs, abort);
      pauseMs = Math.min(2 * pauseMs, pauses.longestMs);
    }
  }

  async #attempt(place: Place, spec: WorkerSpec, abort: AbortSignal): Promise<RemoteWorker> {
    const { address, wasReached } = place;
    const { clock } = this.#options;
    const { client, keys } = this.#open(place);
    const { tls } = keys;
    const close = (): void => {
      client.close();
    };
    abort.addEventListener('abort', close);
    try {
      await probeWorker({ address, tls, clock, limitMs: this.#answerMs, abort });
      const { statistics } = await client.ping({ deadlineMs: this.#answerMs });
      const said = await askWorker(client, describeWorkerName, clock, this.#answerMs);
      if (abort.aborted || this.#isClosed) throw new Error('given up');
      const { pool, workerId, incarnation } = spec;
      const ref = { host: address, pool, workerId, incarnation };
      const ready = readDescription(said, address, keys);
      return this.#admit({ ref, ready, client, uptimeMs: statistics?.uptimeMs ?? 0 }, place);
    } catch (error) {
      client.close();
      if (abort.aborted) throw failure({ kind: 'aborted', ended: undefined }, 'given up');
      const detail = `the worker at ${address} ${describe(error)}`;
      throw failure({ kind: 'unreachable', detail, wasReached }, detail, error);
    } finally {
      abort.removeEventListener('abort', close);
    }
  }

  #open({ address, wasReached }: Place): {
    readonly client: WorkerClient;
    readonly keys: RemoteKeys;
  } {
    const { places, clock } = this.#options;
    try {
      const keys = readRemoteKeys(places);
      return { keys, client: createWorkerClient({ address, clock, ...keys }) };
    } catch (error) {
      const detail = `token or certificates for ${address} cannot be used: ${messageOf(error)}`;
      // Files that are being replaced will be there again.
      if (wasReached) throw failure({ kind: 'unreachable', detail, wasReached }, detail, error);
      throw failure({ kind: 'invalidSpec', detail }, detail, error);
    }
  }

  #currentCapacity(): Capacity {
    const free = this.#isClosed ? [] : this.#places.filter(({ isTaken }) => !isTaken);
    return { freeSlots: free.length, cpus: 0, memoryBytes: 0, gpus: 0 };
  }
}

function eventOf(host: string, state: 'up' | 'down'): HostEvent {
  return { host, state, confirmed: false };
}

function failure(what: StartFailure, message: string, cause?: unknown): WorkerStartError {
  return new WorkerStartError(message, what, cause === undefined ? undefined : { cause });
}

/** What grpc-js ends its texts with when it has nothing to say. */
const emptyNote = / ?Resolution note: *\.?$/u;

/** Why it could not be reached, as a sentence without a subject. */
function describe(error: unknown): string {
  if (!isSnakepitError(error)) return `cannot be reached: ${messageOf(error)}`;
  const { code, details } = error;
  if (code === 'TIMEOUT') return `did not answer within ${String(details['timeoutMs'])} ms`;
  if (code === 'TOOL_NOT_FOUND') return 'does not know snakepit.describe_worker: it is older';
  const why = details['problem'] ?? details['reason'];
  const verb = code === 'PROTOCOL' ? 'refuses us' : 'cannot be reached';
  const text = typeof why === 'string' ? why : error.message;
  return `${verb}: ${text.replace(emptyNote, '')}`;
}

/** What a worker says of itself, by whatever it is. */
function readDescription(said: unknown, address: string, { token, tls }: RemoteKeys): WorkerReady {
  if (typeof said !== 'object' || said === null) throw new TypeError('it does not say what it is');
  const { pid, pythonVersion, gil, features, tools, toolsFingerprint } = said as Readonly<
    Record<string, unknown>
  >;
  return {
    target: address,
    tls,
    token,
    pid: typeof pid === 'number' ? pid : 0,
    pythonVersion: typeof pythonVersion === 'string' ? pythonVersion : '',
    lifeline: false,
    tools: textsOf(tools),
    features: textsOf(features),
    gil: typeof gil === 'boolean' ? gil : undefined,
    toolsFingerprint: typeof toolsFingerprint === 'string' ? toolsFingerprint : undefined,
  };
}

function textsOf(said: unknown): readonly string[] {
  return Array.isArray(said) ? said.filter((item) => typeof item === 'string') : [];
}

function pause(clock: Clock, delayMs: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(over, delayMs);
    function over(): void {
      clock.clearTimeout(timer);
      abort.removeEventListener('abort', over);
      resolve();
    }
    abort.addEventListener('abort', over);
  });
}
