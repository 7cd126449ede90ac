import { showOpenValue } from '../show-value.ts';
import { coreError } from '../errors.ts';
import { Pid } from './pid.ts';

/**
 * Why a process ended: a value with a closed set of kinds, never lost on the way up.
 *
 * `shutdown` is not `shutdownWith`, and `kill` is not `killed`: supervisors decide by the difference.
 */
export type ExitReason =
  | { readonly kind: 'normal' }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'shutdownWith'; readonly detail: unknown }
  | { readonly kind: 'kill' }
  | { readonly kind: 'killed' }
  | { readonly kind: 'noproc' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'callingSelf' }
  | { readonly kind: 'alreadyStarted'; readonly pid: Pid }
  | { readonly kind: 'badReturn'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'custom'; readonly value: unknown };

/** Makers of {@link ExitReason}, under OTP's names. */
export const exitReason = {
  /** The process returned. */
  normal: { kind: 'normal' },
  /** Its supervisor asked it to end. */
  shutdown: { kind: 'shutdown' },
  /** As a request, the exit that cannot be trapped; as a reason, of a process that ended itself so (PRC-010). */
  kill: { kind: 'kill' },
  /** It was killed by somebody. */
  killed: { kind: 'killed' },
  /** There was no such process. */
  noproc: { kind: 'noproc' },
  /** Something did not come in time. */
  timeout: { kind: 'timeout' },
  /** A process called itself (GEN-018). */
  callingSelf: { kind: 'callingSelf' },
  /** A clean end that says more: OTP's two-element `shutdown` tuple. */
  shutdownWith: (detail: unknown) => ({ kind: 'shutdownWith', detail }),
  /** Something was thrown and not caught; the error carries its stack. */
  error: (error: unknown) => ({ kind: 'error', error }),
  /** A callback returned what it must not. */
  badReturn: (value: unknown) => ({ kind: 'badReturn', value }),
  /** The name is taken by that process. */
  alreadyStarted: (pid: Pid) => ({ kind: 'alreadyStarted', pid }),
  /** Any other term. */
  custom: (value: unknown) => ({ kind: 'custom', value }),
} as const satisfies Record<string, ExitReason | ((value: never) => ExitReason)>;

/** Whether a supervisor takes this as a planned end: normal, shutdown, or shutdown with a detail. */
export function isCleanExit(reason: ExitReason): boolean {
  return reason.kind === 'normal' || reason.kind === 'shutdown' || reason.kind === 'shutdownWith';
}

/** Whether two reasons are the same: same kind and, where it carries something, the very same thing. */
export function sameExitReason(a: ExitReason, b: ExitReason): boolean {
  if (a.kind !== b.kind) return false;
  return payloadOf(a) === payloadOf(b);
}

/** The reason in one line, for logs and messages; without members whose names look secret. */
export function formatExitReason(reason: ExitReason): string {
  try {
    return inOneLine(reason);
  } catch {
    // One that was not made by exitReason may have getters, and they may throw; it ends its process all the same.
    return reason.kind;
  }
}

function inOneLine(reason: ExitReason): string {
  switch (reason.kind) {
    case 'shutdownWith':
      return `shutdown(${showOpenValue(reason.detail)})`;
    case 'error':
      return `error(${showOpenValue(reason.error)})`;
    case 'badReturn':
      return `badReturn(${showOpenValue(reason.value)})`;
    case 'custom':
      return showOpenValue(reason.value);
    case 'alreadyStarted':
      return `alreadyStarted(${reason.pid.toString()})`;
    default:
      return reason.kind;
  }
}

/** What a call, a start or an awaited exit rejects with: carries the exit reason as it was. */
export class ExitError extends Error {
  /** Why. */
  readonly reason: ExitReason;

  /**
   * @param reason - Why.
   * @param what - What was attempted, for the message, such as `call to counter`.
   */
  constructor(reason: ExitReason, what: string) {
    super(
      `${what}: ${formatExitReason(reason)}`,
      reason.kind === 'error' ? { cause: reason.error } : undefined,
    );
    this.name = 'ExitError';
    this.reason = reason;
  }
}

/** Whether a value is an exit reason; for outputs of machines, which are unknown to the compiler. */
export function isExitReason(value: unknown): value is ExitReason {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  if (typeof value.kind !== 'string' || !reasonKinds.has(value.kind)) return false;
  return value.kind !== 'alreadyStarted' || ('pid' in value && value.pid instanceof Pid);
}

/**
 * The value, when it is an exit reason: supervisors decide by it, so nothing is guessed.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT when it is none.
 * @internal
 */
export function checkExitReason(value: unknown): ExitReason {
  if (isExitReason(value)) return value;
  const isPlain = typeof value === 'string' && value in exitReason;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the exit reason',
    value,
    fault: `it must be made by exitReason: ${[...reasonKinds].join(', ')}`,
    remedy: isPlain
      ? `Give exitReason.${value}, from @snakepit/core.`
      : 'Give exitReason.custom(value) for a reason of your own.',
  });
}

const reasonKinds: ReadonlySet<string> = new Set([
  'normal',
  'shutdown',
  'shutdownWith',
  'kill',
  'killed',
  'noproc',
  'timeout',
  'callingSelf',
  'alreadyStarted',
  'badReturn',
  'error',
  'custom',
] satisfies ExitReason['kind'][]);

function payloadOf(reason: ExitReason): unknown {
  switch (reason.kind) {
    case 'shutdownWith':
      return reason.detail;
    case 'error':
      return reason.error;
    case 'badReturn':
    case 'custom':
      return reason.value;
    case 'alreadyStarted':
      return reason.pid;
    default:
      return undefined;
  }
}
