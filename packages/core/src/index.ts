// For users.
export { createSystem } from './system.ts';
export type { ActorSystem, StartOptions, SystemOptions } from './system.ts';
export type { StopOptions } from './system-life.ts';
export type { CrashIsolationMode } from './crash-isolation.ts';
export { createSystemClock, createTestClock } from './clock.ts';
export type { Clock, TestClock } from './clock.ts';
export { createConsoleLogger, silentLogger } from './logger.ts';
export type { Logger, LogLevel, LogSink } from './logger.ts';
export { SnakepitError, defineErrors, isSnakepitError } from './errors.ts';
export type {
  CoreErrorCode,
  ErrorDetails,
  ErrorFactory,
  ErrorTable,
  ErrorTemplate,
  SnakepitErrorOptions,
} from './errors.ts';
export { Pid } from './process/pid.ts';
export {
  ExitError,
  exitReason,
  formatExitReason,
  isCleanExit,
  isExitReason,
  sameExitReason,
} from './process/exit-reason.ts';
export type { ExitReason } from './process/exit-reason.ts';
export { isFrom, MonitorRef } from './process/messages.ts';
export type { DownMessage, ExitMessage, From, Request } from './process/messages.ts';
export { ProcessContext } from './process/process-context.ts';
export type { CallOptions, SpawnOptions, StartLinkOptions } from './process/process-context.ts';
export type { ProcessInfo, ProcessStatus } from './process/process-info.ts';
export type { StartListener, StartResult } from './process/pending-start.ts';
export { formatProcessName } from './process/names.ts';
export type { ProcessName, ViaName } from './process/names.ts';
export type { HasPid, Target } from './process/runtime.ts';
export { TimerRef } from './timers.ts';
export { Registry } from './registry/registry.ts';
export type { RegistryApi, RegistryEntry, UpdateValueResult } from './registry/registry.ts';
export type { RegistryKey } from './registry/registry-key.ts';
export type { RegistryOptions } from './registry/registry-plan.ts';
export type { RegisterResult, RegistryMessage } from './registry/registry-store.ts';
export { Agent } from './behaviours/agent.ts';
export type { AgentApi, AgentRef } from './behaviours/agent.ts';
export { defineServer } from './behaviours/gen-server.ts';
export type {
  CallHandler,
  CastHandler,
  Server,
  ServerDefinition,
  ServerRef,
} from './behaviours/gen-server.ts';
export { fail, ignore, noreply, ok, reply, stop } from './behaviours/gen-server-results.ts';
export type {
  Continuation,
  HandleResult,
  InitResult,
  Next,
  StateTimeout,
  TimeoutMessage,
} from './behaviours/gen-server-results.ts';
export type { ServerStateValue } from './behaviours/gen-server-instance.ts';
export { sys } from './debug/sys.ts';
export type { CrashFields } from './debug/crash-report.ts';
export type { DebugEvent, DebugHook } from './debug/debug-event.ts';
export type { RecentEvent } from './debug/flight-recorder.ts';
export type { ProcessStatistics } from './debug/process-debug.ts';
export type { SystemStatus } from './debug/process-status.ts';
export type { StopProcessOptions } from './debug/stop-process.ts';
export { defineStatechart } from './behaviours/statechart.ts';
export type { EffectArguments, Effects, StatechartOptions } from './behaviours/statechart.ts';
export { Task, defineTask } from './behaviours/task.ts';
export type { TaskHandle, TaskWaitOptions } from './behaviours/task-handle.ts';
export type { TaskResults, TaskValues } from './behaviours/task-many.ts';
export type { TaskResult } from './behaviours/task-outcome.ts';
export type { TaskFunction } from './behaviours/task-process.ts';
export type { TaskStreamOptions } from './behaviours/task-stream.ts';
export type { TaskOwner } from './behaviours/task-wait.ts';
export type { Behaviour, ChildDefaults, Given, Spawnable } from './behaviours/behaviour.ts';
export { createTelemetry } from './telemetry/telemetry.ts';
export { attachDefaultHandlers } from './telemetry/default-handlers.ts';
export type { DefaultHandlerOptions } from './telemetry/default-handlers.ts';
export { coreEvents } from './telemetry/core-events.ts';
export type {
  EventDescription,
  EventLevel,
  EventTable,
  EventTableOf,
  MeasurementDescription,
} from './telemetry/event-table.ts';
export type {
  CoreTelemetryEvents,
  Measurements,
  Metadata,
  Telemetry,
  TelemetryEventName,
  TelemetryEvents,
  TelemetryHandler,
} from './telemetry/telemetry.ts';
export { attachMetrics } from './observation/attach-metrics.ts';
export type { Instrument, MetricSink } from './observation/attach-metrics.ts';
export { coreMetrics } from './observation/core-metrics.ts';
export { eventMetric, polledMetric } from './observation/metric-definition.ts';
export type {
  EventMetric,
  MeasuredMetric,
  MetricAttributes,
  MetricDefinition,
  PolledMetric,
  RecordValue,
} from './observation/metric-definition.ts';
export { reportMetrics } from './observation/report-metrics.ts';
export type {
  ExecutedCall,
  HealthCheck,
  Observation,
  ObservationSource,
  ProcessAction,
  ProcessFacts,
} from './observation/observation.ts';
export { lifeEvent } from './observation/life-record.ts';
export type {
  Incident,
  LifeEvent,
  LifeNote,
  LifeRecord,
  ProcessIdentity,
} from './observation/life-record.ts';
export type {
  HandledRecord,
  MessageKind,
  MessageOutcome,
  RecordsSince,
  SentMessage,
  TransitionStep,
  WatchedRecord,
  WatchTarget,
} from './observation/message-record.ts';
export type {
  PendingTimer,
  ProcessDetails,
  WaitingMessage,
} from './observation/process-details.ts';
export type { Records } from './observation/records.ts';
export type { WatchLimit } from './observation/watch-budget.ts';
export type {
  CountedRestart,
  RestartWindowView,
  SupervisedChild,
  Supervision,
} from './observation/supervision.ts';

// For our other packages.
export { milliseconds, number, occurrence } from './telemetry/event-table.ts';
export { matchesGlob } from './telemetry/glob.ts';
export {
  anything,
  checkMembers,
  flag,
  functionLike,
  isObject,
  oneOf,
  text,
  wrongMember,
} from './check-options.ts';
export type { MemberRule, MemberRules } from './check-options.ts';
export { causesOf } from './debug/crash-report.ts';
export { isSilent } from './logger.ts';
export { prepareTask } from './behaviours/task-handle.ts';
export type { PreparedTask } from './behaviours/task-handle.ts';
export { streamTasks } from './behaviours/task-stream.ts';
export type { TaskStreamParts } from './behaviours/task-stream.ts';
export { unlessUnheard } from './behaviours/task-wait.ts';
export { mapKeyOf } from './registry/registry-key.ts';
export { isSecretName } from './secret-name.ts';
export type { Router } from './process/names.ts';
