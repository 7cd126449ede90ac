import { randomBytes } from 'node:crypto';
import {
  isRunning,
  readBootId,
  readPidNamespace,
  readProcessStat,
  type ProcessIdentity,
} from '../../os/process-identity.ts';
import { signalGroup } from '../../os/process-killer.ts';
import { describeExit } from '../local/exit-status.ts';
import { takesCallSocket, workerArguments } from '../local/spawn-command.ts';
import { WorkerStartError } from '../start-failure.ts';
import type { WorkerBeats, WorkerHandle, WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import { openChannels, rolesOf } from './fork-channels.ts';
import type { ForkAddress } from './fork-connection.ts';
import { openForkControl, type ForkControl, type ForkControlListener } from './fork-control.ts';
import { isSignOfLoss, launchRefused, launchUnconnected } from './fork-failures.ts';
import type { ForkMessage } from './fork-messages.ts';
import type { ForkServerInput } from './fork-port.ts';
import { ForkedProcess } from './forked-process.ts';
import { PendingLaunch } from './pending-launch.ts';
import { environmentChanges, serverSpec } from './server-spec.ts';
import { SpeechlessForks } from './speechless-forks.ts';

/** Who hears of one fork server. */
export interface RunningServerListener {
  /** It takes launches. */
  onReady(): void;
  /** It will never take any. Its end is told besides. */
  onFailed(cause: unknown): void;
  /** It takes no connections, and has not ended. Told once. */
  onUnreachable(): void;
  /** What it has forked last, several times in a row, ended before it could say a word. */
  onSuspect(): void;
  /** Its process has ended, or there never was one. Told once. */
  onGone(why: string): void;
}

/** Why a server serves no more. */
export type Retirement = 'planned' | 'hung';

/** How long a server may take to end that cannot be commanded any more, in milliseconds. */
const END_MS = 1_000;
/** How long one may take that was asked to, and has no workers any more: nobody waits for it. In milliseconds. */
const LEAVE_MS = 3_000;

/** A worker that lives. */
interface ForkedWorker {
  readonly process: ForkedProcess;
  readonly incarnation: string;
}

/** One fork server, from its start until nothing of it is left. */
export class RunningServer {
  /** Which start of a server of its pool this is, counted from 1. */
  readonly start: number;
  /** Id of this start. */
  readonly incarnation = randomBytes(6).toString('hex');
  readonly #input: ForkServerInput;
  readonly #listener: RunningServerListener;
  readonly #startAbort = new AbortController();
  readonly #workers = new Map<number, ForkedWorker>();
  readonly #pending = new Map<number, PendingLaunch>();
  #environment: Readonly<Record<string, string>> = {};
  #handle: WorkerHandle | undefined;
  #address: ForkAddress | undefined;
  #control: ForkControl | undefined;
  #launches = 0;
  #retirement: Retirement | undefined;
  #isAsked = false;
  #why: string | undefined;
  #workersAtEnd = 0;
  readonly #speechless = new SpeechlessForks(() => this.#listener.onSuspect());
  #ending: NodeJS.Timeout | undefined;
  #unreachable: NodeJS.Timeout | undefined;
  #onAnswered: (() => void)[] = [];

  /** Starts it. */
  constructor(start: number, input: ForkServerInput, listener: RunningServerListener) {
    this.start = start;
    this.#input = input;
    this.#listener = listener;
    void this.#start();
  }

  /** Number of its process. */
  get osPid(): number | undefined {
    return this.#handle?.pid;
  }

  /** Start time of its process. */
  get startTime(): string | undefined {
    return this.#handle?.startTime;
  }

  /** Its beat channel, once it has a process. */
  get beats(): WorkerBeats | undefined {
    return this.#handle?.beats;
  }

  /** Whether it has ever taken launches. */
  get hasServed(): boolean {
    return this.#control !== undefined;
  }

  /** How it has ended, once it has. */
  get ended(): string | undefined {
    return this.#why;
  }

  /** How many of its workers live. */
  get workers(): number {
    return this.#workers.size;
  }

  /** How many of its workers lived when it ended; 0 before. */
  get workersAtEnd(): number {
    return this.#workersAtEnd;
  }

  /** Whether a worker of this incarnation is one of its own, and lives. */
  has(incarnation: string): boolean {
    for (const worker of this.#workers.values()) {
      if (worker.incarnation === incarnation) return true;
    }
    return false;
  }

  /** Settles when no launch is on its way. */
  async answered(): Promise<void> {
    if (this.#pending.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onAnswered.push(resolve);
      });
    }
  }

  /**
   * Has it fork a worker.
   *
   * @returns `undefined` when it was lost meanwhile: then another one may try.
   * @throws WorkerStartError when there is no worker.
   */
  async launch(
    spec: WorkerSpec,
    env: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<SpawnedWorker | undefined> {
    const launch = (this.#launches += 1);
    const pending = new PendingLaunch(launch, spec, abort, () => {
      this.#control?.cancel(launch);
    });
    this.#pending.set(launch, pending);
    if (this.#isLost) pending.lose();
    try {
      await this.#send(pending, env);
    } catch (error) {
      this.#cannotSend(pending, error);
    }
    try {
      const spawned = await pending.answer;
      if (spawned === undefined) pending.close();
      return spawned;
    } catch (error) {
      pending.close();
      throw error;
    } finally {
      pending.release();
      this.#pending.delete(launch);
      if (this.#pending.size === 0) for (const tell of this.#onAnswered.splice(0)) tell();
      this.#endIfUseless();
    }
  }

  /** It takes no more launches, and ends with its last worker. One that hangs answers none of those on their way. */
  retire(why: Retirement): void {
    this.#retirement = why;
    if (why === 'hung') this.#losePending();
    this.#endIfUseless();
  }

  /** Asks it to end when its last worker has; one that does not serve yet is ended. */
  stop(): void {
    if (this.#control === undefined) this.kill();
    else this.#ask();
  }

  /** Ends it at once, and all its workers. */
  kill(): void {
    this.#startAbort.abort();
    void this.#handle?.signal('kill');
  }

  async #start(): Promise<void> {
    try {
      await this.#becomeReady();
    } catch (error) {
      this.#listener.onFailed(error);
      this.kill();
      if (this.#handle === undefined) this.#gone('there was no process');
      return;
    }
    this.#listener.onReady();
  }

  async #becomeReady(): Promise<void> {
    const { signal } = this.#startAbort;
    const spec = serverSpec(this.#input, this.incarnation, (env) => {
      this.#environment = env;
    });
    const handle = await this.#input.host().start(spec, signal);
    this.#handle = handle;
    void handle.exited.then((exit) => {
      this.#gone(`it ${describeExit(exit)}`);
    });
    const { target, token } = await handle.ready;
    if (!target.startsWith('unix:')) {
      const detail = 'it needs Unix sockets, and there is no directory for them';
      throw new WorkerStartError(detail, { kind: 'invalidSpec', detail });
    }
    this.#address = { path: target.slice('unix:'.length), token };
    const control = await openForkControl(this.#address, this.#hearer(), signal);
    if (signal.aborted || this.#why !== undefined) control.close();
    signal.throwIfAborted();
    this.#control = control;
  }

  #hearer(): ForkControlListener {
    return {
      onMessage: (message) => {
        this.#hear(message);
      },
      onBroken: () => this.kill(),
      onClosed: () => {
        // Nobody can command it any more. Mostly it is ending, and how is told in a moment.
        this.#endWithin(END_MS);
      },
    };
  }

  #hear(message: ForkMessage): void {
    switch (message.type) {
      case 'forked':
        this.#forked(message);
        return;
      case 'refused': {
        const { launch, code, message: why } = message;
        const pending = this.#pending.get(launch);
        if (pending === undefined) return;
        // Somebody has asked it to end: it says so to those only whose connections it has.
        if (code === 'STOPPING') this.#giveBack(pending);
        else pending.fail(launchRefused(pending.spec, code, why));
        return;
      }
      case 'ended': {
        const { launch, code, signal } = message;
        const end = signal === null ? { code: code ?? 0, signal } : { code: null, signal };
        this.#workers.get(launch)?.process.end(end);
        return;
      }
      case 'ignored':
        return;
    }
  }

  get #isLost(): boolean {
    return this.#why !== undefined || this.#retirement === 'hung';
  }

  async #send(pending: PendingLaunch, env: Readonly<Record<string, string>>): Promise<void> {
    const { launch, spec, failed } = pending;
    const address = this.#address ?? { path: '', token: '' };
    failed.throwIfAborted();
    const channels = await openChannels(address, launch, takesCallSocket(spec), failed);
    pending.channels = channels;
    failed.throwIfAborted();
    const fits = this.#control?.fork({
      ...{ launch, cwd: spec.cwd, channels: rolesOf(channels), argv: workerArguments(spec) },
      env: environmentChanges(this.#environment, env),
    });
    if (fits !== true) pending.fail(launchRefused(spec, 'E2BIG', 'a request may have 1 MiB'));
  }

  #cannotSend(pending: PendingLaunch, error: unknown): void {
    // Whoever has had it fail has said why.
    if (pending.failed.aborted) return;
    if (!isSignOfLoss(error)) {
      pending.fail(launchUnconnected(pending.spec, error));
      return;
    }
    this.#giveBack(pending);
  }

  /** It takes no launches any more: another one may try. */
  #giveBack(pending: PendingLaunch): void {
    pending.lose();
    // Mostly it has ended, and how is told in a moment.
    this.#unreachable ??= setTimeout(() => {
      if (!this.#isLost) this.#listener.onUnreachable();
    }, END_MS);
  }

  /** In the turn in which it is heard: the next message may be of its end. */
  #forked({ launch, pid, startTime }: Extract<ForkMessage, { type: 'forked' }>): void {
    const identity = this.#identify(pid, startTime);
    const pending = this.#pending.get(launch);
    const channels = pending?.channels;
    if (pending === undefined || channels === undefined || pending.failed.aborted) {
      // Nobody waits for it any more, and its connections are closed, of which it dies; unless it is stopped.
      signalGroup(identity, 'SIGKILL');
      return;
    }
    const child = new ForkedProcess(identity, channels);
    const { beats, lifeline, calls } = channels;
    this.#workers.set(launch, { process: child, incarnation: pending.spec.incarnation });
    this.#speechless.watch(launch, child, beats);
    child.once('exit', () => {
      this.#workers.delete(launch);
      this.#endIfUseless();
    });
    pending.fulfil({ child, identity, beats, lifeline, calls });
  }

  /** What the system shows of it, unless that is somebody else by now. */
  #identify(pid: number, told: string): ProcessIdentity {
    const stat = readProcessStat(pid);
    const isChild = stat !== undefined && stat.parentPid === this.osPid;
    const isIts = isChild && (told === '' || told === stat.startTime);
    const startTime = isIts ? stat.startTime : told;
    return { bootId: readBootId(), pidNamespace: readPidNamespace(), pid, startTime };
  }

  #endIfUseless(): void {
    if (this.#retirement === undefined || this.#why !== undefined || this.#pending.size > 0) return;
    if (this.#retirement === 'planned') this.#ask();
    if (this.#workers.size > 0) return;
    if (this.#retirement === 'hung') this.kill();
    else this.#endWithin(LEAVE_MS);
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    // By a signal to its group, a fork could be hit that has yet to leave that.
    this.#control?.stop();
  }

  #endWithin(limitMs: number): void {
    if (this.#why !== undefined) return;
    this.#ending ??= setTimeout(() => {
      this.kill();
    }, limitMs);
  }

  #losePending(): void {
    for (const pending of this.#pending.values()) pending.lose();
  }

  /** Its workers' tether has ended; whoever could not arm it is killed here. */
  #gone(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#workersAtEnd = this.#workers.size;
    clearTimeout(this.#ending);
    clearTimeout(this.#unreachable);
    this.#control?.close();
    this.#losePending();
    for (const { process } of this.#workers.values()) {
      const lived = isRunning(process.identity);
      const sent = signalGroup(process.identity, 'SIGKILL') === 'sent';
      process.orphan(lived && sent, `its fork server has ended, and took it along: ${why}`);
    }
    this.#listener.onGone(why);
  }
}
