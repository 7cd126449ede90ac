import type { Duplex } from 'node:stream';
import type { WorkerLauncher } from './worker-launcher.ts';

/**
 * Where Python workers live: the port behind which a host (this machine, later others) starts them.
 *
 * Rules that every host satisfies are named WH-1 … WH-16; tests carry those names.
 */
export interface WorkerHost {
  /** What this host can do and who does what. */
  readonly traits: HostTraits;
  /**
   * Starts one worker; resolves when its process exists (WH-1).
   *
   * @param abort - Until the worker is ready, aborting ends it; nothing is left of it.
   * @throws {@link WorkerStartError} when no process was made.
   */
  start(spec: WorkerSpec, abort: AbortSignal): Promise<WorkerHandle>;
  /** Takes over workers that survived an earlier owner; empty where none can (WH-13). */
  adopt(filter: { readonly pool: string }): Promise<readonly WorkerHandle[]>;
  /** Free room: one item at once, then one at every change. Ends when the host is closed. */
  capacity(): AsyncIterable<Capacity>;
  /** Machines coming and going: one item for each at once, then one at every change (WH-11). */
  hosts(): AsyncIterable<HostEvent>;
  /** Ends every worker this host started and confirms it. A second call waits for the first. */
  close(): Promise<void>;
}

/** One start of one worker. */
export interface WorkerHandle {
  /** Which worker, which start of it, where. */
  readonly ref: WorkerRef;
  /** Number of the process on its machine; `undefined` where the host cannot tell. */
  readonly pid: number | undefined;
  /** Start time of the process, which together with its number identifies it; empty when unknown. */
  readonly startTime: string;
  /**
   * The worker's own readiness message (WH-7). Rejects with a {@link WorkerStartError} that carries
   * exit status and last output when the worker ends first. Nobody has to listen.
   */
  readonly ready: Promise<WorkerReady>;
  /**
   * How it ended; settles exactly once, never rejects (WH-3). From then on no process of its group
   * lives and its address refuses (WH-4).
   */
  readonly exited: Promise<ExitStatus>;
  /** Settles when nothing of it is left to do: the last look for escapees is over and its record is gone. Never rejects. */
  readonly cleaned: Promise<void>;
  /** Milliseconds from its end until it was confirmed that nothing of its group lives; `undefined` before. */
  readonly cleanupMs: number | undefined;
  /** Liveness beats. An addition of ours to the port: they travel beside the calls. */
  readonly beats: WorkerBeats;
  /**
   * A socket on which the worker takes calls in frames (messages as in the RPC `Frames`); nobody else can have its other end.
   * An addition of ours to the port; `undefined` where there is none, and then calls go to the worker's address.
   */
  readonly calls: Duplex | undefined;
  /**
   * Signals the whole process group; never fails for one that is gone already.
   *
   * `term` reaches the worker's own handler; waiting and escalating is the caller's (WH-6).
   */
  signal(signal: 'term' | 'kill'): Promise<void>;
  /** What the worker prints, line by line, from now on (WH-14). Slow readers lose the oldest lines. */
  output(): AsyncIterable<OutputLine>;
  /** The last lines it printed, oldest first; also after its end. */
  lastOutput(): readonly OutputLine[];
}

/** Liveness beats between runtime and worker, answered by a thread that no Python tool can block. */
export interface WorkerBeats {
  /** Asks for a pong. Never throws: a beat that cannot be sent is simply not answered. */
  ping(seq: number): void;
  /**
   * Hears every pong.
   *
   * @returns Takes the listener away again.
   */
  onPong(listener: (pong: Pong) => void): () => void;
}

/** Answer to a ping. */
export interface Pong {
  /** Number of the ping it answers. */
  readonly seq: number;
  /** Calls the worker is executing, including sync tools whose callers have given up. */
  readonly inFlight: number;
  /** How long the worker's event loop has been blocked, in milliseconds. */
  readonly loopLagMs: number;
  /** Age of the oldest call that it is executing, in milliseconds; 0 without one, and from workers that do not say. */
  readonly oldestCallMs: number;
}

