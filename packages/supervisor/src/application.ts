import { isSnakepitError, type ActorSystem, type SnakepitError } from '@snakepit/core';
import {
  applicationController,
  controllerName,
  type ApplicationError,
  type ApplicationInfo,
  type ApplicationResult,
  type StartRequest,
} from './application-controller.ts';
import { isApplication, type Application as Defined } from './application-definition.ts';
import type { ApplicationType } from './application.machine.ts';
import { supervisorError } from './errors.ts';

/** How an application is started. */
export interface ApplicationStartOptions<Args> {
  /**
   * What is done when its top supervisor ends by itself; default `'temporary'`: nothing. `'permanent'`: everything
   * stops; `'transient'`: the same, unless the reason is `normal` (OTP APP-007, APP-008).
   */
  readonly type?: ApplicationType;
  /** For its `start`. */
  readonly args?: Args;
}

/** What {@link Application.ensureAllStarted} did. */
export type EnsureResult =
  | { readonly ok: true; readonly started: readonly string[] }
  | { readonly ok: false; readonly application: string; readonly error: ApplicationError };

/** Parts of a system that are started, in order of their dependencies, and stopped as one (OTP APP-001 … APP-011). */
export const Application = {
  /**
   * Starts an application and waits until its top supervisor runs.
   *
   * @returns `alreadyStarted`; `notStarted`, naming a dependency that does not run; `startFailed`; `badReturn`, when
   *   `start` threw or gave nothing that can be started; `invalidRestartType`.
   * @throws {@link SnakepitError} `INVALID_ARGUMENT` for what defineApplication() did not make.
   * @throws {@link ExitError} when the system stops meanwhile.
   */
  async start<Args>(
    system: ActorSystem,
    application: Defined<Args>,
    { type = 'temporary', args }: ApplicationStartOptions<Args> = {},
  ): Promise<ApplicationResult> {
    checkApplication(application);
    return ask(system, 'start', { application, args, type } satisfies StartRequest);
  },
  /**
   * Starts applications after all that they depend on; what runs already is left alone.
   *
   * When one fails, those that this call has started are stopped again (OTP APP-003). Dependencies get no arguments.
   *
   * @returns The names of what it started, in order; or which one failed and why.
   */
  async ensureAllStarted(
    system: ActorSystem,
    applications: Defined | readonly Defined[],
    { type = 'temporary' }: { readonly type?: ApplicationType } = {},
  ): Promise<EnsureResult> {
    const wanted = isList(applications) ? applications : [applications];
    for (const application of wanted) checkApplication(application);
    const started: string[] = [];
    for (const application of inOrder(wanted)) {
      const result = await ask<ApplicationResult>(system, 'start', { application, type });
      if (result.ok) {
        started.push(application.name);
      } else if (result.error.kind !== 'alreadyStarted') {
        for (const name of started.reverse()) await ask(system, 'stop', name);
        return { ok: false, application: application.name, error: result.error };
      }
    }
    return { ok: true, started };
  },
  /**
   * Stops an application: `prepStop`, its top supervisor without limit of time, `stop` (OTP APP-005).
   *
   * Those that depend on it are not touched, whatever its type (OTP APP-006).
   *
   * @param application - It, or its name.
   * @returns `notStarted` when it does not run.
   */
  async stop(system: ActorSystem, application: Defined | string): Promise<ApplicationResult> {
    return ask(system, 'stop', typeof application === 'string' ? application : application.name);
  },
  /** What runs, newest first. */
  async which(system: ActorSystem): Promise<readonly ApplicationInfo[]> {
    return ask(system, 'which');
  },
  /**
   * Waits until the applications of a system are at their end.
   *
   * An application that takes all along by its end, as its type says, stops all the others in reverse order and then
   * the system (OTP APP-010). Nothing else happens by itself: a program that is one with its applications makes the
   * end of them its own exit status (OTP APP-011).
   *
   * @returns `APPLICATION_TERMINATED`, naming the application and its reason; `undefined` when the system was stopped
   *   in an ordinary way.
   */
  async untilStopped(system: ActorSystem): Promise<SnakepitError | undefined> {
    const reason = await system.awaitExit(controllerOf(system));
    const error = reason.kind === 'error' ? reason.error : undefined;
    return isSnakepitError(error) ? error : undefined;
  },
} as const;

function ask<T>(system: ActorSystem, type: string, arg?: unknown): Promise<T> {
  return system.call<T>(controllerOf(system), { type, arg }, { timeout: Infinity });
}

/** The controller of a system; the first who needs it starts it. A name is taken in the same turn, so there is one. */
function controllerOf(system: ActorSystem): ReturnType<ActorSystem['spawn']> {
  return (
    system.whereis(controllerName) ??
    system.spawn(applicationController, undefined, { name: controllerName })
  );
}

/** Dependencies before those that need them, each once. */
function inOrder(applications: readonly Defined[]): Set<Defined> {
  const ordered = new Set<Defined>();
  const visit = (application: Defined): void => {
    application.dependencies.forEach(visit);
    ordered.add(application);
  };
  applications.forEach(visit);
  return ordered;
}

function isList(value: Defined | readonly Defined[]): value is readonly Defined[] {
  return Array.isArray(value);
}

function checkApplication(value: unknown): void {
  if (isApplication(value)) return;
  throw supervisorError('INVALID_ARGUMENT', {
    argument: 'the application',
    fault: 'it was not made by defineApplication()',
    remedy: 'Give what defineApplication() made.',
  });
}
