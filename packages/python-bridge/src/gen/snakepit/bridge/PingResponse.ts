// Original file: proto/snakepit_bridge.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { WorkerStatistics as _snakepit_bridge_WorkerStatistics, WorkerStatistics__Output as _snakepit_bridge_WorkerStatistics__Output } from '../../snakepit/bridge/WorkerStatistics.ts';

export interface PingResponse {
  'message'?: (string);
  'server_time'?: (_google_protobuf_Timestamp | null);
  'success'?: (boolean);
  'statistics'?: (_snakepit_bridge_WorkerStatistics | null);
  '_success'?: "success";
}

export interface PingResponse__Output {
  'message': (string);
  'server_time': (_google_protobuf_Timestamp__Output | null);
  'success'?: (boolean);
  'statistics': (_snakepit_bridge_WorkerStatistics__Output | null);
  '_success'?: "success";
}
