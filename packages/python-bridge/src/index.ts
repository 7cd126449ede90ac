// For users.
export { Snakepit } from './snakepit.ts';
export type {
  CallOptions,
  CallStreamOptions,
  ExecuteOptions,
  RestartOptions,
  SessionOptions,
  SnakepitStartOptions,
  SnakepitStopOptions,
  StreamOptions,
} from './call-options.ts';
export type { Affinity, OnWorkerLost } from './pool/affinity.ts';
export type { ToolArguments } from './pool/caller.ts';
export type { Pool } from './pool/pool-handle.ts';
export type { Priority } from './pool/queue.ts';
export type { Session } from './pool/session.ts';
export type { ToolStream } from './pool/stream.ts';
export type {
  RegisterToolOptions,
  ToolContext,
  ToolFunction,
  UnregisterTool,
} from './tools/node-tools.ts';
export { bindTools } from './tools/typed-client.ts';
export type { BindToolsOptions, ClientManifest } from './tools/typed-client.ts';
export type { JsonSchema } from './tools/json-schema.ts';
export type { ToolInfo, ToolParameterInfo, ToolReturnInfo } from './tools/tool-info.ts';
export type { ToolParameterSpec } from './bridge/tool-table.ts';
export type { Health, PoolStats, Stats, WorkerInfo } from './status.ts';
export type { HeartbeatPathStatus, WorkerHeartbeat } from './worker/heartbeat-status.ts';
export type { WorkerStatistics } from './bridge/worker-client.ts';
export type { DispatcherStats } from './pool/pool-call.ts';
export type {
  BackoffConfig,
  HeartbeatConfig,
  PoolConfig,
  PythonTelemetryConfig,
  RemoteConfig,
  RemoteTlsConfig,
  CircuitBreakerConfig,
  CrashBarrierConfig,
  RecycleConfig,
  RestartConfig,
  RetryConfig,
  SharedPoolConfig,
  SnakepitConfig,
  TelemetryConfig,
} from './config/config.ts';
export { isSnakepitError } from './known-error.ts';
export type { KnownError, SnakepitErrorCode } from './known-error.ts';
export type {
  AdapterFailedDetails,
  AdapterProblem,
  BridgeErrorCode,
  ErrorIds,
  PythonCause,
  PythonExceptionDetails,
  PythonExceptionPart,
  ToolParameter,
} from './errors.ts';
export type { ResourceLimitDetails } from './resource-limit.ts';
export { grpcWorkerMachine } from './worker/grpc-worker.machine.ts';
export { gracefulShutdownMachine } from './worker/graceful-shutdown.machine.ts';
export { heartbeatMonitorMachine } from './worker/heartbeat-monitor.machine.ts';
export { lifecycleManagerMachine } from './worker/lifecycle-manager.machine.ts';
export { circuitBreakerMachine } from './resilience/circuit-breaker.machine.ts';
export { poolMachine } from './pool/pool.machine.ts';
export { watchdogMachine } from './os/watchdog.machine.ts';
export { forkServerMachine } from './hosts/fork/fork-server.machine.ts';
export type { Containment } from './hosts/worker-host.ts';
export type { LaunchMode } from './pool/choose-launch.ts';
export type { RecycleReason } from './worker/recycle-reason.ts';
export type { DrainEnd } from './worker/worker-life.ts';
export type { BlamedDeath } from './resilience/blamed-death.ts';
export type { FailureCause } from './worker/failure-cause.ts';
export { bridgeEvents } from './telemetry/bridge-events.ts';
export type { CallTelemetryEvents } from './telemetry/call-events.ts';
export type { CleanupTelemetryEvents } from './telemetry/cleanup-events.ts';
export type {
  WorkerConfiguration,
  WorkerMetadata,
  WorkerTelemetryEvents,
} from './telemetry/events.ts';
export type {
  PythonEvent,
  PythonMetadata,
  PythonTelemetryEvents,
} from './telemetry/python-events.ts';
export { ArrowTable } from './bridge/values/arrow-table.ts';
export { NdArray } from './bridge/values/nd-array.ts';
export type { NdArrayData, NdArrayParts } from './bridge/values/nd-array.ts';
export { asPython } from './bridge/values/python-value.ts';
export type { PythonTypes, PythonValue } from './bridge/values/python-value.ts';
export { isUnserializable } from './bridge/values/unserializable.ts';
export type { Unserializable } from './bridge/values/unserializable.ts';
// For our other packages.
export { explainConfig } from './config/explain-config.ts';
export type { ConfigExplanation, ExplainedValue } from './config/explain-config.ts';
export { signatureOf } from './tools/tool-info.ts';
export { describeAdapter } from './python/adapter-report.ts';
export { runDoctor } from './python/doctor.ts';
export type { DoctorOptions, DoctorPool, Finding } from './python/doctor.ts';
export { setupEnvironment } from './python/setup-environment.ts';
export { bridgeMetrics } from './telemetry/metrics.ts';