/** Where a worker listens. Opaque: hand it to the channel as it is. */
export interface WorkerAddress {
  /**
   * Has it listen, where it does that only when asked; absent where it listens already.
   *
   * @throws Error when it cannot, or has ended.
   */
  readonly serve?: (() => Promise<void>) | undefined;
  /** `unix:/path` or `host:port`. */
  readonly target: string;
  /** By what TLS knows both sides; absent on this machine. */
  readonly tls?: TlsMaterial | undefined;
  /** Secret that every call to the worker must carry. */
  readonly token: string;
}

/** By what TLS knows both sides; each PEM. */
export interface TlsMaterial {
  /** The authorities one of which must have signed the worker's certificate. */
  readonly ca: Buffer;
  /** Our own certificate, for workers that ask for one. */
  readonly cert?: Buffer | undefined;
  /** Its key. */
  readonly key?: Buffer | undefined;
  /** The name in the worker's certificate; default the one in its address. */
  readonly serverName?: string | undefined;
}

/** What a worker says of itself when it is ready. */
export interface WorkerReady extends WorkerAddress {
  /** Its own process number. */
  readonly pid: number;
  /** `3.11.7` */
  readonly pythonVersion: string;
  /** Whether the kernel will end it when the runtime dies. */
  readonly lifeline: boolean;
  /** Names of its tools. */
  readonly tools: readonly string[];
  /** Whether its Python has the global lock: not when it is free-threaded. Absent when it does not say. */
  readonly gil?: boolean | undefined;
  /** Changes with their interface; empty for tools that are the adapter's own affair, absent when nothing can be asked. */
  readonly toolsFingerprint?: string | undefined;
  /** What it can besides the original's contract, such as `frames`; none when it does not say. */
  readonly features?: readonly string[] | undefined;
  /** The one session in whose name it is called; of servers of the original only. */
  readonly session?: string | undefined;
}

/**
 * What holds the descendants of a worker.
 *
 * - `group`: its process group; what leaves that is found by its environment.
 * - `subreaper`: a launcher that takes in every orphan, and ends when none is left.
 * - `pidNamespace`: the kernel, which ends everybody inside at once.
 */
export type Containment = 'group' | 'subreaper' | 'pidNamespace';

/** What to start. */
export interface WorkerSpec {
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** Id of this start; a new one every time (WH-2). */
  readonly incarnation: string;
  /** The interpreter and arguments for itself, such as `-X dev`. */
  readonly python: { readonly executable: string; readonly args?: readonly string[] };
  /** Directory that holds the Python package `snakepit_bridge`. */
  readonly bridgePath: string;
  /** Further directories to import from, before the user's own `PYTHONPATH`. */
  readonly pythonPath: readonly string[];
  /** Adapter as `package.module.Class`. */
  readonly adapter: string;
  /** Further arguments for the adapter. */
  readonly adapterArgs: readonly string[];
  /** Working directory; modules in it can be imported. */
  readonly cwd: string;
  /** Variables on top of the host's environment; `undefined` takes one away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Id of the run, the one of the host's run records. */
  readonly runId: string;
  /** Whether it need not listen before it is asked to: calls go another way. Default false. */
  readonly servesLater?: boolean | undefined;
  /** Most bytes that the attachments of one call may have; default what the worker takes by itself. */
  readonly maxValueBytes?: number | undefined;
  /** Secret for calls to this worker, in hexadecimal; travels on the beat channel only. */
  readonly token: string;
  /** Where the worker can call the runtime; `null` where it cannot. */
  readonly bridge: { readonly address: string; readonly token: string } | null;
  /** Bytes of output that are kept for the error message; default 65,536. */
  readonly keptOutputBytes?: number;
  /**
   * Whole command line in place of `python -u -m snakepit_bridge …`, for worker programs of another
   * make that speak the beat channel.
   */
  readonly command?: readonly [string, ...string[]];
  /** What holds its descendants; default `group`. */
  readonly containment?: Containment;
  /** Names of inherited variables, with `*` for any characters, beside what every worker needs; default all. */
  readonly envAllow?: readonly string[] | undefined;
  /** The thread profile: how many calls at the same time, and whether to look for what is risky there; default none. */
  readonly threads?: WorkerThreads | undefined;
  /** A server of the original in place of ours. */
  readonly original?: OriginalServer | undefined;
  /** Makes its process in another way than by spawning it; for workers of our own make in a group of their own only. */
  readonly launcher?: WorkerLauncher | undefined;
}

