import type { BridgeErrorCode } from './errors.ts';

/** What is written about a code; docs/errors.md is made of it. */
export interface ErrorNote {
  /** What has happened. */
  readonly means: string;
  /** What it usually comes from. */
  readonly cause: string;
  /** What to do about it. */
  readonly advice: string;
  /** Whether the failure is one of the moment: the same call may succeed a little later. */
  readonly retryable: boolean;
}

/** Every code of this package, in the order in which the documentation tells them. */
export const errorNotes: Readonly<Record<BridgeErrorCode, ErrorNote>> = {
  TIMEOUT: {
    means: 'Something did not finish within the time that it had, queueing included.',
    cause: 'A tool that takes longer than `requestTimeout`, or a call that waited for a worker.',
    advice:
      'Give the call more time with `{ timeout }`, or make the work shorter. The tool may have run.',
    retryable: true,
  },
  QUEUE_FULL: {
    means: 'As many calls as may wait are waiting already; this one was refused at once.',
    cause: 'More calls than the workers can do, for a while.',
    advice: 'Call less at once, add workers (`size`), or raise `maxQueueSize`.',
    retryable: true,
  },
  QUEUE_TIMEOUT: {
    means: 'No worker became free in time; the tool did not run.',
    cause: 'Long calls on few workers.',
    advice: 'Add workers (`size`), or raise `queueTimeout`.',
    retryable: true,
  },
  WORKER_CRASHED: {
    means: 'The worker ended while it was executing the call.',
    cause:
      'A crash of native code, too little memory, `os._exit`, a hang that the heartbeat found.',
    advice:
      'Read what it printed, in the message. A call that may run twice says so with `{ idempotent: true }` and is tried again by itself.',
    retryable: true,
  },
  WORKER_UNAVAILABLE: {
    means:
      'The worker cannot be reached; `details.maybeExecuted` tells whether the tool may have run.',
    cause: 'It is ending or being replaced, or every worker of the pool was given up.',
    advice:
      'Try again: it is replaced. Of one that was given up, see [why](#why-a-worker-cannot-run).',
    retryable: true,
  },
  WORKER_BUSY: {
    means: 'The worker takes no more calls at present; the tool did not run.',
    cause: 'It is draining, or has more calls than it accepts.',
    advice: 'Try again, or add workers (`size`).',
    retryable: true,
  },
  CANCELLED: {
    means: 'The caller gave the call up.',
    cause: 'Its `AbortSignal` was aborted, or the loop over its stream was left.',
    advice: 'Nothing: it was asked for. `cause` is the reason of the signal.',
    retryable: false,
  },
  CIRCUIT_OPEN: {
    means: 'So many calls have failed that no more are tried for a while; the tool did not run.',
    cause: 'Something that all calls need is broken; `cause` is what failed last.',
    advice: 'Wait for `details.retryAfterMs`; `circuitBreaker` sets when it opens.',
    retryable: true,
  },
  POISON_REQUEST: {
    means: 'This tool with these arguments has ended several workers, so no other is given to it.',
    cause: 'Native code that crashes on this input, or input that needs more memory than there is.',
    advice:
      'Correct the tool or the input; `details.deaths` is the evidence. `crashBarrier` sets the limits.',
    retryable: false,
  },
  SESSION_LOST: {
    means: 'The worker of the session ended, and with it what the session kept there.',
    cause: 'A crash, a restart, or recycling.',
    advice: 'Begin the session anew, or let it go on elsewhere with `{ onWorkerLost: "fresh" }`.',
    retryable: false,
  },
  SESSION_ENDED: {
    means: 'The session is over.',
    cause: 'It was ended, or not used for longer than its `ttl`.',
    advice: 'Begin it anew with `snakepit.session(id)`, or give it more time with `{ ttl }`.',
    retryable: false,
  },
  SESSION_LIMIT: {
    means: 'There are as many sessions as there may be.',
    cause: 'Sessions that are begun and never ended.',
    advice: '`end()` those that are not used any more, or give them a shorter `{ ttl }`.',
    retryable: true,
  },
  POOL_NOT_FOUND: {
    means: 'There is no pool of that name.',
    cause: 'A misspelt `{ pool }`.',
    advice: 'Name one of `details.available`.',
    retryable: false,
  },
  SHUTTING_DOWN: {
    means: 'Snakepit is stopping, or has stopped; the tool did not run.',
    cause: 'A call after `stop()`, or after SIGTERM.',
    advice: 'Finish your calls before `stop()`.',
    retryable: false,
  },
  INVALID_CONFIG: {
    means: 'The configuration is wrong; nothing was started. `details.faults` has every fault.',
    cause: 'A misspelt key, a value out of its range.',
    advice: 'Correct what the message names; [every key](configuration.md) says what it may be.',
    retryable: false,
  },
  INVALID_ARGUMENT: {
    means: 'What was passed cannot be used; the tool did not run.',
    cause: "Arguments that do not fit the tool's signature, or that cannot be encoded.",
    advice: 'Correct what the message names; the signature is part of it.',
    retryable: false,
  },
  MESSAGE_TOO_LARGE: {
    means: 'Arguments or result are larger than a message may be.',
    cause: 'Much data as JSON.',
    advice: 'Send bytes or arrays, send it in parts, or pass the path of a file.',
    retryable: false,
  },
  PYTHON_EXCEPTION: {
    means:
      'The tool raised. `details` has `type`, `module`, `message`, `traceback`, `args`, `notes` and `causes`.',
    cause: 'Whatever the traceback says, which is printed below the JavaScript stack.',
    advice: 'Decide by `details.type`, for example `"ValueError"`.',
    retryable: false,
  },
  TOOL_NOT_FOUND: {
    means: 'The adapter has no tool of that name.',
    cause: 'A misspelt name, or a method without `@tool`.',
    advice: 'Call one of `details.available`.',
    retryable: false,
  },
  NESTED_TOO_DEEP: {
    means: 'Node and Python have called each other too often, one inside of the other.',
    cause: 'A recursion that does not end.',
    advice: 'End it earlier.',
    retryable: false,
  },
  STALE_TYPES: {
    means: 'The tools of the adapter are not those for which the types were generated.',
    cause: 'The adapter was changed since.',
    advice: '`npx snakepit gen types`.',
    retryable: false,
  },
  ADAPTER_FAILED: {
    means: 'The adapter cannot be used; `details.reason` says at which step.',
    cause: 'A wrong path, a package that is missing, an error while it is imported.',
    advice:
      'Correct it; the traceback is printed below the JavaScript stack. `npx snakepit doctor --adapter …` tries it alone.',
    retryable: false,
  },
  WORKER_START_FAILED: {
    means:
      'A worker did not start; `details.failure` is one of [these causes](#why-a-worker-cannot-run).',
    cause: 'As its cause says.',
    advice: 'As its cause says; then `revive(workerId)`.',
    retryable: false,
  },
  RESOURCE_LIMIT: {
    means:
      'The workers do not fit: a limit of this process or of the machine is too low for so many; nothing was started.',
    cause:
      'A large `size` with the usual limit of file descriptors, or few processes allowed to a container.',
    advice:
      'Raise the limit that the message names, or have as many workers as it says fit; see [scaling.md](scaling.md).',
    retryable: false,
  },
  ENVIRONMENT: {
    means: 'Something outside of Snakepit is missing or refused.',
    cause: 'No Python, no gRPC in it, a directory that cannot be written.',
    advice: '`npx snakepit doctor` tells what to type.',
    retryable: false,
  },
  PROTOCOL: {
    means: 'The worker and Node do not understand each other.',
    cause: 'Another version of `snakepit_bridge`, or another server at that address.',
    advice: 'Use the one that comes with the package; `npx snakepit doctor` compares them.',
    retryable: false,
  },
};
