import type { Socket } from 'node:net';
import type { ProcessIdentity } from '../../os/process-identity.ts';
import { signalGroup } from '../../os/process-killer.ts';
import type { WorkerFailedMessage } from '../start-failure.ts';
import type {
  ExitStatus,
  OutputLine,
  Pong,
  WorkerBeats,
  WorkerHandle,
  WorkerReady,
  WorkerRef,
  WorkerSpec,
} from '../worker-host.ts';
import {
  openBeatChannel,
  type BeatChannel,
  type BeatListener,
  type BeatMessage,
  type ReadyMessage,
} from './beat-channel.ts';
import { createBroadcast } from './broadcast.ts';
import { createDeferred, settlesWithin } from '../../deferred.ts';
import { earlyEndError, type EarlyVerdict } from './early-end.ts';
import { toExitStatus } from './exit-status.ts';
import { LateServer } from './late-server.ts';
import { openOriginalChannel } from './original-channel.ts';
import { isExpectedAddress, type ListenAddress } from './listen-address.ts';
import type { OomWatch } from './oom-kills.ts';
import { createLineRing, readLines, type PrintedLine } from './output-lines.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import { isContained, killThroughLauncher, startTimeBehind } from './strict-descendants.ts';
import { confirmWorkerGone, finishCleanup, type EndedWorker } from './worker-cleanup.ts';
import type { WorkerSurroundings } from './worker-surroundings.ts';

/** Lines of output that are kept of each worker. */
const KEPT_LINES = 200;
/** Characters of output that are kept of each worker, unless its spec says otherwise. */
const KEPT_CHARACTERS = 65_536;
/** Lines that wait for one slow reader of `output()`. */
const WAITING_LINES = 1_000;
/** How long output may come after the end of the group, in milliseconds: an escapee may hold it. */
const DRAIN_MS = 100;

/** How long the end may take after SIGKILL, group and escapees and all, in milliseconds. */
const STUCK_MS = 5_000;

/** A worker on this machine, from its spawn until nothing of it is left. */
export class LocalWorker implements WorkerHandle {
  readonly ref: WorkerRef;
  readonly ready: Promise<WorkerReady>;
  readonly exited: Promise<ExitStatus>;
  readonly beats: WorkerBeats;
  readonly calls: Socket | undefined;
  /** Settles when the last look for escapees is over and its record is gone; never rejects. */
  readonly cleaned: Promise<void>;
  /** Settles when `pid` is the worker's own: behind a launcher a moment after the spawn, or never but for its end. */
  readonly identified: Promise<void>;

  readonly #spawned: SpawnedWorker;
  readonly #ended: EndedWorker;
  readonly #listen: ListenAddress;
  readonly #token: string;
  readonly #channel: BeatChannel;
  readonly #surroundings: WorkerSurroundings;
  readonly #ready = createDeferred<WorkerReady>();
  readonly #exited = createDeferred<ExitStatus>();
  readonly #pongListeners = new Set<(pong: Pong) => void>();
  readonly #lines = createBroadcast<OutputLine>(WAITING_LINES);
  readonly #kept: ReturnType<typeof createLineRing<OutputLine>>;
  /** Let go of with the signal, which nobody else may need any more. */
  #stopWatchingAbort: (() => void) | undefined;
  readonly #oomWatch: OomWatch;
  readonly #identified = createDeferred<undefined>();
  readonly #server = new LateServer(() => this.#isRunning() && this.#channel.serve());
  readonly #isContained: boolean;
  /** Behind a launcher it is that at first, of whom the operating system tells the end. */
  #identity: ProcessIdentity;
  /** When we killed it, if we did. */
  #killedAtMs: number | undefined;
  #cleanupMs: number | undefined;
  #failed: WorkerFailedMessage | undefined;
  /** Why we ended it before it was ready, if we did. */
  #verdict: EarlyVerdict | undefined;

