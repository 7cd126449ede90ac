// For users.
export { anomalyMachine } from './anomaly/anomaly.machine.ts';
export type { AnomalyContext, AnomalyEvent, AnomalyInput } from './anomaly/anomaly.machine.ts';
export type { AnomalyKind, AnomalyTelemetryEvents } from './anomaly/anomaly-event.ts';
export { watchAnomalies } from './anomaly/anomaly-watch.ts';
export type { Anomaly, AnomalyWatch } from './anomaly/anomaly-watch.ts';
export type { Finding } from './anomaly/detectors.ts';
export { activeStates } from './chart/active-states.ts';
export { chartHash } from './chart/chart-hash.ts';
export type { ChartBox, ChartLayout, ChartPoint, ChartRoute } from './chart/chart-layout.ts';
export type { ChartMoment, ChartTimer } from './chart/chart-picture.ts';
export { chartOf, edgeLabel } from './chart/chart.ts';
export type { Chart, ChartEdge, ChartState } from './chart/chart.ts';
export { drawChart } from './chart/draw-chart.ts';
export { createChartLayouts, createLayoutThread, layoutChart } from './chart/layout-chart.ts';
export type { ChartLayouts, LayoutThread } from './chart/layout-chart.ts';
export { announceObserver, findObservers, observersDirectory } from './discovery/observer-file.ts';
export type { RunningObserver } from './discovery/observer-file.ts';
export { chartToDot, treeToDot } from './export/dot.ts';
export { exportMachine, isStateMachine, machineFormats } from './export/export-machine.ts';
export type { MachineFormat } from './export/export-machine.ts';
export { machineConfig, machineToJson } from './export/machine-json.ts';
export { chartToMermaid } from './export/mermaid.ts';
export { machineToScxml } from './export/scxml.ts';
export { messagesToMermaid } from './export/sequence.ts';
export { healthHandler } from './health/health-handler.ts';
export type { HealthOptions, HealthSubject } from './health/health-handler.ts';
export type { ProcessesHealth, WorkersHealth } from './health/health-answers.ts';
export { createMetricsRegistry } from './metrics/metrics-registry.ts';
export type { MetricsOptions, MetricsRegistry } from './metrics/metrics-registry.ts';
export type { MetricsRouteOptions } from './metrics/metrics-routes.ts';
export type { IncidentContent } from './incident/incident-file.ts';
export { readIncident } from './incident/read-incident.ts';
export { serveIncident } from './incident/serve-incident.ts';
export type { ServedIncident } from './incident/serve-incident.ts';
export { observe } from './observe.ts';
export type { Observer } from './observe.ts';
export type { ObserveOptions, Redact } from './observe-options.ts';
export { internedColumns, protocolVersion, rowColumns } from './protocol.ts';
export type {
  ActAnswer,
  ActorAnswer,
  ActorRow,
  ActRequest,
  ByeLine,
  ChartAnswer,
  CountedRestart,
  ContextMode,
  DeltaCounts,
  DeltaLine,
  GapLine,
  Handled,
  HandledSend,
  HandledStep,
  HelloLine,
  IncidentLine,
  IncidentsAnswer,
  IncidentSummary,
  KeepIncidentRequest,
  LifeLine,
  LifeRecord,
  LiveLine,
  OfferedAction,
  PanelsAnswer,
  PendingTimer,
  RecLine,
  RefusalAnswer,
  RowColumn,
  SnapLine,
  SupervisorAnswer,
  TurnsAnswer,
  WaitingMessage,
  WatchAnswer,
  WatchRequest,
  WireRow,
} from './protocol.ts';

// For our other packages.
export { createProcessMetrics } from './metrics/process-metrics.ts';
export { prometheusName } from './metrics/prometheus-name.ts';
export { TableMirror } from './tree/table-mirror.ts';
