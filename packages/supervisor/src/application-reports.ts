import { formatExitReason, type ActorSystem, type ExitReason, type Pid } from '@snakepit/core';
import type { ApplicationType } from './application.machine.ts';

/** The application that an event is about. */
export interface StartedApplication {
  /** Its name. */
  readonly application: string;
  /** What is done when it ends by itself. */
  readonly type: ApplicationType;
  /** Its process. */
  readonly pid: Pid;
}

/** The same when it has stopped. */
export interface StoppedApplication extends StartedApplication {
  /** What its process exited with: `shutdown` when it was asked to stop. */
  readonly reason: ExitReason;
  /** Whether nobody had asked it to stop. */
  readonly byItself: boolean;
}

/** Events of applications. */
export interface ApplicationTelemetryEvents {
  /** An application is up: its top supervisor runs (OTP APP-001). */
  'snakepit.application.started': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: StartedApplication;
  };
  /** An application that was up has stopped, by itself or because it was asked to (OTP APP-005, APP-008). */
  'snakepit.application.stopped': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: StoppedApplication;
  };
}

declare module '@snakepit/core' {
  interface TelemetryEvents extends ApplicationTelemetryEvents {}
}

/** An application, as its controller knows it. */
interface Subject {
  readonly application: { readonly name: string };
  readonly type: ApplicationType;
  readonly pid: Pid;
}

/** An application is up. */
export function reportStarted(
  { telemetry }: ActorSystem,
  { application: { name }, type, pid }: Subject,
): void {
  if (!telemetry.enabled('snakepit.application.started')) return;
  telemetry.emit('snakepit.application.started', { count: 1 }, { application: name, type, pid });
}

/** An application that was up has stopped; one that did so by itself is also a line for people. */
export function reportStopped(
  { telemetry, logger }: ActorSystem,
  { application: { name }, type, pid }: Subject,
  end: Pick<StoppedApplication, 'reason' | 'byItself'>,
): void {
  if (telemetry.enabled('snakepit.application.stopped')) {
    const metadata = { application: name, type, pid, ...end };
    telemetry.emit('snakepit.application.stopped', { count: 1 }, metadata);
  }
  if (!end.byItself) return;
  const { reason } = end;
  const what = `the ${type} application "${name}" ended by itself: ${formatExitReason(reason)}`;
  logger.info(what, { application: name, type, reason });
}