/** How a worker of the thread profile is started. */
export interface WorkerThreads {
  /** How many calls it executes at the same time. */
  readonly limit: number;
  /** Whether risky modules and tools are told of, or refused. */
  readonly check: 'off' | 'warn' | 'strict';
}

/** A server of Snakepit v0.13: it knows neither beat channel nor token, and tells its port in a file. */
export interface OriginalServer {
  /** Absolute path of `grpc_server.py` or `grpc_server_threaded.py`. */
  readonly serverScript: string;
  /** How it watches the runtime; it ends itself when the runtime does not answer. */
  readonly heartbeat: {
    /** Milliseconds between two of its questions. */
    readonly intervalMs: number;
    /** Milliseconds that each waits for an answer. */
    readonly timeoutMs: number;
    /** How many in a row may fail. */
    readonly maxMissed: number;
  };
  /** The sessions by which the runtime knows its workers. */
  readonly sessions: WorkerSessions;
}

/** Sessions of workers, not of users: each lives as long as its worker, and is known to nobody else. */
export interface WorkerSessions {
  /** Makes a session; its id cannot be guessed. */
  open(): string;
  /** Ends a session: its worker is gone. */
  close(id: string): void;
  /** Whether there is a worker with this session. */
  has(id: string): boolean;
}

/** Which start of which worker, and on which host. */
export interface WorkerRef {
  /** Name of the host. */
  readonly host: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** Id of this start. */
  readonly incarnation: string;
}

/** One line a worker printed. */
export interface OutputLine {
  /** Who printed it. */
  readonly ref: WorkerRef;
  /** Where. */
  readonly stream: 'stdout' | 'stderr';
  /** Text without the line's end; bytes that are no UTF-8 show as U+FFFD. */
  readonly text: string;
  /** Whether the line was longer than the limit and was cut. */
  readonly truncated: boolean;
}

/** How a worker ended, as its operating system or engine tells it (WH-3). */
export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'outOfMemory' }
  /** Eviction, preemption, drain. */
  | { readonly kind: 'stoppedByEngine'; readonly reason: string }
  /** Not confirmed: it may still be running, and frees nothing (WH-5). */
  | { readonly kind: 'hostLost'; readonly confirmed: boolean }
  | { readonly kind: 'unknown'; readonly detail: string };

/** What a host can do, and who does what. */
export interface HostTraits {
  /** Whether exit statuses come from the operating system. */
  readonly exactExit: boolean;
  /** Whether workers outlive the runtime and can be adopted. */
  readonly survivesRuntime: boolean;
  /** Whether workers listen on Unix sockets. */
  readonly localSockets: boolean;
  /** Whether workers may be on other machines. */
  readonly remote: boolean;
  /** Who starts a worker again (WH-10). */
  readonly restartOwner: 'tree' | 'host';
  /** What ends workers when the runtime is gone. */
  readonly lifeline: 'pipe' | 'launcher' | 'lease';
  /** Who asks for liveness. */
  readonly pingBy: 'runtime' | 'launcher';
}

/** Room for workers. */
export interface Capacity {
  /** Workers that can be started now; `Infinity` without a limit. */
  readonly freeSlots: number;
  /** Processors of the host. */
  readonly cpus: number;
  /** Memory of the host, in bytes. */
  readonly memoryBytes: number;
  /** Graphics processors that workers may use; 0 when unknown. */
  readonly gpus: number;
}

/** News of a machine. */
export interface HostEvent {
  /** Name of the machine. */
  readonly host: string;
  /** What it is now. */
  readonly state: 'up' | 'suspect' | 'down' | 'draining';
  /** Whether somebody who must know says so. */
  readonly confirmed: boolean;
}
