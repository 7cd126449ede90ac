// For users.
export { Supervisor } from './supervisor.ts';
export type { SupervisorApi } from './supervisor.ts';
export { DynamicSupervisor } from './dynamic-supervisor.ts';
export type { DynamicSupervisorApi, StartDynamicChildError } from './dynamic-supervisor.ts';
export { PartitionSupervisor } from './partition-supervisor.ts';
export type { PartitionSupervisorApi } from './partition-supervisor.ts';
export type { PartitionChild, PartitionSupervisorOptions } from './partition-supervisor-options.ts';
export { TaskSupervisor } from './task-supervisor.ts';
export type {
  SupervisedTaskOptions,
  TaskChildOptions,
  TaskSupervisorApi,
  TaskSupervisorOptions,
} from './task-supervisor.ts';
export { supervisorEvents } from './supervisor-events.ts';
export type { SupervisorRef } from './supervisor-ref.ts';
export type {
  AutoShutdown,
  ChildSpec,
  ChildSpecFault,
  ChildStart,
  ChildType,
  CompleteChildSpec,
  RestartType,
  Shutdown,
  StartArguments,
  StartFunction,
} from './child-spec.ts';
export type { ChildId } from './child-id.ts';
export type {
  StartFault,
  Strategy,
  SupervisorFault,
  SupervisorOptions,
} from './supervisor-options.ts';
export type { DynamicSupervisorOptions } from './dynamic-options.ts';
export type {
  AlreadyPresent,
  AlreadyStarted,
  ChildCounts,
  ChildInfo,
  Done,
  MaxChildren,
  NoChildIds,
  NotFound,
  NotStopped,
  Refused,
  RestartChildError,
  StartChildError,
  Started,
  StartFailed,
} from './administration.ts';
export type { GivingUp, Offender, SupervisorTelemetryEvents } from './incident.ts';
export type { RestartBackoff } from './restart-backoff.ts';
export type { RestartBudget } from './restart-budget.ts';
export type { ReportContext } from './reports.ts';
export { supervisorMetrics } from './metrics.ts';
export { Application } from './application.ts';
export type {
  ApplicationStartArguments,
  ApplicationStartOptions,
  EnsureResult,
} from './application.ts';
export type { StartedApplication, StoppedApplication } from './application-reports.ts';
export { defineApplication } from './application-definition.ts';
export type {
  Application as DefinedApplication,
  ApplicationDefinition,
  ApplicationStart,
  TopSupervisor,
} from './application-definition.ts';
export type {
  ApplicationError,
  ApplicationInfo,
  ApplicationResult,
} from './application-controller.ts';

// The charts: to draw, simulate, generate tests from. For our other packages and the curious.
export { supervisorMachine } from './supervisor.machine.ts';
export type {
  SupervisorContext,
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
} from './supervisor.machine.ts';
export { dynamicSupervisorMachine } from './dynamic-supervisor.machine.ts';
export type {
  DynamicSupervisorContext,
  DynamicSupervisorEvent,
  DynamicSupervisorInput,
  DynamicSupervisorOutput,
} from './dynamic-supervisor.machine.ts';
export { restartIntensityMachine } from './restart-intensity.machine.ts';
export type {
  RestartIntensityContext,
  RestartIntensityEvent,
  RestartIntensityInput,
  RestartIntensityOutput,
} from './restart-intensity.machine.ts';
export { applicationMachine } from './application.machine.ts';
export type {
  ApplicationContext,
  ApplicationEvent,
  ApplicationMachineInput,
  ApplicationOutput,
  ApplicationType,
} from './application.machine.ts';
export type { SupervisorErrorCode } from './errors.ts';