  /**
   * Attaches to a process of which nothing was heard yet, and says hello to it.
   *
   * @param abort - Until the worker is ready, aborting kills it.
   */
  constructor(
    surroundings: WorkerSurroundings,
    spec: WorkerSpec,
    spawned: SpawnedWorker,
    listen: ListenAddress,
    abort: AbortSignal,
  ) {
    const { pool, workerId, incarnation } = spec;
    const { child, identity } = spawned;
    this.ref = { host: surroundings.hostName, pool, workerId, incarnation };
    this.#identity = identity;
    this.#isContained = isContained(spec);
    if (!this.#isContained) this.#identified.resolve(undefined);
    this.identified = this.#identified.promise;
    this.#surroundings = surroundings;
    this.#spawned = spawned;
    this.#listen = listen;
    this.#token = spec.token;
    this.#kept = createLineRing(KEPT_LINES, spec.keptOutputBytes ?? KEPT_CHARACTERS);
    const { run, scanner, oomKills, killsAtExit } = surroundings;
    this.#oomWatch = oomKills.watch(identity.pid, spec.launcher === undefined);
    const key = { pool, workerId, incarnation };
    const socketPath = listen.socketPath ?? listen.readyFile;
    this.#ended = { key, leader: identity, socketPath, run, scanner, killsAtExit };

    this.calls = spawned.calls;
    this.ready = this.#ready.promise;
    this.exited = this.#exited.promise;
    this.#readOutput();
    this.#channel = this.#openBeats(spec);
    this.beats = {
      ping: (seq) => this.#channel.ping(seq),
      onPong: (listener) => {
        this.#pongListeners.add(listener);
        return () => void this.#pongListeners.delete(listener);
      },
    };
    this.#watchAbort(abort);
    this.cleaned = new Promise((resolve) => {
      // 'exit' and not 'close': a grandchild that holds stdout delays that for as long as it lives.
      child.once('exit', (code, signal) => {
        if (killsAtExit) signalGroup(identity, 'SIGKILL');
        resolve(this.#cleanUp(this.#statusOf(code, signal)));
      });
    });
  }

  /** See {@link WorkerHandle.pid}. */
  get pid(): number {
    return this.#identity.pid;
  }

  /** See {@link WorkerHandle.startTime}. */
  get startTime(): string {
    return this.#identity.startTime;
  }

  /** See {@link WorkerHandle.signal}. */
  signal(signal: 'term' | 'kill'): Promise<void> {
    // After its exit the group is being ended anyway, and its number may soon be another's.
    if (this.#isRunning()) {
      if (signal === 'kill') this.#killedAtMs ??= performance.now();
      if (signal === 'kill' && this.#isContained) killThroughLauncher(this.#spawned);
      else if (signal === 'kill' || !this.#asksByMessage()) {
        const { platform } = this.#surroundings;
        signalGroup(this.#ended.leader, signal === 'term' ? 'SIGTERM' : 'SIGKILL', platform);
      }
    }
    return Promise.resolve();
  }

  /** See {@link WorkerHandle.cleanupMs}. */
  get cleanupMs(): number | undefined {
    return this.#cleanupMs;
  }

  /** See {@link WorkerHandle.output}. */
  output(): AsyncIterable<OutputLine> {
    return this.#lines.subscribe();
  }

  /** See {@link WorkerHandle.lastOutput}. */
  lastOutput(): readonly OutputLine[] {
    return this.#kept.lines();
  }

  /**
   * Ends it: TERM, after the grace KILL, and everything cleaned up. Once killed it is not asked any more, and who did not
   * die of that in time is not waited for again.
   *
   * @param graceMs - Between TERM and KILL, in milliseconds.
   * @returns `false` when the kernel does not let it die (uninterruptible sleep).
   */
  async end(graceMs: number): Promise<boolean> {
    if (this.#killedAtMs === undefined) {
      void this.signal('term');
      if (await settlesWithin(this.cleaned, graceMs)) return true;
    }
    void this.signal('kill');
    return settlesWithin(this.cleaned, this.#patienceMs());
  }

  #patienceMs(): number {
    // What is left of one that has ended is being cleaned up, which has time limits of its own.
    if (!this.#isRunning() || this.#killedAtMs === undefined) return STUCK_MS;
    return Math.max(0, this.#killedAtMs + STUCK_MS - performance.now());
  }

  #statusOf(code: number | null, signal: string | null): ExitStatus {
    const isForLackOfMemory = (): boolean =>
      this.#killedAtMs === undefined && this.#oomWatch.wasKilled();
    const { exitUnknown } = this.#spawned.child;
    const status: ExitStatus =
      exitUnknown === undefined
        ? toExitStatus(code, signal, isForLackOfMemory)
        : { kind: 'unknown', detail: exitUnknown };
    this.#oomWatch.release();
    return status;
  }

  #isRunning(): boolean {
    const { exitCode, signalCode, exitUnknown } = this.#spawned.child;
    return exitCode === null && signalCode === null && exitUnknown === undefined;
  }

  #readOutput(): void {
    const { stdout, stderr } = this.#spawned.child;
    const hear =
      (stream: OutputLine['stream']) =>
      ({ text, truncated }: PrintedLine): void => {
        const line = { ref: this.ref, stream, text, truncated };
        this.#kept.push(line);
        this.#lines.publish(line);
        this.#surroundings.onOutput(line);
      };
    if (stdout !== null) readLines(stdout, hear('stdout'));
    if (stderr !== null) readLines(stderr, hear('stderr'));
  }

  /** Where no signal asks, the beat channel does, while it can be written to. */
  #asksByMessage(): boolean {
    return this.#surroundings.platform.gracefulAsk === 'message' && this.#channel.stop();
  }

  #openBeats({ token, bridge, original, maxValueBytes, servesLater }: WorkerSpec): BeatChannel {
    const listener: BeatListener = {
      onMessage: (message) => this.#hear(message),
      onBroken: (detail) => this.#breakOff(detail),
    };
    const stream = this.#spawned.beats;
    const { readyFile } = this.#listen;
    const channel =
      original === undefined || readyFile === undefined
        ? openBeatChannel(stream, listener)
        : openOriginalChannel({ stream, readyFile, original, pid: this.pid, listener });
    const server = servesLater === true ? 'later' : undefined;
    channel.hello({ token, listen: this.#listen.listen, bridge, maxValueBytes, server });
    return channel;
  }

  #watchAbort(abort: AbortSignal): void {
    const giveUp = (): void => {
      this.#verdict ??= { kind: 'aborted' };
      void this.signal('kill');
    };
    this.#stopWatchingAbort = () => {
      abort.removeEventListener('abort', giveUp);
      this.#stopWatchingAbort = undefined;
    };
    // A launcher may have made it too late for that.
    if (abort.aborted) giveUp();
    else abort.addEventListener('abort', giveUp, { once: true });
  }

  #hear(message: BeatMessage): void {
    switch (message.type) {
      case 'ready':
        this.#becomeReady(message);
        return;
      case 'failed': {
        const { code, message: text, traceback } = message;
        this.#failed ??= { code, message: text, traceback };
        return;
      }
      case 'pong':
        for (const listener of this.#pongListeners) listener(message);
        return;
      case 'spawned':
        this.#identify(message.pid);
        return;
      case 'serving':
        this.#server.heard(message.problem);
        return;
      case 'ignored':
        return;
    }
  }

  #identify(pid: number): void {
    // Said by the launcher, before the worker could say anything; and for a worker that has ended it names nobody.
    if (!this.#isContained || this.#identity !== this.#ended.leader) return;
    const startTime = startTimeBehind(this.#ended.leader, pid);
    if (startTime === undefined) return;
    this.#identity = { ...this.#ended.leader, pid, startTime };
    this.#identified.resolve(undefined);
  }

  #becomeReady(message: ReadyMessage): void {
    const { address, pythonVersion, lifeline, tools, toolsFingerprint } = message;
    // In a pid namespace it knows itself by another number.
    const pid = this.#isContained ? this.pid : message.pid;
    if (!isExpectedAddress(address, this.#listen)) {
      this.#breakOff(`it listens on ${JSON.stringify(address)}, not on ${this.#listen.listen}`);
      return;
    }
    this.#stopWatchingAbort?.();
    this.#oomWatch.settle();
    const token = this.#token;
    const { session, features, gil } = message;
    const said = { pythonVersion, lifeline, tools, toolsFingerprint, features, gil, session };
    const serve = message.serving === false ? this.#server.serve : undefined;
    this.#ready.resolve({ target: address, token, pid, serve, ...said });
  }

  #breakOff(detail: string): void {
    this.#verdict ??= { kind: 'protocol', detail };
    this.#surroundings.onNotice({ kind: 'protocolError', ref: this.ref, detail });
    void this.signal('kill');
  }

  async #cleanUp(exit: ExitStatus): Promise<void> {
    this.#stopWatchingAbort?.();
    this.#identified.resolve(undefined);
    const drained = Promise.all(this.#outputStreams().map(hasClosed));
    const confirmed = await confirmWorkerGone(this.#ended);
    this.#cleanupMs = confirmed.durationMs;
    await settlesWithin(drained, DRAIN_MS);
    this.#channel.close();
    const { lifeline, calls } = this.#spawned;
    for (const stream of [...this.#outputStreams(), lifeline, calls]) stream?.destroy();
    this.#surroundings.groups.remove(this.#ended.leader);
    const ended = { exit, lastOutput: this.lastOutput(), failed: this.#failed };
    this.#ready.reject(earlyEndError(this.ref, this.#verdict, ended));
    this.#server.ended();
    this.#exited.resolve(exit);
    const report = await finishCleanup(this.#ended, confirmed);
    this.#lines.close();
    this.#surroundings.onNotice({ kind: 'cleanedUp', ref: this.ref, report });
  }

  #outputStreams(): readonly Socket[] {
    const { stdout, stderr } = this.#spawned.child;
    // Both are sockets of Node's, declared as the streams they also are.
    return [stdout, stderr].filter((stream) => stream !== null) as unknown as Socket[];
  }
}

function hasClosed(stream: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', () => resolve());
  });
}
