import {
  ExitError,
  exitReason,
  formatExitReason,
  isCleanExit,
  isSnakepitError,
  type ActorSystem,
  type ExitReason,
  type Pid,
  type SnakepitError,
} from '@snakepit/core';
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

/** What else {@link Application.start} takes: nothing must be given to an application that needs no arguments. */
export type ApplicationStartArguments<Args> = undefined extends Args
  ? readonly [options?: ApplicationStartOptions<Args>]
  : readonly [options: ApplicationStartOptions<Args> & { readonly args: Args }];

/** What {@link Application.ensureAllStarted} did. */
export type EnsureResult =
  | { readonly ok: true; readonly started: readonly string[] }
  | { readonly ok: false; readonly application: string; readonly error: ApplicationError };

/**
 * Parts of a system that are started, in order of their dependencies, and stopped as one (OTP APP-001 … APP-011).
 *
 * `system.stop()` stops them too, in reverse order of their start, but all within its own `timeout`.
 *
 * A callback of an application may start, stop and ask for others; it must not wait for the start or the end of its own.
 */
export const Application = {
  /**
   * Starts an application and waits until its top supervisor runs.
   *
   * @param rest - `type`, and `args` for its `start`; `args` must be given when its `start` takes any.
   * @returns `alreadyStarted`; `notStarted`, naming a dependency that does not run; `startFailed`; `badReturn`, when
   *   `start` threw or gave nothing that can be started; `invalidRestartType`.
   * @throws {@link SnakepitError} `INVALID_ARGUMENT` for what defineApplication() did not make; `SYSTEM_STOPPED`.
   * @throws {@link ExitError} when the system stops meanwhile.
   */
  async start<Args>(
    system: ActorSystem,
    application: Defined<Args>,
    ...rest: ApplicationStartArguments<Args>
  ): Promise<ApplicationResult> {
    checkApplication(application);
    const { type = 'temporary', args }: ApplicationStartOptions<Args> = rest[0] ?? {};
    return ask(system, 'start', { application, args, type } satisfies StartRequest);
  },
  /**
   * Starts applications after all that they depend on; what runs already is left alone.
   *
   * When one fails, those that this call has started are stopped again (OTP APP-003). None is given arguments: start
   * those that need some before, by {@link Application.start}.
   *
   * @returns The names of what it started, in order; or which one failed and why.
   * @throws as {@link Application.start} does.
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
      const request: StartRequest = { application, args: undefined, type };
      const result = await ask<ApplicationResult>(system, 'start', request);
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
   * @throws as {@link Application.start} does.
   */
  async stop(
    system: ActorSystem,
    application: Defined<never> | string,
  ): Promise<ApplicationResult> {
    if (typeof application === 'string' && application !== '') {
      return ask(system, 'stop', application);
    }
    checkApplication(application);
    return ask(system, 'stop', (application as Defined<never>).name);
  },
  /**
   * What runs, newest first.
   *
   * @throws as {@link Application.start} does.
   */
  async which(system: ActorSystem): Promise<readonly ApplicationInfo[]> {
    return ask(system, 'which');
  },
  /**
   * Waits until the applications of a system are at their end; to be asked at any time, also afterwards.
   *
   * An application that takes all along by its end, as its type says, stops all the others in reverse order and then
   * the system (OTP APP-010). Nothing else happens by itself: a program that is one with its applications makes the
   * end of them its own exit status (OTP APP-011).
   *
   * @returns `APPLICATION_TERMINATED`, naming the application and its reason, when nothing is left; `APPLICATIONS_LOST`,
   *   when they could not be stopped in order; `undefined` when the system was stopped in an ordinary way.
   * @throws {@link SnakepitError} `SYSTEM_STOPPED`, when it is stopped and never had any.
   */
  async untilStopped(system: ActorSystem): Promise<SnakepitError | undefined> {
    if (!ends.has(system)) controllerOf(system);
    return ends.get(system);
  },
} as const;

/** How the controller of each system ends; known as long as somebody has the system, which may ask after its end. */
const ends = new WeakMap<ActorSystem, Promise<SnakepitError | undefined>>();

async function ask<T>(system: ActorSystem, type: string, arg?: unknown): Promise<T> {
  const controller = controllerOf(system);
  if (isTerminating(system, controller)) {
    // It answers nobody any more, and waits for those that may be asking.
    throw new ExitError(exitReason.noproc, `call ${type} in "${system.name}", which is stopping`);
  }
  return system.call<T>(controller, { type, arg }, { timeout: Infinity });
}

function isTerminating(system: ActorSystem, pid: Pid): boolean {
  const value: unknown = system.processInfo(pid)?.stateValue;
  return typeof value === 'object' && value !== null && 'terminating' in value;
}

/** The controller of a system; the first who needs it starts it. A name is taken in the same turn, so there is one. */
function controllerOf(system: ActorSystem): Pid {
  const known = system.whereis(controllerName);
  if (known !== undefined) return known;
  const pid = system.spawn(applicationController, undefined, { name: controllerName });
  ends.set(system, endOf(system, system.awaitExit(pid)));
  return pid;
}

/** Ends the system when its controller ended in any other way than by being asked to; gives what that failure is. */
async function endOf(
  system: ActorSystem,
  ended: Promise<ExitReason>,
): Promise<SnakepitError | undefined> {
  const reason = await ended;
  if (isCleanExit(reason)) return undefined;
  await system.stop();
  const error = reason.kind === 'error' ? reason.error : undefined;
  if (isSnakepitError(error) && error.code === 'APPLICATION_TERMINATED') return error;
  return supervisorError(
    'APPLICATIONS_LOST',
    { reason: formatExitReason(reason) },
    { cause: error },
  );
}

/** Dependencies before those that need them, each once. */
function inOrder(applications: readonly Defined[]): Set<Defined<never>> {
  const ordered = new Set<Defined<never>>();
  const visit = (application: Defined<never>): void => {
    if (ordered.has(application)) return;
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
