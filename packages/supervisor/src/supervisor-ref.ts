import {
  ExitError,
  exitReason,
  type ActorSystem,
  type ExitReason,
  type Pid,
  type Request,
  type SnakepitError,
  type Target,
} from '@snakepit/core';
import { supervisorError } from './errors.ts';

/** A supervisor as its administrators see it: where it is and in which system. */
export interface SupervisorRef {
  /** The system it lives in. */
  readonly system: ActorSystem;
  /** Who is meant; a name is looked up anew at every use. */
  readonly target: Target;
  /**
   * Its process.
   *
   * @throws ExitError `noproc` when nobody has that name.
   */
  readonly pid: Pid;
}

/** Makes the reference to a supervisor that runs. */
export function refTo(system: ActorSystem, target: Target): SupervisorRef {
  return {
    system,
    target,
    get pid() {
      const pid = pidOf(system, target);
      if (pid === undefined) {
        throw new ExitError(exitReason.noproc, `supervisor ${JSON.stringify(target)}`);
      }
      return pid;
    },
  };
}

/** Asks a supervisor; without limit, for it answers only when it is not busy (OTP SUP-010). */
export function ask<T>(ref: SupervisorRef, request: Request): Promise<T> {
  if (!isRef(ref)) return Promise.reject(noRef());
  return ref.system.call<T>(ref.target, request, { timeout: Infinity });
}

/** Ends a supervisor in mailbox order and waits until it is gone (OTP GEN-030, GEN-031). */
export async function stopAndWait(ref: SupervisorRef, reason: ExitReason): Promise<ExitReason> {
  if (!isRef(ref)) throw noRef();
  const { system, target } = ref;
  const pid = pidOf(system, target);
  if (pid === undefined) return exitReason.noproc;
  const gone = system.awaitExit(pid);
  system.send(pid, { type: 'supervisor.stop', reason });
  return gone;
}

function pidOf(system: ActorSystem, target: Target): Pid | undefined {
  if (typeof target === 'string' || 'via' in target) return system.whereis(target);
  return 'pid' in target ? target.pid : target;
}

// Plain JavaScript callers can give anything; who comes from OTP gives a pid or a name.
function isRef(ref: unknown): boolean {
  return typeof ref === 'object' && ref !== null && 'system' in ref && 'target' in ref;
}

function noRef(): SnakepitError {
  return supervisorError('INVALID_ARGUMENT', {
    argument: 'the supervisor',
    fault: 'it is no reference to one',
    remedy: 'Give what Supervisor.start() gave, or Supervisor.at(system, pidOrName).',
  });
}
