// For users.
export { Snakepit } from './snakepit.ts';
export type { ExecuteOptions, RestartOptions, SnakepitStopOptions } from './call-options.ts';
export type { Health, PoolStats, Stats, WorkerInfo } from './status.ts';
export type { HeartbeatPathStatus, WorkerHeartbeat } from './worker/heartbeat-status.ts';
export type { WorkerStatistics } from './bridge/worker-client.ts';
export type { DispatcherStats } from './pool/dispatcher.ts';
export type {
  BackoffConfig,
  HeartbeatConfig,
  PoolConfig,
  RestartConfig,
  SharedPoolConfig,
  SnakepitConfig,
} from './config/config.ts';
export type { BridgeErrorCode, ErrorIds, PythonExceptionDetails, ToolParameter } from './errors.ts';
export { grpcWorkerMachine } from './worker/grpc-worker.machine.ts';
export { gracefulShutdownMachine } from './worker/graceful-shutdown.machine.ts';
export { heartbeatMonitorMachine } from './worker/heartbeat-monitor.machine.ts';
export { poolMachine } from './pool/pool.machine.ts';
export { watchdogMachine } from './os/watchdog.machine.ts';
export type { Containment } from './hosts/worker-host.ts';
export type { FailureCause } from './worker/failure-cause.ts';
export type { WorkerConfiguration, WorkerMetadata } from './telemetry/events.ts';
// For our other packages.
export { runDoctor } from './python/doctor.ts';
export type { DoctorPool, Finding } from './python/doctor.ts';
export { setupEnvironment } from './python/setup-environment.ts';
