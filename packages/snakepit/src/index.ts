// For users: everything that calling Python takes. Actors are in `@snakepit/core`, trees in `@snakepit/supervisor`.
export { Snakepit } from '@snakepit/python-bridge';
export type {
  BackoffConfig,
  BridgeErrorCode as SnakepitErrorCode,
  Containment,
  DispatcherStats,
  ExecuteOptions,
  FailureCause,
  Health,
  HeartbeatConfig,
  PoolConfig,
  PoolStats,
  PythonExceptionDetails,
  RestartConfig,
  RestartOptions,
  SharedPoolConfig,
  SnakepitConfig,
  SnakepitStopOptions,
  Stats,
  WorkerHeartbeat,
  WorkerInfo,
} from '@snakepit/python-bridge';
export { SnakepitError, createTelemetry, isSnakepitError } from '@snakepit/core';
