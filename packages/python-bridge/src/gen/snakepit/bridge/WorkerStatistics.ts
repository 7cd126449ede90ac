// Original file: proto/snakepit_bridge.proto

import type { Long } from '@grpc/proto-loader';

export interface WorkerStatistics {
  'in_flight'?: (number);
  'served'?: (number | string | Long);
  'failed'?: (number | string | Long);
  'uptime_ms'?: (number | string | Long);
  'oldest_call_ms'?: (number | string | Long);
  'loop_lag_ms'?: (number | string);
  'delay_ms'?: (number | string);
}

export interface WorkerStatistics__Output {
  'in_flight': (number);
  'served': (number);
  'failed': (number);
  'uptime_ms': (number);
  'oldest_call_ms': (number);
  'loop_lag_ms': (number);
  'delay_ms': (number);
}
