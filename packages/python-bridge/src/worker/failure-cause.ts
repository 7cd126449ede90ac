import type { SnakepitError } from '@snakepit/core';

/** What kind of thing keeps a worker from running, for programs to decide by (R10.2). */
export type FailureCause =
  /** The adapter, or a module that is imported before forking, is not there or raises while it is imported, or is no adapter. */
  | 'importError'
  /** It cannot listen on its socket or port. */
  | 'socket'
  /** The interpreter or a package that every worker needs is missing or does not fit. */
  | 'environment'
  /** The kernel killed it for lack of memory. */
  | 'outOfMemory'
  /** Somebody else ended it by a signal. */
  | 'killed'
  /** It crashed in native code. */
  | 'nativeCrash'
  /** Python ended with an exit code that tells no more. */
  | 'exited'
  /** It and Node do not understand each other. */
  | 'protocol'
  /** What was configured cannot be started. */
  | 'configuration'
  /** It took longer than it may. */
  | 'timeout'
  /** The operating system made no process. */
  | 'noProcess'
  /** It is started by others, and does not answer at its address, or refuses us. */
  | 'unreachable'
  /** It served, and answered no heartbeat any more. */
  | 'heartbeat'
  /** Its own supervision failed. */
  | 'supervision';

/** Why a worker failed. */
export interface WorkerFailure {
  /** The error for whoever waits for this worker. */
  readonly error: SnakepitError;
  /** What kind of thing it was. */
  readonly cause: FailureCause;
  /** Whether starting it again cannot help: the adapter is not there, the interpreter is missing. */
  readonly permanent: boolean;
  /** There was no host to start it on, or others have not started it again yet: that start is not counted. */
  readonly uncounted?: true;
}

const readOutput =
  'read what Python printed; `npx snakepit doctor` checks the environment of the workers.';

/** What to do about a worker that did not start. */
export const remedyFor: Readonly<Record<FailureCause, string>> = {
  importError: 'correct the adapter, or install what it imports into the Python environment.',
  socket:
    'name a directory with socketDir (SNAKEPIT_SOCKET_DIR) that is writable, has room, and has a short path.',
  environment: 'run `npx snakepit setup`; `npx snakepit doctor` tells what is missing.',
  outOfMemory:
    'raise the memory limit of its cgroup (container), lower pools[].size, or let the adapter load less.',
  killed:
    'find who ends it: the log of the system (`dmesg`, `journalctl -k`) and of the container tell; look for limits and for scripts that end processes by name.',
  nativeCrash:
    'a native library that the adapter imports crashes: read what Python printed last, and import it alone with `python -X faulthandler`.',
  exited: readOutput,
  protocol:
    'the Python package snakepit_bridge must be the one that came with @snakepit/python-bridge; `npx snakepit doctor` compares them.',
  configuration: 'correct what the message names in the configuration of the pool.',
  timeout:
    'allow it more time with pools[].startupTimeout, or let the adapter and pools[].preload do less while they are imported; lower pools[].startupBatchSize when many start at once.',
  noProcess:
    'look at the limits of the system for processes, open files and memory (`ulimit -a`, the pids cgroup), or lower pools[].size.',
  unreachable:
    'see that it runs and listens at that address, and that certificates, name and token fit (pools[].remote).',
  heartbeat: readOutput,
  supervision: 'read the reports of the supervisors before this one.',
};
